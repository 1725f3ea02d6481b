import { readSync } from "node:fs";
import { open } from "node:fs/promises";
import { signatureOf } from "./signature.js";
import { type ReadBytes, readFrom, tiffTags } from "./tiffTags.js";

/** How a file stores its pixels, where that is not 8 bits of gray or RGB with or without transparency. */
export interface PixelStorage {
  /**
   * Whole numbers of more than 8 bits, or floats: which of them is black and which white, the format does not say.
   * Null: 8 bits or less.
   */
  readonly deep: "integer" | "float" | null;
  /** Whether the channel behind the colors is transparency. */
  readonly alpha: boolean;
  /** The value that the file says is white; black is 0. */
  readonly white?: number;
  /** Why it is not decoded, in a few words. */
  readonly obstacle?: string;
}

/** TIFF's tags that say so. */
const wanted = {
  bitsPerSample: 258,
  compression: 259,
  photometric: 262,
  samplesPerPixel: 277,
  extraSamples: 338,
  sampleFormat: 339,
  subsampling: 530,
} as const;

/** Channels of color by photometric interpretation; gray and palettes have 1. */
export const colorsOf: Readonly<Record<number, number>> = { 2: 3, 5: 4, 6: 3 };

/** TIFF's names of what libvips is built without. */
const otherCompressions: Readonly<Record<number, string>> = {
  34661: "JBIG",
  34676: "SGI LogLuv",
  34677: "SGI LogLuv",
  34712: "JPEG 2000",
  33003: "JPEG 2000",
  33005: "JPEG 2000",
  34887: "LERC",
  34925: "LZMA",
  50000: "Zstandard",
  50001: "WebP",
  50002: "JPEG XL",
  52546: "JPEG XL",
};

const otherColors: Readonly<Record<number, string>> = {
  4: "a transparency mask",
  8: "CIE L*a*b* colors",
  9: "ICC L*a*b* colors",
  10: "ITU L*a*b* colors",
  32803: "raw sensor data",
  32844: "LogL colors",
  32845: "LogLuv colors",
  34892: "raw sensor data",
};

/**
 * Looks at how a TIFF or PNG file stores its pixels.
 *
 * @param source A path, or the bytes of a file.
 * @param white The value that is white, where that is known.
 * @returns null of other formats, and where the file's own description cannot be followed.
 */
export async function pixelStorage(
  source: string | Uint8Array,
  white?: number,
): Promise<PixelStorage | null> {
  const storage = await readStorage(source);
  return storage === null || white === undefined ? storage : { ...storage, deep: "integer", white };
}

async function readStorage(source: string | Uint8Array): Promise<PixelStorage | null> {
  if (typeof source !== "string") return storageOf(readFrom(source), source.byteLength);
  const file = await open(source, "r");
  try {
    const { size } = await file.stat();
    return storageOf((place, length) => readSynchronously(file.fd, place, length), size);
  } finally {
    await file.close();
  }
}

function readSynchronously(file: number, place: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  if (readSync(file, bytes, 0, length, place) < length) throw new RangeError("beyond the end of the file");
  return bytes;
}

function storageOf(read: ReadBytes, size: number): PixelStorage | null {
  if (size < 26) return null;
  const head = read(0, 26);
  const signature = signatureOf(head);
  if (signature.kind === "other") return null;
  try {
    if (signature.format === "TIFF") return tiffStorage(read);
  } catch (error) {
    if (error instanceof RangeError) return null; // a directory that is cut off: decoding says so
    throw error;
  }
  // Transparency may also be a chunk of its own: the decoder's word is taken for it.
  if (signature.format === "PNG") return { deep: head[24] === 16 ? "integer" : null, alpha: true };
  return null;
}

function tiffStorage(read: ReadBytes): PixelStorage {
  const tags = tiffTags(read, Object.values(wanted));
  const first = (tag: keyof typeof wanted, missing: number) => tags.get(wanted[tag])?.[0] ?? missing;
  const colors = first("photometric", 1);
  const samples = first("samplesPerPixel", 1);
  const extra = samples - (colorsOf[colors] ?? 1);
  const alpha = extra === 1 && [1, 2].includes(first("extraSamples", 0));
  const [bits, format] = [first("bitsPerSample", 1), first("sampleFormat", 1)];
  const compression = first("compression", 1);
  // libvips shows Y, Cb and Cr as red, green and blue, unless libtiff has to spread Cb and Cr or JPEG's decoder is
  // asked for RGB.
  const isBareYcbcr =
    colors === 6 &&
    compression !== 6 &&
    compression !== 7 &&
    (tags.get(wanted.subsampling) ?? [2, 2]).every((factor) => factor === 1);
  const obstacle =
    otherCompressions[compression]?.concat(" compression") ??
    otherColors[colors] ??
    (isBareYcbcr ? "YCbCr colors that are not subsampled" : undefined) ??
    obstacleOfNumbers(bits, format, tags.get(wanted.bitsPerSample) ?? []) ??
    // What follows RGB without being called transparency is left out, as Pillow does; of two channels of which one is
    // gray nobody knows.
    (extra > 1 || (extra === 1 && !alpha && colors <= 1)
      ? `${samples} channels, of which ${extra} have no meaning that the file tells`
      : undefined);
  const isDeep = (bits > 8 || format > 1) && colors <= 2;
  const deep = isDeep ? (format === 3 ? "float" : "integer") : null;
  if (obstacle === undefined) return { deep, alpha };
  return {
    deep,
    alpha,
    obstacle:
      `a TIFF file with ${obstacle}, which is not decoded; save it as gray or RGB of 8, 16 or 32 bits, with LZW, ` +
      "Deflate or no compression",
  };
}

function obstacleOfNumbers(bits: number, format: number, all: readonly number[]): string | undefined {
  if (format === 5 || format === 6) return "complex numbers";
  if (all.some((each) => each !== bits)) return `channels of ${all.join(", ")} bits`;
  if (format === 3) return [16, 32].includes(bits) ? undefined : `${bits}-bit floats`;
  return [1, 2, 4, 8, 16, 32].includes(bits) ? undefined : `whole numbers of ${bits} bits`;
}
