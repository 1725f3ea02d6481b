import { jpegSegments } from "./jpegSegments.js";
import type { PictureFormat } from "./signature.js";
import { readFrom, tiffTags } from "./tiffTags.js";

/**
 * Whether a picture file ends before its own lengths and end marks say. Looks at the frame of the format only, never at
 * pixels, and never throws.
 *
 * @param format What the file is.
 * @param bytes All of it.
 */
export function isTruncated(format: PictureFormat, bytes: Uint8Array): boolean {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    return checks[format](file);
  } catch (error) {
    if (error instanceof RangeError) return true; // a length or an offset that is stored beyond the end
    throw error;
  }
}

const checks: Readonly<Record<PictureFormat, (file: Buffer) => boolean>> = {
  JPEG: jpeg,
  PNG: png,
  WebP: (file) => 8 + file.readUInt32LE(4) > file.length,
  AVIF: avif,
  GIF: gif,
  TIFF: tiff,
  BMP: () => false, // their readers say so
  PPM: () => false,
  SVG: (file) => !/<\/(\w+:)?svg\s*>|<svg[^>]*\/>/i.test(file.toString("latin1")),
};

/**
 * Segments up to the first scan, then the end-of-image mark somewhere behind it. (Thumbnails in the segments have marks
 * of their own.)
 */
function jpeg(file: Buffer): boolean {
  for (const { marker, place } of jpegSegments(file)) {
    if (marker === 0xda) return file.indexOf(Buffer.of(0xff, 0xd9), place) < 0;
  }
  return false;
}

/** Chunks up to IEND. */
function png(file: Buffer): boolean {
  for (let place = 8; ; ) {
    const length = file.readUInt32BE(place);
    const type = file.toString("latin1", place + 4, place + 8);
    if (type === "IEND") return false;
    if (type.length === 4 && !/^[a-z]{4}$/i.test(type)) return false; // out of step: damaged, not short
    place += 12 + length;
  }
}

/** Boxes of the top level; size 0: up to the end. */
function avif(file: Buffer): boolean {
  for (let place = 0; place < file.length; ) {
    let size = file.readUInt32BE(place);
    if (size === 0) return false;
    if (size === 1) size = Number(file.readBigUInt64BE(place + 8));
    if (size < 8) return false;
    place += size;
    if (place > file.length) return true;
  }
  return false;
}

/** Blocks up to the trailer. */
function gif(file: Buffer): boolean {
  const tableBytes = (flags: number) => ((flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 7) + 1));
  let place = 13 + tableBytes(file.readUInt8(10));
  for (;;) {
    const block = file.readUInt8(place);
    if (block === 0x3b) return false;
    if (block === 0x21) place += 2;
    else if (block === 0x2c) place += 11 + tableBytes(file.readUInt8(place + 9));
    else return false;
    let length = file.readUInt8(place);
    while (length > 0) {
      place += 1 + length;
      length = file.readUInt8(place);
    }
    place++;
  }
}

/** The strips or tiles of the first directory. */
function tiff(file: Buffer): boolean {
  const tags = tiffTags(readFrom(file), [273, 279, 324, 325]);
  const offsets = tags.get(273) ?? tags.get(324) ?? [];
  const lengths = tags.get(279) ?? tags.get(325) ?? [];
  return offsets.some((offset, index) => offset + (lengths[index] ?? 0) > file.length);
}
