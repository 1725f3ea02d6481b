import { type BlockCodes, type HuffmanTable, huffmanTables, isWholeScan } from "./jpegScan.js";
import { isFrame, standsAlone } from "./jpegSegments.js";

/** What the frame of a JPEG file says of its scans. */
interface Frame {
  /** Whether each scan brings whole blocks, in Huffman codes. */
  readonly sequential: boolean;
  readonly height: number;
  readonly width: number;
  /**
   * By identifier: sampling factors, and of each of the 64 coefficients how many low bits are still to come (∞: the
   * coefficient itself).
   */
  readonly components: ReadonlyMap<number, { readonly h: number; readonly v: number; missing: number[] }>;
}

/**
 * Rewrites what JPEG files of some cameras and programs have wrong beside their pixels, and every viewer reads past: a
 * sequential scan's header that speaks of coefficients, stray bytes between segments, JFIF's major version, restart
 * markers that are all there with wrong numbers, an end of the image that is missing behind whole data. What is decoded
 * of the result without a warning is what the file meant; pixels that are missing or damaged are so still. (ITU-T T.81,
 * B.1 and B.2; JFIF 1.02.)
 *
 * @param file All of a JPEG file.
 * @returns What to decode instead, the likeliest first; nothing where segments or scans are missing.
 */
export function mendJpeg(file: Buffer): Buffer[] {
  const mended = rewrite(file, (scan) => scan);
  if (mended === null) return [];
  // Zeros at the end of a scan may be stray bytes, or belong to the data.
  const trimmed = rewrite(file, withoutZeros)!;
  return trimmed.length < mended.length ? [mended, trimmed] : [mended];
}

function rewrite(file: Buffer, trim: (scan: Buffer) => Buffer): Buffer | null {
  const parts: Buffer[] = [file.subarray(0, 2)];
  const tables = new Map<number, HuffmanTable>();
  let frame: Frame | null = null;
  let adobe: Buffer | null = null;
  let restartInterval = 0;
  let place = nextMarker(file, 2);
  for (; place >= 0 && file[place + 1] !== 0xd9; place = nextMarker(file, place)) {
    const marker = file[place + 1]!;
    const length = standsAlone(marker)
      ? 0
      : place + 4 <= file.length
        ? file.readUInt16BE(place + 2)
        : file.length;
    const segment = Buffer.from(file.subarray(place, place + 2 + length));
    if (segment.length < 2 + length || length === 1) return null;
    place += segment.length;
    parts.push(segment);
    if (marker === 0xe0 && segment.toString("latin1", 4, 9) === "JFIF\0" && segment.length > 9)
      segment[9] = 1;
    else if (marker === 0xee && segment.toString("latin1", 4, 9) === "Adobe") adobe = segment;
    else if (marker === 0xdd && segment.length >= 6) restartInterval = segment.readUInt16BE(4);
    else if (marker === 0xc4) for (const [kind, table] of huffmanTables(segment)) tables.set(kind, table);
    else if (isFrame(marker)) frame = readFrame(marker, segment);
    else if (marker === 0xda) {
      if (frame === null || !startScan(frame, segment)) return null;
      const end = endOfScan(file, place);
      const scan = numbered(file.subarray(place, end), restartInterval, segment, frame);
      if (frame.sequential && !isWhole(scan, restartInterval, segment, frame, tables)) return null;
      parts.push(trim(scan));
      place = end;
    }
  }
  // A scan whose marker is damaged looks like stray bytes.
  if (frame === null || !isComplete(frame)) return null;
  if (adobe !== null) nameTransform(adobe, frame.components.size);
  return Buffer.concat([...parts, Buffer.of(0xff, 0xd9)]);
}

/** Of transforms that Adobe does not know, what libjpeg takes them for: YCbCr of three components, YCCK of four. */
function nameTransform(adobe: Buffer, components: number): void {
  const known = components === 4 ? 2 : 1;
  if (adobe.length > 15 && ![0, known].includes(adobe[15]!)) adobe[15] = known;
}

/**
 * Where the next marker is, its last 0xff; −1 behind the last one. What is not a marker is passed over, as libjpeg
 * does.
 */
function nextMarker(file: Buffer, from: number): number {
  for (let place = file.indexOf(0xff, from); place >= 0; place = file.indexOf(0xff, place + 1)) {
    const next = file[place + 1];
    if (next === undefined) return -1;
    if (next !== 0x00 && next !== 0xff) return place;
  }
  return -1;
}

