import { type ImageDataset, randomIndices } from "@splitmask/data";
import { UsageError } from "@splitmask/methods/settings";
import { chooseIndices, readPercent, type SubsetChoice } from "./subset.js";

/** Which labels are learned from, and how often they are drawn anew. */
export interface LabelChoice extends SubsetChoice {
  /** A share of every class's labels, e.g. "1%". */
  readonly labels?: string | undefined;
  /** The seeds with which the experiment is repeated. Default `seed` alone. */
  readonly seeds?: readonly number[] | undefined;
}

/** One draw of training labels. */
export interface LabelDraw {
  /** What it depends on. */
  readonly seed: number;
  /** The pictures, rising; null: all. */
  readonly indices: Int32Array | null;
}

/**
 * Draws the training labels once for each seed: so many of every class, the same share of every class, or what `subset`
 * says.
 *
 * @param dataset All training pictures.
 * @param choice Which of them.
 * @throws UsageError where more than one way is given, a class would be left without a label, or there are not so many.
 */
export async function drawLabels(dataset: ImageDataset, choice: LabelChoice): Promise<LabelDraw[]> {
  const { labels, seeds = [choice.seed ?? 0] } = choice;
  const given = [choice.labels, choice.subset, choice.perClass].filter((field) => field);
  if (given.length > 1) throw new UsageError("--labels, --subset and --per-class: give only one of them.");
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

function shareOfLabels(dataset: ImageDataset, labels: string, seed: number): Int32Array {
  const fraction = readPercent(labels);
  if (fraction === null || !(fraction > 0 && fraction <= 1)) {
    throw new UsageError(
      `--labels: got "${labels}", expected a percentage above 0 % and at most 100 %, e.g. 1%. For a number of labels use --per-class.`,
    );
  }
  const indices = randomIndices(dataset, { fraction, seed });
  const present = new Set<number>();
  for (const index of indices) present.add(dataset.label(index));
  const missing = dataset.classes.filter((_, label) => !present.has(label));
  if (missing.length > 0) {
    const more = missing.length > 5 ? ` and ${missing.length - 5} more` : "";
    throw new UsageError(
      `--labels: ${labels} of ${dataset.length} pictures are ${indices.length}, without any of ${missing.slice(0, 5).join(", ")}${more}. Give a larger share, or --per-class 1.`,
    );
  }
  return indices;
}
