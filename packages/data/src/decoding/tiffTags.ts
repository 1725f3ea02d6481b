/** Gives `length` bytes from `place` on. Throws a RangeError if the file has no such bytes. */
export type ReadBytes = (place: number, length: number) => Buffer;

/** Bytes of a value, by the type that a directory gives it: BYTE, SHORT, LONG, IFD, LONG8, IFD8. */
const sizes: Readonly<Record<number, number>> = { 1: 1, 3: 2, 4: 4, 13: 4, 16: 8, 18: 8 };

/** A file of which as many bytes are in memory as are wanted. */
export function readFrom(bytes: Uint8Array): ReadBytes {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return (place, length) => {
    if (place + length > file.length) throw new RangeError("beyond the end of the file");
    return file.subarray(place, place + length);
  };
}

/**
 * Whole numbers that the first directory of a TIFF or BigTIFF file gives. (TIFF 6.0, section 2.)
 *
 * @param read Reads the file.
 * @param wanted Which tags.
 * @returns The values of those that are there.
 * @throws RangeError If the directory, or values that are wanted, lie beyond the end of the file.
 */
export function tiffTags(read: ReadBytes, wanted: readonly number[]): ReadonlyMap<number, readonly number[]> {
  const head = read(0, 8);
  const little = head[0] === 0x49;
  const number = (bytes: Buffer, place: number, size: number) => {
    if (size === 8) return Number(little ? bytes.readBigUInt64LE(place) : bytes.readBigUInt64BE(place));
    return little ? bytes.readUIntLE(place, size) : bytes.readUIntBE(place, size);
  };
  const big = number(head, 2, 2) === 43;
  const [countBytes, entryBytes, word] = big ? [8, 20, 8] : [2, 12, 4];
  const directory = big ? number(read(8, 8), 0, 8) : number(head, 4, 4);
  const entries = number(read(directory, countBytes), 0, countBytes);
  const tags = new Map<number, readonly number[]>();
  for (let entry = 0; entry < entries; entry++) {
    const place = directory + countBytes + entryBytes * entry;
    const bytes = read(place, entryBytes);
    const tag = number(bytes, 0, 2);
    const size = sizes[number(bytes, 2, 2)];
    if (!wanted.includes(tag) || size === undefined) continue;
    const count = number(bytes, 4, word);
    const inside = count * size <= word;
    const values = inside ? bytes.subarray(4 + word) : read(number(bytes, 4 + word, word), count * size);
    tags.set(
      tag,
      Array.from({ length: count }, (_, index) => number(values, size * index, size)),
    );
  }
  return tags;
}
