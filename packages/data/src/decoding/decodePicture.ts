import ndarray, { type NdArray } from "ndarray";
import sharp from "sharp";
import { PictureError } from "../imageDataset.js";

/** How picture files are decoded. */
export interface DecodeOptions {
  /** What shows through transparent places: a CSS colour. Default `"white"`. */
  readonly background?: string;
  /** Pictures with more pixels are an error, so that a decompression bomb cannot take all memory. Default 268,402,689 (16,383²). */
  readonly maximumPixels?: number;
  /**
   * What makes a picture an error: `"truncated"` a file that ends too early, `"error"` also what the format forbids, `"warning"` also damage that the decoder could
   * paint over, such as a bad Huffman code. Default `"warning"`: a grey half of a picture teaches nothing, and what is skipped is named.
   */
  readonly failOn?: "truncated" | "error" | "warning";
}

const mostPixels = 16_383 ** 2;

let configured = false;

/** One thread a picture and no cache of operations: loaders decode several pictures at once and keep what they need themselves. */
function configureSharp(): void {
  if (configured) return;
  configured = true;
  sharp.concurrency(1);
  sharp.cache(false);
}

/**
 * What is wrong, in a few words. libvips keeps one text for all its threads, so that with several pictures at a time its details may be another picture's: they stay in
 * the error's `cause`, and the reason is always the same.
 */
function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  if (/unsupported image format/.test(text)) {
    return "not a picture, or a damaged one (its first bytes are of no known format)";
  }
  if (/file is missing/.test(text)) return "the file is missing or not readable";
  if (/pixel limit/.test(text)) return "it has more pixels than maximumPixels allows";
  return "the file is truncated or damaged";
}

/** Options of `decodePicture`. */
export interface DecodePictureOptions extends DecodeOptions {
  /** A picture whose short side is more than 1.5 times as long is reduced to it (while decoding, where the format allows it). Default: full size. */
  readonly shortSide?: number;
  /** How errors call the picture. Default: its path. */
  readonly name?: string;
}

/** Height and width of an upright picture, in pixels. */
export interface PictureSize {
  /** Rows. */
  readonly height: number;
  /** Columns. */
  readonly width: number;
}

/**
 * Reads the size of a picture from its header, after EXIF rotation.
 *
 * @param source A path, or the bytes of a file.
 * @param name How errors call it; default: the path.
 * @throws PictureError (rejects) If the header cannot be read.
 */
export async function readPictureSize(source: string | Uint8Array, name?: string): Promise<PictureSize> {
  configureSharp();
  try {
    const { autoOrient } = await sharp(source).metadata();
    return { height: autoOrient.height, width: autoOrient.width };
  } catch (error) {
    throw new PictureError(name ?? nameOf(source), reasonOf(error), { cause: error });
  }
}

function nameOf(source: string | Uint8Array): string {
  return typeof source === "string" ? source : `a picture of ${source.byteLength} bytes`;
}

/** Dots per inch at which a drawing's short side has `shortSide` pixels; a drawing is drawn at its target size, never enlarged from a small raster. */
function densityFor({ height, width }: PictureSize, shortSide: number): number {
  return Math.min(100_000, Math.max(1, Math.ceil((72 * shortSide) / Math.max(1, Math.min(height, width)))));
}

/** A picture is reduced if its short side is so many times what is wanted: by less, resizing takes more time than it saves memory. */
const worthReducing = 1.5;

/**
 * Decodes a picture to 8-bit sRGB, upright (EXIF rotation applied), transparent places on a background, greyscale spread to three channels; of an animation the
 * first frame.
 *
 * @param source A path, or the bytes of a file.
 * @returns H×W×3, contiguous.
 * @throws PictureError (rejects) If it cannot be read, is damaged (see `failOn`) or has more than `maximumPixels`.
 */
export async function decodePicture(
  source: string | Uint8Array,
  options: DecodePictureOptions = {},
): Promise<NdArray<Uint8Array>> {
  const { background = "white", maximumPixels = mostPixels, failOn = "warning", shortSide, name } = options;
  configureSharp();
  const settings = { autoOrient: true, failOn, limitInputPixels: maximumPixels };
  try {
    let pipeline = sharp(source, settings);
    if (shortSide !== undefined) {
      const { autoOrient: size, format } = await pipeline.metadata();
      if (format === "svg") pipeline = sharp(source, { ...settings, density: densityFor(size, shortSide) });
      if (format === "svg" || Math.min(size.height, size.width) > worthReducing * shortSide) {
        pipeline = pipeline.resize({ width: shortSide, height: shortSide, fit: "outside" });
      }
    }
    const { data, info } = await pipeline
      .flatten({ background })
      .toColourspace("srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== 3) throw new Error(`decoded to ${info.channels} channels instead of 3`);
    return ndarray(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), [
      info.height,
      info.width,
      3,
    ]);
  } catch (error) {
    throw new PictureError(name ?? nameOf(source), reasonOf(error), { cause: error });
  }
}
