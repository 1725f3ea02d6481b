import { type ImageDataset, randomIndices, readIndices, subset } from "@splitmask/data";
import { UsageError } from "@splitmask/methods/settings";

/** Which pictures of a data set are used: all, or what one of the two fields says. */
export interface SubsetChoice {
  /** A share ("10%"), a number ("1000"), or the path of a file with one index a line. */
  readonly subset?: string | null | undefined;
  /** So many pictures of every class. */
  readonly perClass?: number | null | undefined;
  /** What the choice depends on. Default 0. */
  readonly seed?: number | undefined;
}

/** Which labels are learned from, and how often they are drawn anew. */
export interface LabelChoice extends SubsetChoice {
  /** A share of every class's labels, e.g. "1%". */
  readonly labels?: string | undefined;
  /** The seeds with which the experiment is repeated. Default `seed` alone. */
  readonly seeds?: readonly number[] | undefined;
}

/** One draw of training labels. */
export interface LabelDraw {
  readonly seed: number;
  /** The pictures, rising; null: all. */
  readonly indices: Int32Array | null;
}

/** The chosen pictures, in the order of the data set; the data set itself where nothing is chosen. */
export async function chooseSubset(dataset: ImageDataset, choice: SubsetChoice): Promise<ImageDataset> {
  const indices = await chooseIndices(dataset, choice);
  return indices === null ? dataset : subset(dataset, indices);
}

/** Draws the training labels once for each seed. */
export async function drawLabels(dataset: ImageDataset, choice: LabelChoice): Promise<LabelDraw[]> {
  const { labels, perClass, seeds = [choice.seed ?? 0] } = choice;
  if ([labels, choice.subset, perClass].filter((given) => given).length > 1)
    throw new UsageError("--labels, --subset and --per-class: give only one of them.");
  const draws: LabelDraw[] = [];
  for (const seed of seeds) {
    const indices =
      labels === undefined
        ? await chooseIndices(dataset, { ...choice, seed })
        : shareOfLabels(dataset, labels, seed);
    draws.push({ seed, indices });
  }
  return draws;
}

/** Which pictures are chosen, rising; null: all. */
async function chooseIndices(
  dataset: ImageDataset,
  { subset: text, perClass, seed = 0 }: SubsetChoice,
): Promise<Int32Array | null> {
  if (text && perClass) throw new UsageError("subset and perClass: give only one of them.");
  try {
    if (perClass) return randomIndices(dataset, { perClass, seed });
    if (!text) return null;
    const fraction = readPercent(text);
    if (fraction !== null) return randomIndices(dataset, { fraction, seed });
    if (/^\d+$/.test(text)) return randomIndices(dataset, { count: Number(text), seed });
    return await readIndices(text);
  } catch (error) {
    const field = perClass ? `perClass ${perClass}` : `subset "${text}"`;
    throw new UsageError(`${field}: ${(error as Error).message}`);
  }
}

/** The same share of every class; a class without a label is an error. */
function shareOfLabels(dataset: ImageDataset, labels: string, seed: number): Int32Array {
  const fraction = readPercent(labels);
  if (fraction === null || !(fraction > 0 && fraction <= 1)) {
    throw new UsageError(
      `--labels: got "${labels}", expected a percentage above 0 % and at most 100 %, e.g. 1%. ` +
        "For a number of labels use --per-class.",
    );
  }
  const indices = randomIndices(dataset, { fraction, seed });
  const present = new Set(Array.from(indices, (index) => dataset.label(index)));
  const missing = dataset.classes.filter((_, label) => !present.has(label));
  if (missing.length > 0) {
    const more = missing.length > 5 ? ` and ${missing.length - 5} more` : "";
    throw new UsageError(
      `--labels: ${labels} of ${dataset.length} pictures are ${indices.length}, ` +
        `without any of ${missing.slice(0, 5).join(", ")}${more}. Give a larger share, or --per-class 1.`,
    );
  }
  return indices;
}

/** The share that a text such as "10%" says, or null where it is no percentage. */
function readPercent(text: string): number | null {
  const share = /^([\d.]+)\s*%$/.exec(text);
  return share === null ? null : Number(share[1]) / 100;
}
