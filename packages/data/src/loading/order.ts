import { RandomStream } from "@splitmask/autograd";

/** What the order of an epoch depends on. */
export interface OrderOptions {
  /** Pictures of the data set. */
  readonly length: number;
  /** Seed of the run. */
  readonly seed: number;
  /** Number of the epoch, from 0. */
  readonly epoch: number;
  /** Where groups begin, as `ImageDataset.groups` says; rising, the first 0. Default: no groups. */
  readonly groups?: Int32Array | undefined;
  /** Groups among which pictures are mixed. Default 4. */
  readonly groupWindow?: number | undefined;
  /**
   * Repeated augmentation (Hoffer et al. 2020), as DeiT's and timm's sampler have it but for their rounding to the
   * number of machines: every picture comes so many times in a row, and the epoch has as many places as before, so that
   * it sees about one picture in `repeats`. Place p is repetition p modulo `repeats`. Default 1.
   */
  readonly repeats?: number | undefined;
}

/**
 * The order in which an epoch goes through the pictures: each once, or `repeats` times in a row. A pure function of its
 * options.
 */
export interface EpochOrder {
  /** The pictures at the places `first` … `first + count − 1`, fewer at the end. */
  slice(first: number, count: number): Promise<Int32Array>;
}

/**
 * The order of one epoch. Without groups all pictures are shuffled. With groups, the groups are shuffled and put one
 * after another, and `groupWindow` of them at a time are shuffled as one: so pictures come from a few groups at a time,
 * which are read once an epoch, and no more than two such windows are held as lists.
 *
 * @throws RangeError If the groups do not begin at 0, do not rise, or end beyond the data set, or the window or
 * `repeats` is no whole number above 0.
 */
export function epochOrder(options: OrderOptions): EpochOrder {
  const { groups, repeats = 1, length } = options;
  if (!Number.isInteger(repeats) || repeats < 1) {
    throw new RangeError(`epochOrder: repeats is ${repeats}; expected a whole number, at least 1.`);
  }
  const once =
    groups === undefined || groups.length < 2
      ? new ShuffledOrder(options)
      : new GroupedOrder(options, groups);
  return repeats === 1 ? once : new RepeatedOrder(once, length, repeats);
}

class RepeatedOrder implements EpochOrder {
  readonly #once: EpochOrder;
  readonly #length: number;
  readonly #repeats: number;

  constructor(once: EpochOrder, length: number, repeats: number) {
    this.#once = once;
    this.#length = length;
    this.#repeats = repeats;
  }

  async slice(first: number, count: number): Promise<Int32Array> {
    const end = Math.min(first + count, this.#length);
    const begin = Math.floor(first / this.#repeats);
    const pictures = await this.#once.slice(begin, Math.ceil(end / this.#repeats) - begin);
    const places = Math.max(0, end - first);
    return Int32Array.from(
      { length: places },
      (_, place) => pictures[Math.floor((first + place) / this.#repeats) - begin]!,
    );
  }
}

class ShuffledOrder implements EpochOrder {
  readonly #indices: Promise<Int32Array>;

  constructor({ length, seed, epoch }: OrderOptions) {
    this.#indices = shuffled(
      ascending(0, length),
      new RandomStream({ seed, purpose: "shuffle", step: epoch }),
    );
  }

  async slice(first: number, count: number): Promise<Int32Array> {
    return (await this.#indices).subarray(first, first + count);
  }
}

/** The windows of an epoch: which groups each holds, and at which place of the epoch it begins. */
interface Windows {
  readonly groups: readonly Int32Array[];
  readonly begins: readonly number[];
}

class GroupedOrder implements EpochOrder {
  readonly #options: OrderOptions;
  readonly #groups: Int32Array;
  readonly #windows: Promise<Windows>;
  /** The last two windows that were asked for. */
  readonly #shuffled = new Map<number, Promise<Int32Array>>();

  constructor(options: OrderOptions, groups: Int32Array) {
    const { length, groupWindow = 4 } = options;
    if (!Number.isInteger(groupWindow) || groupWindow < 1) {
      throw new RangeError(`epochOrder: groupWindow is ${groupWindow}; expected a whole number, at least 1.`);
    }
    const rising = groups.every((begin, place) => (place === 0 ? begin === 0 : begin > groups[place - 1]!));
    if (!rising || groups[groups.length - 1]! >= length) {
      throw new RangeError(
        `epochOrder: groups is [${groups.subarray(0, 4).join(", ")}${groups.length > 4 ? ", …" : ""}] for ` +
          `${length} pictures; expected rising indices, the first 0.`,
      );
    }
    this.#options = options;
    this.#groups = groups;
    this.#windows = this.#plan(groupWindow);
  }

  async #plan(groupWindow: number): Promise<Windows> {
    const { seed, epoch } = this.#options;
    const stream = new RandomStream({ seed, purpose: "shuffleGroups", step: epoch });
    const order = await shuffled(ascending(0, this.#groups.length), stream);
    const groups: Int32Array[] = [];
    const begins: number[] = [];
    let begin = 0;
    for (let first = 0; first < order.length; first += groupWindow) {
      const window = order.subarray(first, first + groupWindow);
      groups.push(window);
      begins.push(begin);
      for (const group of window) begin += this.#endOf(group) - this.#groups[group]!;
    }
    return { groups, begins };
  }

  #endOf(group: number): number {
    return this.#groups[group + 1] ?? this.#options.length;
  }

  async slice(first: number, count: number): Promise<Int32Array> {
    const { begins } = await this.#windows;
    const end = Math.min(first + count, this.#options.length);
    const result = new Int32Array(Math.max(0, end - first));
    let window = begins.findLastIndex((begin) => begin <= first);
    for (let place = first; place < end; window++) {
      const indices = await this.#windowOf(window);
      const part = indices.subarray(place - begins[window]!, end - begins[window]!);
      result.set(part, place - first);
      place += part.length;
    }
    return result;
  }

  #windowOf(window: number): Promise<Int32Array> {
    let indices = this.#shuffled.get(window);
    if (indices === undefined) {
      indices = this.#shuffle(window);
      this.#shuffled.set(window, indices);
      for (const old of [...this.#shuffled.keys()].slice(0, -2)) this.#shuffled.delete(old);
    }
    return indices;
  }

  async #shuffle(window: number): Promise<Int32Array> {
    const { seed, epoch } = this.#options;
    const { groups } = await this.#windows;
    const parts = Array.from(groups[window]!, (group) => ascending(this.#groups[group]!, this.#endOf(group)));
    const indices = new Int32Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      indices.set(part, at);
      at += part.length;
    }
    // Sample 0 is the order of a data set without groups.
    return shuffled(indices, new RandomStream({ seed, purpose: "shuffle", step: epoch, sample: window + 1 }));
  }
}

/** The whole numbers from `first` to `end` − 1. */
function ascending(first: number, end: number): Int32Array {
  const numbers = new Int32Array(end - first);
  for (let place = 0; place < numbers.length; place++) numbers[place] = first + place;
  return numbers;
}

/**
 * Puts the numbers in random order, in place (Fisher and Yates), with pauses, so that millions of them do not hold up
 * the event loop.
 */
async function shuffled(order: Int32Array, stream: RandomStream): Promise<Int32Array> {
  for (let last = order.length - 1; last > 0; last--) {
    if (last % 65_536 === 0) await new Promise((resolve) => setImmediate(resolve));
    const other = stream.integer(last + 1);
    const index = order[last]!;
    order[last] = order[other]!;
    order[other] = index;
  }
  return order;
}
