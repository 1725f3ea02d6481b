import { isBmp } from "./bmp.js";
import { isNetpbm } from "./netpbm.js";

/** A format that is decoded here. */
export type PictureFormat = "JPEG" | "PNG" | "WebP" | "AVIF" | "GIF" | "TIFF" | "SVG" | "BMP" | "PPM";

/** What the first bytes of a file say that it is. */
export type Signature =
  | {
      /** A format that is decoded here. */
      readonly kind: "picture";
      /** Which. */
      readonly format: PictureFormat;
    }
  | {
      /** Anything else. */
      readonly kind: "other";
      /** In words that follow "not a picture: ". */
      readonly what: string;
    };

const other = (what: string): Signature => ({ kind: "other", what });

/** Bytes (as Latin-1) at a place of the beginning, for what is decoded here. */
const pictures: readonly (readonly [number, string, PictureFormat])[] = [
  [0, "\xff\xd8", "JPEG"],
  [0, "\x89PNG", "PNG"],
  [0, "GIF87a", "GIF"],
  [0, "GIF89a", "GIF"],
  [8, "WEBP", "WebP"],
  [4, "ftypavif", "AVIF"],
  [4, "ftypavis", "AVIF"],
  [0, "II*\0", "TIFF"],
  [0, "MM\0*", "TIFF"],
  [0, "II+\0", "TIFF"],
  [0, "MM\0+", "TIFF"],
];

/** The same for what people store beside pictures, or save under a picture's name. */
const others: readonly (readonly [number, string, string])[] = [
  [0, "8BPS", "a Photoshop document"],
  [4, "jP  ", "a JPEG 2000 picture, which is not decoded"],
  [4, "JXL ", "a JPEG XL picture, which is not decoded"],
  [0, "\xff\x0a", "a JPEG XL picture, which is not decoded"],
  [
    4,
    "ftyphe",
    "a HEIC picture, which is not decoded; convert it, for instance with heif-convert in.heic out.jpg",
  ],
  [4, "ftypm", "a video, or a HEIC picture, which is not decoded"],
  [4, "ftyp", "a video"],
  [0, "\x1aE\xdf\xa3", "a video"],
  [8, "AVI ", "a video"],
  [0, "%PDF-", "a PDF document"],
  [0, "PK\x03\x04", "a ZIP archive"],
  [0, "\x1f\x8b", "gzip data"],
  [0, "PAR1", "a Parquet file"],
  [257, "ustar", "a tar archive"],
  [0, "version https://git-lfs", "a Git LFS pointer instead of the file (run: git lfs pull)"],
];

/**
 * Whether the words of a signature name something, rather than tell that nothing is known.
 *
 * @param what Of a signature of the kind `"other"`.
 */
export function isNamed(what: string): boolean {
  return what === htmlPage || others.some(([, , name]) => name === what);
}

const htmlPage = "looks like an HTML page";

/**
 * Looks at the first bytes of a file.
 *
 * @param bytes Its beginning, 1 kB or more where there is so much.
 */
export function signatureOf(bytes: Uint8Array): Signature {
  if (isBmp(bytes)) return { kind: "picture", format: "BMP" };
  if (isNetpbm(bytes)) return { kind: "picture", format: "PPM" };
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 1024));
  const text = head.toString("latin1");
  const found = pictures.find(([place, mark]) => text.startsWith(mark, place));
  if (found !== undefined) return { kind: "picture", format: found[2] };
  const known = others.find(([place, mark]) => text.startsWith(mark, place));
  if (known !== undefined) return other(known[2]);
  if (/^(ï»¿)?\s*(<!doctype html|<html|<head)/i.test(text)) return other(htmlPage);
  if (/<svg[\s>]/i.test(text)) return { kind: "picture", format: "SVG" };
  if (head.every((byte) => byte === 0)) return other("begins with nothing but zeros");
  if (isText(head)) return other("looks like text");
  return other("its first bytes are of no known format");
}

/** UTF-8 (a character may be cut off at the end) or UTF-16 with a byte order mark, without control characters. */
function isText(head: Buffer): boolean {
  if (/^(\xff\xfe|\xfe\xff)/.test(head.toString("latin1", 0, 2))) return true;
  const text = head.toString("utf8").replace(/\ufffd{1,3}$/, "");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what tells data from text
  return !/[\0-\x08\x0e-\x1a\x1c-\x1f\ufffd]/.test(text);
}
