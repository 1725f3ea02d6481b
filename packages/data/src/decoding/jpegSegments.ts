import type { PictureSize } from "./pictureSize.js";

/** A segment of a JPEG file: its marker's second byte, and where the marker begins. */
export interface JpegSegment {
  /** E.g. 0xda: a scan begins. */
  readonly marker: number;
  /** Where the marker's first byte is. */
  readonly place: number;
}

/**
 * The segments of a JPEG file up to the first scan or the end of the image.
 *
 * @param file All of it.
 * @throws RangeError If a segment reaches beyond the file.
 */
export function* jpegSegments(file: Buffer): Generator<JpegSegment> {
  let place = 2;
  while (file.readUInt8(place) === 0xff) {
    const marker = file.readUInt8(place + 1);
    if (marker === 0xff) {
      place++;
      continue;
    }
    yield { marker, place };
    if (marker === 0xd9 || marker === 0xda) return;
    place += 2 + (standsAlone(marker) ? 0 : Math.max(2, file.readUInt16BE(place + 2)));
  }
}

/** Whether a marker begins a frame: SOF0 to SOF15 without DHT, JPG and DAC. */
export const isFrame = (marker: number) =>
  marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);

/** Whether no length follows a marker: TEM, RST0 to RST7, SOI. */
export const standsAlone = (marker: number) => marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8);

/** What the frame of a JPEG file says. */
export interface JpegSize extends PictureSize {
  /** Whether each pixel is decoded once; progressive files go over them as often as they like. */
  readonly sequential: boolean;
}

/**
 * The size that a JPEG file says it has, before EXIF rotation; sharp's own look at the header costs a tenth of decoding
 * a small photograph.
 *
 * @param bytes All of the file.
 * @returns null where it is no JPEG file or has no such header: then sharp has to say what it is.
 */
export function jpegSize(bytes: Uint8Array): JpegSize | null {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return null;
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    for (const { marker, place } of jpegSegments(file)) {
      if (!isFrame(marker)) continue;
      const [height, width] = [file.readUInt16BE(place + 5), file.readUInt16BE(place + 7)];
      return height > 0 && width > 0 ? { height, width, sequential: marker <= 0xc1 } : null;
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return null;
}

/**
 * What a JPEG file's frame asks for that libjpeg is seldom built with.
 *
 * @param bytes All of the file.
 * @returns null where it asks for nothing unusual.
 */
export function unusualCoding(bytes: Uint8Array): string | null {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    for (const { marker, place } of jpegSegments(file)) {
      if (!isFrame(marker)) continue;
      if ((marker & 3) === 3) return "lossless coding";
      if (marker > 0xc8) return "arithmetic coding";
      if (marker > 0xc4) return "frames that build on each other";
      const bits = file.readUInt8(place + 4);
      return bits === 8 ? null : `${bits} bits a color`;
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return null;
}
