import ndarray, { type NdArray } from "ndarray";
import sharp, { type Sharp } from "sharp";
import { openBare } from "./bareFormats.js";
import { diagnose } from "./diagnosis.js";
import { jpegSize } from "./jpegSegments.js";
import { openPicture } from "./openPicture.js";
import { PictureError } from "./pictureError.js";
import { densityFor, limitReason, mostPixels, mostSeconds } from "./pictureLimits.js";
import type { PictureSize } from "./pictureSize.js";
import { mendFile, readable, sourceOf } from "./pictureSource.js";
import { pixelStorage } from "./pixelStorage.js";
import type { StoredValues, ValueRange } from "./storedValues.js";
import { scaleValues, storedValues } from "./valueRange.js";

/** What makes a picture an error, see `DecodeOptions`. */
export type FailOn = "none" | "truncated" | "error" | "warning";

/** How picture files are decoded. */
export interface DecodeOptions {
  /** What shows through transparent places: a CSS color. Default `"white"`. */
  readonly background?: string;
  /**
   * Pictures with more pixels are an error, so that a decompression bomb cannot take all memory: of so many the worst
   * file takes about 2 GB. Default 268,402,689 (16,383²).
   */
  readonly maximumPixels?: number;
  /**
   * What makes a picture an error: `"none"` only what cannot be decoded at all, `"truncated"` also a file that ends too
   * early, `"error"` also what the format forbids, `"warning"` also damage that the decoder could paint over, such as a
   * bad Huffman code. Default `"warning"`: a gray half of a picture teaches nothing, and what is skipped is named. What
   * is wrong beside the pixels (stray bytes between segments, a scan's header of some cameras, checksums of pixels that
   * are whole, an end mark that is missing) is not an error of any of these.
   */
  readonly failOn?: FailOn;
  /**
   * C, the channels that come out: 3 sRGB, 4 sRGB with transparency (then nothing shows through), 1 grayscale (luma of
   * BT.601, as Pillow's `"L"`; rounded down). Default 3.
   */
  readonly channels?: 1 | 3 | 4;
  /** Which values of pictures of more than 8 bits become black and white. Default `"auto"`. */
  readonly valueRange?: ValueRange;
}

/**
 * What a JPEG file can have. Of a picture of eight million columns and thirty rows libvips' resizing holds whole rows
 * many times: 8 GB for a PNG file of 111 bytes.
 */
const mostSide = 65_535;
/** Pixels a side that tell what a picture's values are. */
const sampledSide = 512;
/**
 * So many pixels of a sequential JPEG file take a second or less: watching the clock would cost a twentieth of the
 * time.
 */
const quickPixels = 1 << 24;

/** Options of `decodePicture`. */
export interface DecodePictureOptions extends DecodeOptions {
  /**
   * A picture whose short side is more than 1.5 times as long is reduced to it (while decoding, where the format allows
   * it). Default: full size.
   */
  readonly shortSide?: number;
  /** How errors call the picture. Default: its path. */
  readonly name?: string;
}

/**
 * Reads the size of a picture from its header, after EXIF rotation.
 *
 * @param source A path, or the bytes of a file.
 * @param name How errors call it; default: the path.
 * @throws PictureError (rejects) If the header cannot be read.
 */
export async function readPictureSize(
  source: string | Uint8Array,
  name: string = nameOf(source),
): Promise<PictureSize> {
  const file = await sourceOf(source, name, false);
  return attempt(file, name, {}, async (input) => {
    const bare = typeof input === "string" ? null : openBare(input);
    if (bare !== null) return { height: bare.height, width: bare.width };
    const { autoOrient } = await (await openPicture(input, { failOn: "none" })).metadata();
    return { height: autoOrient.height, width: autoOrient.width };
  });
}

function nameOf(source: string | Uint8Array): string {
  return typeof source === "string" ? source : `a picture of ${source.byteLength} bytes`;
}

/**
 * A picture is reduced if its short side is so many times what is wanted: by less, resizing takes more time than it
 * saves memory.
 */
const worthReducing = 1.5;

/** BT.601's luma in every channel; a hair more than 1 in sum, so that rounding down leaves a gray value as it is. */
const luma = Array.from({ length: 3 }, () => [0.29903, 0.58703, 0.11404] as [number, number, number]) as [
  [number, number, number],
  [number, number, number],
  [number, number, number],
];

/** Turns what comes out of the decoder into `channels` channels. */
function toChannels(pipeline: Sharp, channels: 1 | 3 | 4, background: string, hasAlpha: boolean): Sharp {
  // Flattening comes first in sharp, whatever the order of the calls.
  const meant = hasAlpha ? pipeline : pipeline.removeAlpha();
  if (channels === 4) return meant.ensureAlpha().toColourspace("srgb");
  const colors = (hasAlpha ? meant.flatten({ background }) : meant).toColourspace("srgb");
  return channels === 3 ? colors : colors.recomb(luma).extractChannel(0);
}

