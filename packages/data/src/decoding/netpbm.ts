import { type BarePicture, BarePictureError, type TiffPicture } from "./barePicture.js";
import { bareTiff } from "./bareTiff.js";
import type { PictureSize } from "./pictureSize.js";

/** What the head of a PBM, PGM or PPM file says. */
interface Header extends PictureSize {
  /** 1 to 3: PBM, PGM, PPM in digits; 4 to 6: the same in bytes. */
  readonly kind: number;
  /** The number that is white. */
  readonly white: number;
  /** Where the pixels begin. */
  readonly place: number;
}

/** Whether a file begins as a PBM, PGM or PPM file does. */
export function isNetpbm(head: Uint8Array): boolean {
  return head[0] === 0x50 && /^P[1-6]\s*(\d|#)/.test(Buffer.from(head.subarray(0, 64)).toString("latin1"));
}

/** The longest head with comments that is read. */
const mostHeadBytes = 1 << 16;

/** Reads the head: numbers between white space and comments. (netpbm's ppm(5), pgm(5), pbm(5).) */
function readHeader(file: Buffer): Header {
  const kind = file[1]! - 0x30;
  const head = file.toString("latin1", 0, mostHeadBytes);
  const count = kind === 1 || kind === 4 ? 2 : 3;
  const numbers = new RegExp(`^P[1-6]${"(?:\\s|#[^\\n\\r]*[\\n\\r])+(\\d{1,9})".repeat(count)}\\s`).exec(
    head,
  );
  if (numbers === null)
    throw new BarePictureError("damaged: its head does not give width, height and the greatest value");
  const [width, height, white] = [Number(numbers[1]), Number(numbers[2]), Number(numbers[3] ?? 1)];
  if (width === 0 || height === 0 || white === 0 || white > 65_535) {
    throw new BarePictureError(`damaged: its head gives ${width}×${height} pixels up to ${white}`);
  }
  return { kind, width, height, white, place: numbers[0].length };
}

/** Opens a PBM, PGM or PPM file. */
export function openNetpbm(file: Buffer): BarePicture {
  const header = readHeader(file);
  return { height: header.height, width: header.width, read: async () => toTiff(file, header) };
}

function toTiff(file: Buffer, { kind, width, height, white, place }: Header): TiffPicture {
  const samples = kind % 3 === 0 ? 3 : 1;
  const photometric = samples === 3 ? 2 : 1;
  const layout = { width, height, samples, photometric } as const;
  // The next whole number of bytes is what a file of a smaller greatest value has too.
  const bits = white < 256 ? 8 : 16;
  const scaled = [1, 255, 65_535].includes(white) ? {} : { white };
  if (kind <= 3)
    return {
      file: bareTiff({ ...layout, bits, rows: digits(file, place, kind, white, width * height * samples) }),
      ...scaled,
    };
  const bytes = kind === 4 ? Math.ceil(width / 8) * height : (width * height * samples * bits) / 8;
  if (place + bytes > file.length) throw new BarePictureError("truncated: the PPM data ends too early");
  const rows = file.subarray(place, place + bytes);
  if (kind === 4) return { file: bareTiff({ ...layout, photometric: 0, bits: 1, rows }) };
  return { file: bareTiff({ ...layout, bits, rows }), ...scaled };
}

/** Numbers in digits, as bytes or as pairs of bytes; in PBM files 1 is black, and there need be no space between. */
function digits(file: Buffer, place: number, kind: number, white: number, count: number): Buffer {
  const text = file.toString("latin1", place).replace(/#[^\n\r]*/g, " ");
  const words = kind === 1 ? (text.match(/[01]/g) ?? []) : text.split(/\s+/).filter((word) => word !== "");
  if (words.length < count) throw new BarePictureError("truncated: the PPM data ends too early");
  const values = Uint16Array.from(
    words.slice(0, count),
    kind === 1 ? (word) => (word === "1" ? 0 : 255) : Number,
  );
  if (kind > 1 && (words.some((word) => !/^\d{1,5}$/.test(word)) || values.some((value) => value > white))) {
    throw new BarePictureError(`damaged: the PPM data is not numbers up to ${white}`);
  }
  return white < 256 ? Buffer.from(values) : Buffer.from(values.buffer).swap16();
}
