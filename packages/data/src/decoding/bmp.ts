import sharp, { type Sharp } from "sharp";
import { type BarePicture, BarePictureError, type TiffPicture } from "./barePicture.js";
import { bareTiff } from "./bareTiff.js";

/**
 * Sizes of the header behind the file's own: OS/2 1, OS/2 2 (short), Windows 3 with none, three and four masks, OS/2 2,
 * Windows 4 and 5.
 */
const headerSizes = [12, 16, 40, 52, 56, 64, 108, 124];

/** Whether a file begins as a BMP file does. */
export function isBmp(head: Uint8Array): boolean {
  return head[0] === 0x42 && head[1] === 0x4d && headerSizes.includes(head[14]! | (head[15]! << 8));
}

/** What the headers of a BMP file say. (Microsoft's BITMAPFILEHEADER to BITMAPV5HEADER.) */
interface Header {
  readonly width: number;
  readonly height: number;
  /** Whether the first row is the lowest. */
  readonly bottomUp: boolean;
  readonly bits: number;
  readonly compression: "none" | "RLE8" | "RLE4";
  /** Bits of red, green, blue and transparency in a pixel of 16 or 32 bits. */
  readonly masks: readonly number[];
  /** Blue, green, red and perhaps a byte more of each color. */
  readonly palette: Buffer;
  readonly paletteEntry: number;
  /** Where the pixels begin. */
  readonly place: number;
}

const defaultMasks: Readonly<Record<number, readonly number[]>> = {
  16: [0x7c00, 0x03e0, 0x001f, 0],
  32: [0x00ff0000, 0x0000ff00, 0x000000ff, 0],
};

function readHeader(file: Buffer): Header {
  const size = file.readUInt32LE(14);
  const isFirst = size === 12;
  const width = isFirst ? file.readUInt16LE(18) : file.readInt32LE(18);
  const height = isFirst ? file.readUInt16LE(20) : file.readInt32LE(22);
  const bits = file.readUInt16LE(isFirst ? 24 : 28);
  const method = size < 40 ? 0 : file.readUInt32LE(30);
  if (width <= 0 || height === 0)
    throw new BarePictureError(`damaged: its header gives ${width}×${height} pixels`);
  const compression = compressionOf(method, bits, size);
  // Masks are part of the later headers, and lie behind the one of 40 bytes.
  const masked = size >= 40 && size !== 64 && (method === 3 || method === 6);
  const count = size >= 56 || method === 6 ? 4 : 3;
  const masks = masked
    ? Array.from({ length: 4 }, (_, index) => (index < count ? file.readUInt32LE(54 + 4 * index) : 0))
    : (defaultMasks[bits] ?? []);
  const colors = 14 + size + (masked && size === 40 ? 4 * count : 0);
  const paletteEntry = isFirst ? 3 : 4;
  const stored = size < 40 ? 0 : file.readUInt32LE(46);
  const place = file.readUInt32LE(10);
  const most = bits <= 8 ? 2 ** bits : 0;
  const entries = Math.min(stored === 0 ? most : stored, most, Math.floor((place - colors) / paletteEntry));
  return {
    width,
    height: Math.abs(height),
    bottomUp: height > 0,
    ...{ bits, compression, masks, paletteEntry, place },
    palette: file.subarray(colors, colors + Math.max(0, entries) * paletteEntry),
  };
}

/** @throws BarePictureError If pixels of so many bits are not decoded. */
function compressionOf(method: number, bits: number, headerSize: number): Header["compression"] {
  if (method === 1 && bits === 8) return "RLE8";
  if (method === 2 && bits === 4) return "RLE4";
  const isMasked = (method === 3 || method === 6) && (bits === 16 || bits === 32) && headerSize !== 64;
  if (isMasked || (method === 0 && [1, 2, 4, 8, 16, 24, 32].includes(bits))) return "none";
  const names: Readonly<Record<number, string>> = { 1: "RLE8", 2: "RLE4", 3: "Huffman", 4: "JPEG", 5: "PNG" };
  throw new BarePictureError(
    `a BMP file of ${bits} bits a pixel with ${names[method] ?? "an unknown"} compression, which is not ` +
      "decoded; save it without compression",
  );
}

/** Opens a BMP file. */
export function openBmp(file: Buffer): BarePicture {
  try {
    const header = readHeader(file);
    return { height: header.height, width: header.width, read: () => toTiff(file, header) };
  } catch (error) {
    throw error instanceof RangeError ? new BarePictureError(cutOff) : error;
  }
}

const cutOff = "truncated: the BMP data ends too early";

