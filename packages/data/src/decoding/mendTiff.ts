import { colorsOf } from "./pixelStorage.js";
import { readFrom, tiffTags } from "./tiffTags.js";

/** Tags that say how pixels are stored, how they are turned and which profile their colors have. */
const pixelTags = new Set([
  ...[256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 284, 292, 293, 317, 320, 322, 323, 324, 325],
  ...[332, 338, 339, 347, 529, 530, 531, 532, 34675],
]);

const extraSamples = 338;

/**
 * The first page of a TIFF file with nothing in its directory but what its pixels need, in the order that the format
 * wants, and with a word on channels that are no colors: libtiff complains of others.
 *
 * @param file All of it.
 * @returns What to decode instead; nothing of BigTIFF.
 * @throws RangeError If the directory lies beyond the end of the file.
 */
export function mendTiff(file: Buffer): Buffer[] {
  const little = file[0] === 0x49;
  const read = readFrom(file);
  const short = (place: number) => (little ? read(place, 2).readUInt16LE() : read(place, 2).readUInt16BE());
  if (short(2) !== 42) return [];
  const directory = little ? file.readUInt32LE(4) : file.readUInt32BE(4);
  const entries = new Map<number, Buffer>();
  for (let index = 0; index < short(directory); index++) {
    const place = directory + 2 + 12 * index;
    const tag = short(place);
    if (pixelTags.has(tag) && !entries.has(tag)) entries.set(tag, read(place, 12));
  }
  const tags = tiffTags(read, [262, 277]);
  const extra = (tags.get(277)?.[0] ?? 1) - (colorsOf[tags.get(262)?.[0] ?? 1] ?? 1);
  if (extra === 1 && !entries.has(extraSamples)) {
    // One short number, 0: of no meaning that is told.
    const bytes = [1, 82, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0];
    entries.set(extraSamples, little ? Buffer.of(82, 1, 3, 0, 1, 0, 0, 0, 0, 0, 0, 0) : Buffer.from(bytes));
  }
  const sorted = [...entries].sort(([a], [b]) => a - b).map(([, bytes]) => bytes);
  const count = Buffer.alloc(2);
  const place = file.length + (file.length % 2);
  const mended = Buffer.concat([file, Buffer.alloc(place - file.length), count, ...sorted, Buffer.alloc(4)]);
  if (little) {
    mended.writeUInt16LE(sorted.length, place);
    mended.writeUInt32LE(place, 4);
  } else {
    mended.writeUInt16BE(sorted.length, place);
    mended.writeUInt32BE(place, 4);
  }
  return [mended];
}
