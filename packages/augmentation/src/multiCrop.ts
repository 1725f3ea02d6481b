import type { Augmentation } from "./augmentation.js";
import type { ChannelNumbers, View } from "./imageBatch.js";

/** One kind of crop of `multiCrop`. */
export interface CropKind {
  /** How many views. */
  readonly count: number;
  /** Rows and columns of each. */
  readonly size: number;
  /** What happens to them; each view draws anew. */
  readonly augmentation: Augmentation;
}

/**
 * Views of several kinds, each with draws of its own: DINO's two global and some local crops (Caron et al. 2021),
 * SwAV's multi-crop, SimCLR's two views. The batches of a loader with these views have one tensor a view, in this
 * order.
 *
 * @param kinds What is wanted, e.g. global and then local crops.
 * @param scale Mean and standard deviation of the channels.
 * @throws RangeError If a count is no whole number from 0 on.
 */
export function multiCrop(
  kinds: readonly CropKind[],
  scale: { readonly mean: ChannelNumbers; readonly std: ChannelNumbers },
): View[] {
  return kinds.flatMap(({ count, size, augmentation }) => {
    if (!Number.isInteger(count) || count < 0) {
      throw new RangeError(`multiCrop: count is ${count}; expected a whole number of views, 0 or more.`);
    }
    return Array.from({ length: count }, () => ({ ...scale, size, augmentation }));
  });
}
