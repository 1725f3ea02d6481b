import { checkSkipped, type ImageDataset, imageFolder, type SkippedPicture } from "@splitmask/data";
import { defaultMaximumSkipped, type PictureFacts } from "../config/resolve.js";
import { chooseSubset, type SubsetChoice } from "./subset.js";

/** Headers that are read to learn how large the pictures are. */
const sampledHeaders = 200;

/** A folder of pictures and what was learned of it. */
export interface ScannedPictures {
  /** The pictures that are chosen. */
  readonly dataset: ImageDataset;
  /** How many other files lie beside them. */
  readonly ignored: number;
  /** Number and size. */
  readonly facts: PictureFacts;
  /** Pictures of the sample whose headers could not be read. */
  readonly unreadable: readonly SkippedPicture[];
}

/**
 * Lists a folder of pictures and reads the headers of a sample.
 *
 * @param folder The folder.
 * @param config Which pictures are chosen, and how many may be unreadable.
 * @throws Error where there are no pictures, or too many of the sample cannot be read.
 */
export async function scanPictures(
  folder: string,
  config: SubsetChoice & { readonly maximumSkipped?: number | undefined } = {},
): Promise<ScannedPictures> {
  const dataset = await imageFolder(folder);
  const indices = spread(dataset.length, sampledHeaders);
  const sides: number[] = [];
  const unreadable: SkippedPicture[] = [];
  for (const index of indices) {
    try {
      const { height, width } = await dataset.size(index);
      sides.push(Math.min(height, width));
    } catch (error) {
      const { path, reason } = error as Partial<SkippedPicture>;
      unreadable.push({ path: path ?? dataset.path(index), reason: reason ?? (error as Error).message });
    }
  }
  if (sides.length === 0) {
    const { path, reason } = unreadable[0]!;
    throw new Error(
      `${folder}: none of the ${dataset.length} pictures can be read, e.g. ${path}: ${reason}. Give a folder of JPEG, PNG or WebP pictures.`,
    );
  }
  checkSkipped(unreadable, {
    tried: indices.length,
    total: dataset.length,
    maximumSkipped: config.maximumSkipped ?? defaultMaximumSkipped,
    sample: true,
  });
  const chosen = await chooseSubset(dataset, config);
  sides.sort((a, b) => a - b);
  return {
    dataset: chosen,
    ignored: dataset.ignored.length,
    facts: { count: chosen.length, shortSide: sides[Math.floor(sides.length / 2)]! },
    unreadable,
  };
}

/**
 * At most `most` numbers from 0 to length − 1, evenly apart.
 *
 * @param length How many there are.
 * @param most How many are wanted.
 */
export function spread(length: number, most: number): number[] {
  const count = Math.min(length, most);
  return Array.from({ length: count }, (_, index) => Math.floor((index * length) / count));
}
