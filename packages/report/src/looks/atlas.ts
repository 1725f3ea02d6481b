import {
  affine,
  concatenate,
  noGrad,
  permute,
  reshape,
  scope,
  type Tensor,
  zeros,
} from "@splitmask/autograd";
import sharp from "sharp";
import type { Atlas } from "../data.js";

/**
 * Puts small pictures side by side in one WebP, in as many rows as columns.
 *
 * @param pictures Batches B×3×S×S of at least one picture together, pixels in [−1, 1].
 */
export async function pictureAtlas(pictures: readonly Tensor[]): Promise<Atlas> {
  const { device } = pictures[0]!;
  const tile = pictures[0]!.shape[2]!;
  const count = pictures.reduce((sum, batch) => sum + batch.shape[0]!, 0);
  const columns = Math.ceil(Math.sqrt(count));
  const rows = Math.ceil(count / columns);
  const sheet = noGrad(device, () =>
    scope(device, () => {
      const missing = zeros(device, [rows * columns - count, 3, tile, tile]);
      const all = reshape(concatenate([...pictures, missing], 0), [rows, columns, 3, tile, tile]);
      return affine(permute(all, [0, 3, 1, 4, 2]), 127.5, 127.5);
    }),
  );
  const pixels = new Uint8ClampedArray(await sheet.data());
  sheet.dispose();
  const raw = { height: rows * tile, width: columns * tile, channels: 3 } as const;
  const webp = await sharp(pixels, { raw }).webp({ quality: 60, effort: 4 }).toBuffer();
  return { image: `data:image/webp;base64,${webp.toString("base64")}`, tile, columns, count };
}
