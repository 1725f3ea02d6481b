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
} from "@splitmask/autograd";
import { patchify } from "@splitmask/nn";
import sharp, { type Sharp } from "sharp";
import type { DataUri } from "../data.js";

/** Pictures on the host, ready to be encoded: red, green, blue, opacity in 0…255. */
export interface DrawnPictures {
  /** How many. */
  readonly count: number;
  /** Rows of a picture. */
  readonly height: number;
  /** Columns of a picture. */
  readonly width: number;
  /** count × height × width × 4. */
  readonly pixels: Uint8ClampedArray;
}

/** Patches as rows of red, green, blue (in [−1, 1]) with an opacity of 1 added: B×N×3P² → B×N×4P², in 0…255. */
function withOpacity(rows: Tensor): Tensor {
  const [batch, places, width] = rows.shape as readonly [number, number, number];
  const opaque = affine(ones(rows.device, [batch, places, width / 3]), 255, 0);
  return concatenate([affine(rows, 127.5, 127.5), opaque], 2);
}

/** B×N×4P² → B×H×W×4. */
function assemble(rows: Tensor, grid: readonly [number, number]): Tensor {
  const [batch, , width] = rows.shape as readonly [number, number, number];
  const side = Math.round(Math.sqrt(width / 4));
  const [down, across] = grid;
  const apart = permute(reshape(rows, [batch, down, across, 4, side, side]), [0, 1, 4, 2, 5, 3]);
  return reshape(apart, [batch, down * side, across * side, 4]);
}

async function toHost(picture: Tensor): Promise<DrawnPictures> {
  const [count, height, width] = picture.shape as readonly [number, number, number, number];
  return { count, height, width, pixels: new Uint8ClampedArray(await picture.data()) };
}

/**
 * Draws pictures from patches; the places of the grid that have none are transparent.
 *
 * @param patches B×K×3P², pixels in [−1, 1].
 * @param places int32 B×K: the place of each patch, none twice; null: K is all places, in order.
 * @param grid Rows and columns of patches.
 */
export function drawPatches(
  patches: Tensor,
  places: Tensor | null,
  grid: readonly [number, number],
): Promise<DrawnPictures> {
  const { device } = patches;
  const picture = noGrad(device, () =>
    scope(device, () => {
      const rows = withOpacity(patches);
      return assemble(places === null ? rows : scatterTokens(rows, places, grid[0] * grid[1]), grid);
    }),
  );
  return toHost(picture);
}

/**
 * Draws whole pictures.
 *
 * @param pixels B×3×H×W in [−1, 1].
 * @param patchSize Any divisor of H and W.
 */
export function drawPictures(pixels: Tensor, patchSize: number): Promise<DrawnPictures> {
  const [, , height, width] = pixels.shape as readonly [number, number, number, number];
  const patches = noGrad(pixels.device, () => patchify(pixels, patchSize));
  return drawPatches(patches, null, [height / patchSize, width / patchSize]);
}

/**
 * Encodes one of the drawn pictures as a PNG data URI, at its own size: the page enlarges it.
 *
 * @param drawn The pictures.
 * @param index Which one.
 */
export async function pngOf(drawn: DrawnPictures, index: number): Promise<DataUri> {
  return dataUri(rawOf(drawn, index));
}

/**
 * One of the drawn pictures for sharp.
 *
 * @param drawn The pictures.
 * @param index Which one.
 */
export function rawOf({ height, width, pixels }: DrawnPictures, index: number): Sharp {
  const size = height * width * 4;
  return sharp(pixels.subarray(index * size, (index + 1) * size), { raw: { height, width, channels: 4 } });
}

/** A picture as a PNG inside the page. */
export async function dataUri(picture: Sharp): Promise<DataUri> {
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

/**
 * Draws a grid of numbers as colors, each scaled to its own range.
 *
 * @param values One number a patch, row by row.
 * @param grid Rows and columns.
 */
export async function heatMap(values: ArrayLike<number>, grid: readonly [number, number]): Promise<DataUri> {
  const [height, width] = grid;
  const list = Array.from(values);
  const low = Math.min(...list);
  const range = Math.max(...list) - low || 1;
  const pixels = Uint8Array.from(
    list.flatMap((value) => {
      const place = ((value - low) / range) * (ramp.length - 1);
      const from = Math.min(ramp.length - 2, Math.floor(place));
      return [0, 1, 2].map(
        (channel) =>
          ramp[from]![channel]! + (place - from) * (ramp[from + 1]![channel]! - ramp[from]![channel]!),
      );
    }),
  );
  const factor = Math.ceil(64 / Math.max(height, width));
  const map = sharp(pixels, { raw: { height, width, channels: 3 } });
  return dataUri(map.resize(width * factor, height * factor, { kernel: "cubic" }));
}