/**
 * Reads from a file, or, if that fails, from what the file becomes when all that is wrong beside its pixels is put
 * right (then without any complaint of the decoder's).
 *
 * @throws PictureError (rejects) With what is wrong with the file.
 */
async function attempt<Result>(
  input: string | Uint8Array,
  name: string,
  options: DecodePictureOptions,
  read: (input: string | Uint8Array, failOn: FailOn) => Promise<Result>,
): Promise<Result> {
  try {
    return await read(input, options.failOn ?? "warning");
  } catch (error) {
    if (error instanceof PictureError) throw error;
    const limit = await limitReason(error, input, options);
    if (limit !== null) throw new PictureError(name, limit, { cause: error });
    for (const mended of await mendFile(input)) {
      const result = await read(mended, "warning").catch(() => null);
      if (result !== null) return result;
    }
    throw new PictureError(name, await diagnose(input), { cause: error });
  }
}

/**
 * Decodes a picture to 8 bits, upright (EXIF rotation applied), by default sRGB with transparent places on a background
 * and grayscale spread to three channels; of an animation or a
 * file of several pages the first. The header's size is checked before anything is decoded, and a picture that takes
 * more than a minute is given up between two strips.
 *
 * @param source A path, or the bytes of a file. The ending of its name does not matter.
 * @returns H×W×C, contiguous.
 * @throws PictureError (rejects) If it cannot be read, is not a picture, is truncated or damaged (see `failOn`) or has
 * more than `maximumPixels`; the reason says which.
 */
export async function decodePicture(
  source: string | Uint8Array,
  options: DecodePictureOptions = {},
): Promise<NdArray<Uint8Array>> {
  const { name = nameOf(source) } = options;
  const file = await sourceOf(source, name, true);
  return attempt(file, name, options, (input, failOn) => decode(input, name, { ...options, failOn }));
}

async function decode(
  file: string | Uint8Array,
  name: string,
  options: DecodePictureOptions,
): Promise<NdArray<Uint8Array>> {
  const { background = "white", channels = 3, maximumPixels = mostPixels, failOn = "warning" } = options;
  const { shortSide, valueRange = "auto" } = options;
  const settings = { autoOrient: true, failOn, limitInputPixels: maximumPixels };
  const { input, white } = await readable(file, name, maximumPixels);
  const known = typeof input === "string" ? null : jpegSize(input);
  const storage = known === null ? await pixelStorage(input, white) : null;
  if (storage?.obstacle !== undefined) throw new PictureError(name, storage.obstacle);
  let pipeline = await openPicture(input, settings);
  const scaled = storage === null ? null : await scaleValues(pipeline, storage, valueRange);
  if (scaled !== null) pipeline = sharp(scaled.data, { raw: scaled.info });
  if (shortSide !== undefined) {
    const { autoOrient: size, format } =
      known === null ? await pipeline.metadata() : { autoOrient: known, format: "jpeg" };
    if (Math.max(size.height, size.width) > mostSide) {
      throw new PictureError(
        name,
        `too large: ${size.width}×${size.height}, more than ${mostSide.toLocaleString("en")} pixels a side`,
      );
    }
    if (format === "svg") pipeline = sharp(input, { ...settings, density: densityFor(size, shortSide) });
    if (format === "svg" || Math.min(size.height, size.width) > worthReducing * shortSide) {
      pipeline = pipeline.resize({ width: shortSide, height: shortSide, fit: "outside" });
    }
  }
  const isQuick = known?.sequential === true && known.height * known.width <= quickPixels;
  if (!isQuick) pipeline = pipeline.timeout({ seconds: mostSeconds });
  const { data, info } = await toChannels(pipeline, channels, background, storage?.alpha ?? true)
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  if (info.channels !== channels)
    throw new Error(`decoded to ${info.channels} channels instead of ${channels}`);
  return ndarray(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), [
    info.height,
    info.width,
    channels,
  ]);
}

/**
 * The values that a picture of more than 8 bits stores: of 512 × 512 pixels, evenly spaced, if it has more.
 *
 * @param source A path, or the bytes of a file.
 * @param options How errors call it, and what is one.
 * @returns null of a picture of 8 bits: its values are what they are.
 * @throws PictureError (rejects) If it cannot be read.
 */
export async function readStoredValues(
  source: string | Uint8Array,
  options: DecodePictureOptions = {},
): Promise<StoredValues | null> {
  const { name = nameOf(source), maximumPixels = mostPixels } = options;
  const file = await sourceOf(source, name, false);
  return attempt(file, name, options, async (given, failOn) => {
    const { input, white } = await readable(given, name, maximumPixels);
    const storage = await pixelStorage(input, white);
    if (storage === null || storage.deep === null || storage.obstacle !== undefined) return null;
    const pipeline = await openPicture(input, { failOn, limitInputPixels: maximumPixels });
    return storedValues(pipeline, storage, sampledSide);
  });
}
