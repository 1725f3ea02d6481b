import type { MachineFacts, PictureFacts } from "../settings/facts.js";
import type { LoopSettings } from "../settings/runSettings.js";

/** Node.js, the kernels' scratch memory and the pool's gaps, in bytes. */
export const processBytes = 350 * 2 ** 20;

/** What all pictures take, in bytes, at four to three, where much larger ones are reduced to a short side. */
export function picturesBytes({ count, shortSide }: PictureFacts, decodeSize: number): number {
  const side = shortSide > 1.5 * decodeSize ? decodeSize : shortSide;
  return count * side * ((4 / 3) * side) * 3;
}

/**
 * What decoded pictures, reduced to a short side, take in memory, in bytes: at most a third of what is free
 * (`defaultCacheBytes`); where they do not fit, they lie on the disk, if they may.
 */
export function keptBytes(
  { cache }: Pick<LoopSettings, "cache">,
  decodeSize: number,
  pictures: PictureFacts,
  { freeBytes }: Pick<MachineFacts, "freeBytes">,
): number {
  const all = picturesBytes(pictures, decodeSize);
  return all <= freeBytes / 3 ? all : cache === "off" ? freeBytes / 3 : 0;
}
