/**
 * Everything that a random draw depends on: the same key gives the same numbers on any machine, at any time, in any
 * order. Philox 4×32-10 (Salmon et al. 2011) runs with the key (low word of the seed, purpose) and the counter (element
 * / 4, sample, step, high word of the seed).
 */
export interface RandomKey {
  /** The run's seed, a whole number from 0 to 2⁵³ − 1. */
  readonly seed: number;
  /**
   * A name for what is drawn, e.g. `"blocks.3.dropPath"`, hashed to 32 bits. Different purposes give independent
   * numbers.
   */
  readonly purpose: string;
  /** The training step, default 0. */
  readonly step?: number;
  /** The picture or row within the step, default 0. */
  readonly sample?: number;
}

/** A random key as the kernels take it. */
export interface KernelRandomKey {
  /** The seed. */
  readonly seed: number;
  /** The hashed purpose. */
  readonly purpose: number;
  /** The step. */
  readonly step: number;
  /** The sample. */
  readonly sample: number;
}

/** FNV-1a, 32 bits, over the UTF-8 bytes of a purpose. */
export function hashPurpose(purpose: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(purpose)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/**
 * Checks a key and turns it into the numbers that the kernels `random`, `splitMasks` and `kMeansSeed` take.
 *
 * @throws RangeError If seed is not a whole number from 0 to 2⁵³ − 1, or step or sample from 0 to 2³² − 1.
 */
export function kernelRandomKey(key: RandomKey): KernelRandomKey {
  const { seed, step = 0, sample = 0 } = key;
  for (const [name, value] of Object.entries({ seed, step, sample })) {
    const largest = name === "seed" ? Number.MAX_SAFE_INTEGER : 0xffffffff;
    if (!Number.isInteger(value) || value < 0 || value > largest) {
      throw new RangeError(
        `random key "${key.purpose}": ${name} is ${value}; expected a whole number from 0 to ${largest}.`,
      );
    }
  }
  return { seed, purpose: hashPurpose(key.purpose), step, sample };
}

/** The high 32 bits of a·b, both unsigned. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carry = aLow * bHigh + (middle & 0xffff);
  return (aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(carry / 0x10000)) >>> 0;
}

/**
 * One block of Philox 4×32-10: four 32-bit words for a counter of four words and a key of two.
 *
 * @param output Receives the four words.
 */
export function philox(
  output: Uint32Array,
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
): void {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(0xd2511f53, c0);
    const low0 = Math.imul(0xd2511f53, c0) >>> 0;
    const high1 = multiplyHigh(0xcd9e8d57, c2);
    const low1 = Math.imul(0xcd9e8d57, c2) >>> 0;
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0;
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  output[0] = c0;
  output[1] = c1;
  output[2] = c2;
  output[3] = c3;
}

/**
 * The random numbers of one key on the host, in order. For plans such as crops, flips and shuffles. The n-th draw has
 * the bits that the kernel `random` gives element n of a tensor with the same key.
 */
export class RandomStream {
  readonly #key: KernelRandomKey;
  readonly #words = new Uint32Array(4);
  #drawn = 0;

  /** @param key What the numbers depend on. */
  constructor(key: RandomKey) {
    this.#key = kernelRandomKey(key);
  }

  /** The next 32 random bits. */
  bits(): number {
    const lane = this.#drawn & 3;
    if (lane === 0) {
      const { seed, purpose, step, sample } = this.#key;
      const high = Math.floor(seed / 0x100000000);
      philox(this.#words, [Math.floor(this.#drawn / 4) >>> 0, sample, step, high], [seed >>> 0, purpose]);
    }
    this.#drawn++;
    return this.#words[lane]!;
  }

  /** A number in [low, high), by default [0, 1), with 24 random bits. */
  uniform(low = 0, high = 1): number {
    return low + (high - low) * ((this.bits() >>> 8) / 0x1000000);
  }

  /**
   * A whole number in [0, below), each equally likely (Lemire 2019: random words that would bias the result are
   * skipped).
   *
   * @throws RangeError If `below` is not a whole number from 1 to 2³² − 1.
   */
  integer(below: number): number {
    if (!Number.isInteger(below) || below < 1 || below > 0xffffffff) {
      throw new RangeError(`integer: below is ${below}; expected a whole number from 1 to 4294967295.`);
    }
    const threshold = (0x100000000 - below) % below;
    for (;;) {
      const word = this.bits();
      if (Math.imul(word, below) >>> 0 >= threshold) return multiplyHigh(word, below);
    }
  }

  /** The whole numbers from 0 to count − 1 in random order (Fisher and Yates). */
  permutation(count: number): Int32Array<ArrayBuffer> {
    const order = new Int32Array(count);
    for (let index = 0; index < count; index++) order[index] = index;
    this.shuffle(order);
    return order;
  }

  /** Puts the items of an array in random order, in place. */
  shuffle<Items extends Int32Array | unknown[]>(items: Items): Items {
    const array = items as unknown[];
    for (let last = items.length - 1; last > 0; last--) {
      const other = this.integer(last + 1);
      const item = array[last];
      array[last] = array[other];
      array[other] = item;
    }
    return items;
  }
}
