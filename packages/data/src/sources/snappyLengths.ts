/**
 * Looks through the elements of Snappy data before it is unpacked: hyparquet's unpacker takes the length of a literal
 * of 2 GiB and more for a negative one, goes back by it, and may never end.
 *
 * @param packed Snappy data without frames.
 * @param length Bytes that it must unpack to.
 * @throws Error If an element reaches beyond the data or the elements are not as long as that.
 */
export function checkSnappy(packed: Uint8Array, length: number): void {
  const end = packed.length;
  const wrong = () => new Error(`Snappy data of ${end} bytes that does not unpack to ${length}`);
  let place = 0;
  while (place < end && packed[place]! >= 128) place++;
  place++;
  let unpacked = 0;
  while (place < end) {
    const tag = packed[place]!;
    const kind = tag & 3;
    place++;
    let count = (tag >>> 2) + 1;
    if (kind === 0) {
      if (count > 60) {
        const bytes = count - 60;
        count = 1;
        for (let byte = 0; byte < bytes; byte++) count += (packed[place + byte] ?? 0) * 2 ** (8 * byte);
        place += bytes;
      }
      place += count;
    } else {
      if (kind === 1) count = ((tag >>> 2) & 7) + 4;
      place += kind === 3 ? 4 : kind;
    }
    unpacked += count;
    if (place > end || unpacked > length) throw wrong();
  }
  if (unpacked !== length) throw wrong();
}
