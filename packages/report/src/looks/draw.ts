import {
  affine,
  concatenate,
  noGrad,
  ones,
  permute,
  reshape,
  scatterTokens,
  scope,
  type Tensor,
  zeros,
} from "@splitmask/autograd";
import { unpatchify } from "@splitmask/nn";
import sharp, { type Sharp } from "sharp";
import type { Atlas } from "../data.js";

/**
 * Draws pictures.
 *
 * @param pixels B×3×H×W in [−1, 1].
 * @returns B pictures, ready to be encoded.
 */
export async function drawPictures(pixels: Tensor): Promise<Sharp[]> {
  const { device } = pixels;
  const [count, channels, height, width] = pixels.shape as readonly [number, 3 | 4, number, number];
  const rows = noGrad(device, () => scope(device, () => affine(permute(pixels, [0, 2, 3, 1]), 127.5, 127.5)));
  const bytes = new Uint8ClampedArray(await rows.data());
  rows.dispose();
  const size = height * width * channels;
  return Array.from({ length: count }, (_, index) =>
    sharp(bytes.subarray(index * size, (index + 1) * size), { raw: { height, width, channels } }),
  );
}

/**
 * Draws B×K×3P² patches of pictures at their places, int32 B×K, in the grid; null: K is all places, in order. Where
 * there is no patch, a picture is transparent.
 */
export function drawPatches(
  patches: Tensor,
  places: Tensor | null,
  grid: readonly [number, number],
): Promise<Sharp[]> {
  const { device } = patches;
  const [batch, count, width] = patches.shape as readonly [number, number, number];
  const pixels = noGrad(device, () =>
    scope(device, () => {
      const opaque = concatenate([patches, ones(device, [batch, count, width / 3])], 2);
      // What is scattered is 0 elsewhere, which has to mean transparent: −1.
      const all =
        places === null
          ? opaque
          : affine(scatterTokens(affine(opaque, 1, 1), places, grid[0] * grid[1]), 1, -1);
      return unpatchify(all, grid, Math.round(Math.sqrt(width / 3)));
    }),
  );
  return drawPictures(pixels);
}

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
      const all = reshape(concatenate([...pictures, missing], 0), [1, rows * columns, 3 * tile ** 2]);
      return unpatchify(all, [rows, columns], tile);
    }),
  );
  const [drawn] = await drawPictures(sheet);
  const webp = await drawn!.webp({ quality: 60, effort: 4 }).toBuffer();
  return { image: `data:image/webp;base64,${webp.toString("base64")}`, tile, columns };
}

/** A PNG of a picture at its own size: the page enlarges it. */
export async function dataUri(picture: Sharp): Promise<string> {
  const png = await picture.png({ compressionLevel: 9 }).toBuffer();
  return `data:image/png;base64,${png.toString("base64")}`;
}

/** Colors from dark to bright for attention maps, red, green and blue; what lies between them is interpolated. */
const ramp: readonly (readonly [number, number, number])[] = [
  [18, 18, 38],
  [58, 32, 104],
  [136, 42, 118],
  [214, 76, 82],
  [246, 152, 62],
  [252, 238, 168],
];

/** Draws a grid of numbers, row by row, as colors from the lowest to the highest. */
export function heatMap(
  values: ArrayLike<number>,
  [height, width]: readonly [number, number],
): Promise<string> {
  const list = Array.from(values);
  const low = Math.min(...list);
  const range = Math.max(...list) - low || 1;
  const pixels = list.flatMap((value) => {
    const place = ((value - low) / range) * (ramp.length - 1);
    const from = Math.min(ramp.length - 2, Math.floor(place));
    return ramp[from]!.map((dark, channel) => dark + (place - from) * (ramp[from + 1]![channel]! - dark));
  });
  const factor = Math.ceil(64 / Math.max(height, width));
  const map = sharp(Uint8Array.from(pixels), { raw: { height, width, channels: 3 } });
  return dataUri(map.resize(width * factor, height * factor, { kernel: "cubic" }));
}
