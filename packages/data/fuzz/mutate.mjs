import { RandomStream } from "@splitmask/autograd";

/** Numbers that sizes and counts are overwritten with, beside the file's own size. */
const edges = [0, 1, 2, 255, 256, 32767, 32768, 65535, 65536, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];

/** Each takes bytes, a stream of random numbers and all valid files, and gives new bytes. */
const mutations = [
  function flipBits(bytes, random) {
    const copy = Buffer.from(bytes);
    for (let left = 1 + random.integer(8); left > 0; left--)
      copy[random.integer(copy.length)] ^= 1 << random.integer(8);
    return copy;
  },
  function truncate(bytes, random) {
    return bytes.subarray(0, random.integer(bytes.length + 1));
  },
  function insert(bytes, random) {
    const at = random.integer(bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, at), noise(1 + random.integer(64), random), bytes.subarray(at)]);
  },
  function remove(bytes, random) {
    const at = random.integer(bytes.length);
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.integer(64))]);
  },
  function repeat(bytes, random) {
    const at = random.integer(bytes.length);
    const part = bytes.subarray(at, at + 1 + random.integer(256));
    return Buffer.concat([
      bytes.subarray(0, at),
      ...Array(1 + random.integer(8)).fill(part),
      bytes.subarray(at),
    ]);
  },
  function splice(bytes, random, all) {
    const other = all[random.integer(all.length)];
    const head = bytes.subarray(0, random.integer(bytes.length + 1));
    return Buffer.concat([head, other.subarray(random.integer(other.length + 1))]);
  },
  function editLength(bytes, random) {
    const copy = Buffer.from(bytes);
    const width = [1, 2, 4, 8][random.integer(4)];
    if (copy.length < width) return copy;
    // Headers have most of the lengths: two of three edits are in the first kilobyte or the last.
    const near = Math.min(1024, copy.length - width + 1);
    const place = [
      () => random.integer(near),
      () => copy.length - width - random.integer(near),
      () => random.integer(copy.length - width + 1),
    ][random.integer(3)]();
    const value = [...edges, copy.length, copy.length + 1, copy.length - 1][random.integer(edges.length + 3)];
    const number = Buffer.alloc(8);
    const fitting = BigInt.asUintN(8 * width, BigInt(value));
    if (random.integer(2) === 0) number.writeBigUInt64LE(fitting);
    else number.writeBigUInt64BE(fitting << BigInt(64 - 8 * width));
    number.copy(copy, place, 0, width);
    return copy;
  },
  function editNumber(bytes, random) {
    const text = bytes.toString("latin1");
    const numbers = [...text.matchAll(/\d+/g)];
    if (numbers.length === 0) return bytes;
    const number = numbers[random.integer(numbers.length)];
    const values = [...edges, -1, "1e9", "1e400", "0.0000001", 10_000];
    const value = values[random.integer(values.length)];
    const end = number.index + number[0].length;
    return Buffer.from(text.slice(0, number.index) + value + text.slice(end), "latin1");
  },
  function overwrite(bytes, random) {
    const copy = Buffer.from(bytes);
    noise(1 + random.integer(64), random).copy(copy, random.integer(copy.length));
    return copy;
  },
  function replace(bytes, random) {
    const keep = random.integer(Math.min(32, bytes.length));
    return Buffer.concat([bytes.subarray(0, keep), noise(random.integer(512), random)]);
  },
];

function noise(length, random) {
  return Buffer.from(Array.from({ length }, () => random.integer(256)));
}

/**
 * A broken version of one of some valid files: one to three mutations, a pure function of its arguments.
 *
 * @param {readonly Buffer[]} files The valid files.
 * @param {{ seed: number, format: string, index: number }} key Which version.
 * @returns {Buffer} Its bytes.
 */
export function mutated(files, { seed, format, index }) {
  const random = new RandomStream({ seed, purpose: `fuzz ${format}`, sample: index });
  let bytes = files[random.integer(files.length)];
  for (let left = 1 + random.integer(3); left > 0; left--) {
    if (bytes.length === 0) break;
    bytes = mutations[random.integer(mutations.length)](bytes, random, files);
  }
  return bytes;
}
