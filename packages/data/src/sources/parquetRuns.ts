/**
 * Parquet's runs of small numbers: equal ones as a count and a value, others bit by bit. Like hyparquet's reader of
 * them, but no count is believed beyond `count`, and no read goes beyond the bytes. Format:
 * https://parquet.apache.org/docs/file-format/data-pages/encodings/.
 *
 * @param width Bits of a number, 0 to 31.
 * @param count How many numbers there are; the caller has bounded it, since a few bytes may stand for millions.
 * @throws Error If the bytes hold fewer.
 */
export function readRuns(bytes: Uint8Array, width: number, count: number): Int32Array {
  if (width > 31) throw new Error(`runs of numbers of ${width} bits`);
  const numbers = new Int32Array(count);
  const mask = 2 ** width - 1;
  const valueBytes = (width + 7) >> 3;
  let position = 0;
  let done = 0;
  const byte = (): number => {
    if (position >= bytes.length) throw new Error(`runs end after ${done} of ${count} numbers`);
    return bytes[position++]!;
  };
  while (done < count) {
    let head = 0;
    for (let shift = 0; ; shift += 7) {
      const next = byte();
      head += (next & 0x7f) * 2 ** shift;
      if (next < 0x80) break;
      if (shift >= 28) throw new Error("a run has a damaged length");
    }
    if (head % 2 === 0) {
      let value = 0;
      for (let place = 0; place < valueBytes; place++) value |= byte() << (8 * place);
      const length = Math.min(head / 2, count - done);
      if (length === 0) throw new Error("a run of no numbers");
      numbers.fill(value, done, done + length);
      done += length;
      continue;
    }
    const length = Math.min(((head - 1) / 2) * 8, count - done);
    if (length === 0) throw new Error("a run of no numbers");
    const end = position + ((head - 1) / 2) * width;
    let bits = 0;
    let held = 0;
    for (let number = 0; number < length; number++) {
      // Up to 38 bits are held, more than the bit operators take.
      while (held < width) {
        bits += byte() * 2 ** held;
        held += 8;
      }
      numbers[done++] = bits & mask;
      bits = Math.floor(bits / 2 ** width);
      held -= width;
    }
    position = end;
  }
  return numbers;
}
