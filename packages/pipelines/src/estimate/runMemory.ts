import { defaultDecodeSize } from "@splitmask/data";
import type { MachineFacts, PictureFacts } from "../settings/facts.js";
import type { LoopSettings } from "../settings/runSettings.js";

/** Node.js, the kernels' scratch memory and the pool's gaps, in bytes. */
export const processBytes = 350 * 2 ** 20;

/** The short side to which the pictures of a run are reduced whose largest view is its crop, in pixels. */
export function decodeSizeOf({ imageSize }: Pick<LoopSettings, "imageSize">): number {
  return defaultDecodeSize([{ size: imageSize }]);
}

/** What all pictures take, in bytes, at four to three, where much larger ones are reduced to a short side. */
export function picturesBytes({ count, shortSide }: PictureFacts, decodeSize: number): number {
  const side = shortSide > 1.5 * decodeSize ? decodeSize : shortSide;
  return count * side * ((4 / 3) * side) * 3;
}

/**
 * What decoded pictures take in memory, in bytes: at most a third of what is free (`defaultCacheBytes`); where they do
 * not fit, they lie on the disk, if they may.
 */
export function keptBytes(
  { cache, imageSize }: Pick<LoopSettings, "cache" | "imageSize">,
  pictures: PictureFacts,
  { freeBytes }: Pick<MachineFacts, "freeBytes">,
): number {
  const all = picturesBytes(pictures, decodeSizeOf({ imageSize }));
  return all <= freeBytes / 3 ? all : cache === "off" ? freeBytes / 3 : 0;
}
