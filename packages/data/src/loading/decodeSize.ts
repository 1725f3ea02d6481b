import type { View } from "@splitmask/augmentation";

/**
 * The short side to which loaders reduce pictures unless told otherwise: twice the largest view, so that a crop of a
 * quarter of the area is not enlarged, while photographs of several megapixels do not fill the memory.
 *
 * @param views In which sizes batches are wanted.
 */
export function defaultDecodeSize(views: readonly Pick<View, "size">[]): number {
  return 2 * Math.max(...views.map(({ size }) => size));
}