async function toTiff(file: Buffer, header: Header): Promise<TiffPicture> {
  const { width, height, bits, compression } = header;
  const size = { width, height };
  if (bits <= 8) {
    const isPacked = compression === "none";
    const rows = isPacked ? uprightRows(file, header) : unpackRuns(file, header);
    const depth = isPacked ? (bits as 1 | 2 | 4 | 8) : 8;
    const palette = paletteOf(header, 2 ** depth);
    return { file: bareTiff({ ...size, photometric: 3, samples: 1, bits: depth, palette, rows }) };
  }
  const rows = uprightRows(file, header);
  if (bits === 16) return { file: bareTiff({ ...size, photometric: 2, ...fromWords(rows, header.masks) }) };
  const places = bits === 24 ? [2, 1, 0] : placesOf(header.masks);
  const channels = bits === 24 ? 3 : 4;
  const matrix = places.map((place) =>
    Array.from({ length: channels }, (_, column) => (column === place ? 1 : 0)),
  );
  // The fourth byte of a pixel without transparency means nothing.
  const hasAlpha = places.length === 4;
  if (channels === 4 && !hasAlpha) matrix.push([0, 0, 0, 1]);
  const swapped = sharp(rows, { raw: { ...size, channels } }).recomb(
    matrix as Parameters<Sharp["recomb"]>[0],
  );
  const colors = await (hasAlpha ? swapped : swapped.removeAlpha()).raw().toBuffer();
  return { file: bareTiff({ ...size, photometric: 2, samples: hasAlpha ? 4 : 3, bits: 8, rows: colors }) };
}

/** Reds, greens and blues of so many colors; those that the file leaves out are black. */
function paletteOf({ palette, paletteEntry }: Header, colors: number): number[] {
  return [2, 1, 0].flatMap((channel) =>
    Array.from({ length: colors }, (_, index) => palette[index * paletteEntry + channel] ?? 0),
  );
}

/** Rows from the top, without the bytes that fill them up to four. */
function uprightRows(file: Buffer, { width, height, bits, bottomUp, place }: Header): Buffer {
  const bytes = Math.ceil((width * bits) / 8);
  const stride = Math.ceil(bytes / 4) * 4;
  if (place + stride * (height - 1) + bytes > file.length) throw new BarePictureError(cutOff);
  const rows = Buffer.allocUnsafe(bytes * height);
  for (let row = 0; row < height; row++) {
    const from = place + stride * (bottomUp ? height - 1 - row : row);
    file.copy(rows, bytes * row, from, from + bytes);
  }
  return rows;
}

/** Which byte of a pixel of 32 bits is red, green, blue and, if any is, transparency. */
function placesOf(masks: readonly number[]): number[] {
  const places = masks.map((mask) => [0xff, 0xff00, 0xff0000, 0xff000000].indexOf(mask >>> 0));
  const wanted = masks[3] === 0 ? places.slice(0, 3) : places;
  if (wanted.includes(-1)) {
    throw new BarePictureError(
      "a BMP file whose colors are not whole bytes of 32 bits, which is not decoded; save it with 24 bits a pixel",
    );
  }
  return wanted;
}

/** Pixels of 16 bits as bytes of RGB, perhaps with transparency. No operation of sharp's takes bits apart. */
function fromWords(rows: Buffer, masks: readonly number[]): { samples: 3 | 4; bits: 8; rows: Buffer } {
  const samples = masks[3] === 0 ? 3 : 4;
  const fields = masks.slice(0, samples).map((mask) => ({ mask, unit: mask & -mask }));
  const values = Buffer.alloc((rows.length / 2) * samples);
  for (let place = 0, at = 0; place < rows.length; place += 2) {
    const word = rows.readUInt16LE(place);
    for (const { mask, unit } of fields)
      values[at++] = mask === 0 ? 0 : Math.round((255 * ((word & mask) / unit)) / (mask / unit));
  }
  return { samples, bits: 8, rows: values };
}

/**
 * Places in the palette of run-length encoded pixels, a byte each. Pixels that are passed over have the first color.
 */
function unpackRuns(file: Buffer, { width, height, bottomUp, compression, place: start }: Header): Buffer {
  const rows = Buffer.alloc(width * height);
  const isNarrow = compression === "RLE4";
  let [place, x, y] = [start, 0, 0];
  const next = () => {
    const byte = file[place++];
    if (byte === undefined) throw new BarePictureError(cutOff);
    return byte;
  };
  const put = (value: number) => {
    if (x >= width || y >= height)
      throw new BarePictureError("damaged: runs of the BMP data are longer than its rows");
    rows[width * (bottomUp ? height - 1 - y : y) + x++] = value;
  };
  for (;;) {
    const count = next();
    const value = next();
    if (count > 0) {
      for (let at = 0; at < count; at++) put(isNarrow ? (at % 2 === 0 ? value >> 4 : value & 15) : value);
    } else if (value === 0) {
      x = 0;
      y++;
    } else if (value === 1) return rows;
    else if (value === 2) {
      x += next();
      y += next();
    } else {
      const bytes = isNarrow ? Math.ceil(value / 2) : value;
      const from = place;
      for (let at = 0; at < value; at++) {
        const byte = isNarrow && at % 2 === 1 ? file[place - 1]! : next();
        put(isNarrow ? (at % 2 === 0 ? byte >> 4 : byte & 15) : byte);
      }
      place = from + bytes + (bytes % 2);
    }
    // Some writers leave out the mark of the end behind the last row.
    if (place >= file.length && (y >= height || (y === height - 1 && x >= width))) return rows;
  }
}
