import zlib from "node:zlib";
import { mendJpeg } from "./mendJpeg.js";
import { mendTiff } from "./mendTiff.js";
import { type PictureFormat, signatureOf } from "./signature.js";

/**
 * What a file that could not be decoded without a complaint may be decoded as instead: the same pixels in a frame of
 * the format that is right. Nothing is made up: data that is missing or damaged is so in the result.
 *
 * @param bytes All of the file.
 * @returns Files in memory to be decoded strictly, the likeliest first; none where nothing is known to be wrong with
 * the frame only.
 */
export function mendPicture(bytes: Uint8Array): readonly Uint8Array[] {
  const signature = signatureOf(bytes);
  if (signature.kind === "other") return [];
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    return menders[signature.format]?.(file) ?? [];
  } catch (error) {
    if (error instanceof RangeError) return []; // a length that is stored beyond the end
    throw error;
  }
}

const menders: Partial<Record<PictureFormat, (file: Buffer) => Buffer[]>> = {
  JPEG: mendJpeg,
  PNG: mendPng,
  GIF: mendGif,
  WebP: mendWebp,
  TIFF: mendTiff,
};

/**
 * Right checksums for the chunks of pixels, if these are whole by the sum that zlib keeps of them. Those of the header
 * and the palette are all that tells them from damaged ones.
 */
function mendPng(file: Buffer): Buffer[] {
  const copy = Buffer.from(file);
  const pixels: Buffer[] = [];
  for (let place = 8; place + 12 <= file.length; ) {
    const end = place + 8 + file.readUInt32BE(place);
    if (file.toString("latin1", place + 4, place + 8) === "IDAT") {
      pixels.push(file.subarray(place + 8, end));
      copy.writeUInt32BE(zlib.crc32(file.subarray(place + 4, end)), end);
    }
    place = end + 4;
  }
  if (copy.equals(file)) return [];
  try {
    // Of every picture that libpng takes: 8 bytes a pixel, and a byte a row of each of the seven passes.
    const most = file.readUInt32BE(20) * (8 * file.readUInt32BE(16) + 7);
    zlib.inflateSync(Buffer.concat(pixels), { maxOutputLength: Math.min(most, 2 ** 31) + 1 });
    return [copy];
  } catch {
    return [];
  }
}

/**
 * The first picture, with an end right behind it: of an animation nothing else is decoded. Whether pixels are missing,
 * only the mark that ends them tells.
 */
function mendGif(file: Buffer): Buffer[] {
  const tableBytes = (flags: number) => ((flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 7) + 1));
  let place = 13 + tableBytes(file.readUInt8(10));
  for (;;) {
    const block = file.readUInt8(place);
    if (block !== 0x21 && block !== 0x2c) return [];
    place += block === 0x21 ? 2 : 11 + tableBytes(file.readUInt8(place + 9));
    while (file.readUInt8(place) > 0) place += 1 + file.readUInt8(place);
    place++;
    if (block === 0x2c) return [Buffer.concat([file.subarray(0, place), Buffer.of(0x3b)])];
  }
}

/** Chunks of a WebP file that hold pixels or say what these are. */
const webpPixels = ["VP8 ", "VP8L", "VP8X", "ALPH", "ANIM", "ANMF"];

/** The chunks under a length that is theirs, without metadata that is cut off. */
function mendWebp(file: Buffer): Buffer[] {
  const chunks: Buffer[] = [];
  for (let place = 12; place + 8 <= file.length; ) {
    const length = file.readUInt32LE(place + 4);
    const chunk = file.subarray(place, place + 8 + length);
    if (chunk.length === 8 + length) chunks.push(chunk, Buffer.alloc(length % 2));
    else if (webpPixels.includes(file.toString("latin1", place, place + 4))) return [];
    place += 8 + length + (length % 2);
  }
  const content = Buffer.concat(chunks);
  const head = Buffer.from("RIFF\0\0\0\0WEBP", "latin1");
  head.writeUInt32LE(4 + content.length, 4);
  return [Buffer.concat([head, content])];
}
