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

/**
 * The chosen pictures, in the order of the data set; the data set itself where nothing is chosen.
 *
 * @param dataset All pictures.
 * @param choice Which of them.
 * @throws UsageError where both fields are given, or they ask for what is not there.
 */
export async function chooseSubset(dataset: ImageDataset, choice: SubsetChoice): Promise<ImageDataset> {
  const indices = await chooseIndices(dataset, choice);
  return indices === null ? dataset : subset(dataset, indices);
}

/**
 * Which pictures {@link chooseSubset} takes; null: all.
 *
 * @param dataset All pictures.
 * @param choice Which of them.
 * @throws UsageError where both fields are given, or they ask for what is not there.
 */
export async function chooseIndices(dataset: ImageDataset, choice: SubsetChoice): Promise<Int32Array | null> {
  const { subset: text, perClass, seed = 0 } = choice;
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

/** The share that a text such as "10%" says, or null where it is no percentage. */
export function readPercent(text: string): number | null {
  const share = /^([\d.]+)\s*%$/.exec(text);
  return share === null ? null : Number(share[1]) / 100;
}