/** Where the data of a scan ends: at a marker that is no restart, or with the file. */
function endOfScan(file: Buffer, from: number): number {
  let place = from;
  for (;;) {
    place = nextMarker(file, place);
    if (place < 0) return file.at(-1) === 0xff ? file.length - 1 : file.length;
    const marker = file[place + 1]!;
    if (marker < 0xd0 || marker > 0xd7) return place;
    place += 2;
  }
}

function readFrame(marker: number, segment: Buffer): Frame | null {
  const count = segment[9] ?? 0;
  if (segment.length < 10 + 3 * count) return null;
  const components = new Map<number, { h: number; v: number; missing: number[] }>();
  for (let at = 10; at < 10 + 3 * count; at += 3) {
    const sampling = segment[at + 1]!;
    components.set(segment[at]!, {
      h: Math.max(1, sampling >> 4),
      v: Math.max(1, sampling & 15),
      missing: Array<number>(64).fill(Number.POSITIVE_INFINITY),
    });
  }
  return {
    sequential: marker <= 0xc1,
    height: segment.readUInt16BE(5),
    width: segment.readUInt16BE(7),
    components,
  };
}

/** The components of a scan. */
const scanned = (frame: Frame, header: Buffer) =>
  Array.from({ length: header[4] ?? 0 }, (_, index) => frame.components.get(header[5 + 2 * index]!));

/**
 * Notes what a scan brings, and rewrites the header of a sequential one: it brings all coefficients whatever it says.
 * False where the header is not whole.
 */
function startScan(frame: Frame, header: Buffer): boolean {
  const parameters = 5 + 2 * (header[4] ?? 0);
  if (header.length < parameters + 3) return false;
  if (frame.sequential) header.set([0, 63, 0], parameters);
  const [first, last, bits] = [header[parameters]!, header[parameters + 1]!, header[parameters + 2]! & 15];
  for (const component of scanned(frame, header)) component?.missing.fill(bits, first, last + 1);
  return true;
}

/** Whether every bit of every coefficient was in some scan. */
function isComplete({ components }: Frame): boolean {
  return (
    components.size > 0 &&
    [...components.values()].every(({ missing }) => missing.every((bits) => bits === 0))
  );
}

/** How many blocks or groups of blocks a scan codes. */
function codedUnits(frame: Frame, header: Buffer): number {
  const all = [...frame.components.values()];
  const [mostH, mostV] = [Math.max(...all.map(({ h }) => h)), Math.max(...all.map(({ v }) => v))];
  const [only, ...others] = scanned(frame, header);
  const [h, v] = others.length > 0 || only === undefined ? [1, 1] : [only.h / mostH, only.v / mostV];
  const [unitH, unitV] = others.length > 0 ? [8 * mostH, 8 * mostV] : [8, 8];
  return Math.ceil(Math.ceil(frame.width * h) / unitH) * Math.ceil(Math.ceil(frame.height * v) / unitV);
}

/**
 * Whether a sequential scan has all of its blocks. libvips does not look for complaints behind the last strip, so that
 * strict decoding does not say so.
 */
function isWhole(
  scan: Buffer,
  restartInterval: number,
  header: Buffer,
  frame: Frame,
  tables: ReadonlyMap<number, HuffmanTable>,
): boolean {
  const components = scanned(frame, header);
  const unit: BlockCodes[] = [];
  for (const [index, component] of components.entries()) {
    const numbers = header[6 + 2 * index]!;
    const [first, others] = [tables.get(numbers >> 4), tables.get(0x10 | (numbers & 15))];
    if (component === undefined || first === undefined || others === undefined) return false;
    const blocks = components.length > 1 ? component.h * component.v : 1;
    unit.push(...Array<BlockCodes>(blocks).fill({ first, others }));
  }
  return isWholeScan(scan, unit, codedUnits(frame, header), restartInterval);
}

/** A scan whose restart markers count 0 to 7 again and again, if there are as many as there must be. */
function numbered(scan: Buffer, restartInterval: number, header: Buffer, frame: Frame): Buffer {
  if (restartInterval === 0) return scan;
  const places: number[] = [];
  for (let place = nextMarker(scan, 0); place >= 0; place = nextMarker(scan, place + 2)) places.push(place);
  if (places.length !== Math.ceil(codedUnits(frame, header) / restartInterval) - 1) return scan;
  const copy = Buffer.from(scan);
  places.forEach((place, index) => {
    copy[place + 1] = 0xd0 + (index % 8);
  });
  return copy;
}

/** A scan without the zeros at its end. A zero behind 0xff belongs to it. */
function withoutZeros(scan: Buffer): Buffer {
  let end = scan.length;
  while (end > 0 && scan[end - 1] === 0) end--;
  return end > 0 && end < scan.length && scan[end - 1] === 0xff
    ? scan.subarray(0, end + 1)
    : scan.subarray(0, end);
}
