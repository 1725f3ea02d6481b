import ndarray, { type NdArray } from "ndarray";
import type { RunLengths } from "./cocoJson.js";

/** As many as a picture may have; a run of any length is a few bytes, so that the bytes bound nothing. */
const mostPixels = 16_383 ** 2;

/**
 * The lengths of a mask's runs, from either form. In the packed form every length is a signed number of 5 bits a
 * character (from `0` on; bit 5: more follows), least significant first; from the fourth on it is the difference to the
 * length two before.
 *
 * @returns Outside, inside, outside, …; their sum is height × width.
 * @throws RangeError If the text is damaged or the lengths do not add up.
 */
export function decodeRunLengths(mask: RunLengths): Uint32Array {
  const { size, counts } = mask;
  const lengths = typeof counts === "string" ? unpackCounts(counts) : counts;
  const pixels = size[0] * size[1];
  const sum = lengths.reduce((total, length) => total + length, 0);
  if (!(pixels <= mostPixels) || sum !== pixels || lengths.some((length) => length < 0)) {
    throw new RangeError(
      `decodeRunLengths: the runs of a mask of ${size[0]}×${size[1]} add up to ${sum} pixels; ` +
        `expected ${pixels}, at most ${mostPixels}, none negative. The mask is damaged.`,
    );
  }
  return Uint32Array.from(lengths);
}

function unpackCounts(text: string): number[] {
  const lengths: number[] = [];
  for (let place = 0; place < text.length; ) {
    let value = 0;
    let bits = 0;
    for (let more = true; more; bits += 5) {
      const code = text.charCodeAt(place++) - 48;
      if (!(code >= 0 && code < 64) || bits > 30) {
        throw new RangeError(
          `decodeRunLengths: character ${place - 1} of the packed runs is wrong; ` +
            "expected what pycocotools writes. The mask is damaged.",
        );
      }
      value += (code & 31) * 2 ** bits;
      more = code >= 32;
      if (!more && (code & 16) !== 0) value -= 2 ** (bits + 5);
    }
    if (lengths.length > 2) value += lengths[lengths.length - 2]!;
    lengths.push(value);
  }
  return lengths;
}

/**
 * Packs the lengths of runs into a text as pycocotools does.
 *
 * @param lengths Outside, inside, outside, …, column by column.
 */
export function encodeRunLengths(lengths: ArrayLike<number>): string {
  let text = "";
  for (let place = 0; place < lengths.length; place++) {
    let value = lengths[place]! - (place > 2 ? lengths[place - 2]! : 0);
    for (;;) {
      const low = ((value % 32) + 32) % 32;
      value = Math.floor(value / 32);
      const isLast = (low & 16) === 0 ? value === 0 : value === -1;
      text += String.fromCharCode(48 + low + (isLast ? 0 : 32));
      if (isLast) break;
    }
  }
  return text;
}

/**
 * A mask as pixels.
 *
 * @returns H×W, 1 inside and 0 outside. The pixels lie column by column as in the runs, so the strides are (1, H).
 * @throws RangeError If the mask is damaged.
 */
export function rasterizeRunLengths(mask: RunLengths): NdArray<Uint8Array> {
  const lengths = decodeRunLengths(mask);
  const [height, width] = mask.size;
  const pixels = new Uint8Array(height * width);
  let position = 0;
  for (let run = 0; run < lengths.length; run++) {
    if (run % 2 === 1) pixels.fill(1, position, position + lengths[run]!);
    position += lengths[run]!;
  }
  return ndarray(pixels, [height, width], [1, height]);
}

/**
 * The lengths of the runs of a mask.
 *
 * @param mask H×W of 0 and 1, column by column (strides 1, H), as `rasterizeRunLengths` gives it.
 * @returns Outside, inside, outside, …; the first is 0 where the top left pixel is inside.
 * @throws TypeError If the mask lies otherwise in memory.
 */
export function runLengthsOf(mask: NdArray<Uint8Array>): Uint32Array {
  const [height = 0, width = 0] = mask.shape;
  const [down, across] = mask.stride;
  if (mask.shape.length !== 2 || (height > 1 && down !== 1) || (width > 1 && across !== height)) {
    throw new TypeError(
      `runLengthsOf: the mask is ${mask.shape.join("×")} with strides ${mask.stride.join(", ")}; ` +
        "expected H×W with strides 1, H.",
    );
  }
  const pixels = mask.data.subarray(mask.offset, mask.offset + height * width);
  const lengths: number[] = [];
  for (let position = 0, value = 0; position < pixels.length || lengths.length === 0; value = 1 - value) {
    const next = pixels.indexOf(1 - value, position);
    const end = next < 0 ? pixels.length : next;
    lengths.push(end - position);
    position = end;
  }
  return Uint32Array.from(lengths);
}
