import { RandomStream } from "@splitmask/autograd";
import type { NdArray } from "ndarray";
import { checkIndex, type ImageDataset, type ImageRequest } from "../imageDataset.js";

class Subset implements ImageDataset {
  readonly classes: readonly string[];
  readonly #dataset: ImageDataset;
  readonly #indices: Int32Array;

  constructor(dataset: ImageDataset, indices: Int32Array) {
    this.classes = dataset.classes;
    this.#dataset = dataset;
    this.#indices = indices;
  }

  get length(): number {
    return this.#indices.length;
  }

  #original(what: string, index: number): number {
    checkIndex(what, index, this.length);
    return this.#indices[index]!;
  }

  path(index: number): string {
    return this.#dataset.path(this.#original("path", index));
  }

  label(index: number): number {
    return this.#dataset.label(this.#original("label", index));
  }

  image(index: number, request?: ImageRequest): Promise<NdArray<Uint8Array>> {
    return this.#dataset.image(this.#original("image", index), request);
  }
}

/**
 * Some pictures of a data set, in the given order, with the same classes.
 *
 * @throws RangeError If an index is none of the data set.
 */
export function subset(dataset: ImageDataset, indices: ArrayLike<number>): ImageDataset {
  const own = new Int32Array(indices.length);
  for (let place = 0; place < own.length; place++) {
    checkIndex("subset", indices[place]!, dataset.length);
    own[place] = indices[place]!;
  }
  return new Subset(dataset, own);
}

/** Options of `split`. */
export interface SplitOptions {
  /** Share of each class that goes to the second part, between 0 and 1. */
  readonly fraction: number;
  /** What the choice depends on, besides the data set. */
  readonly seed: number;
}

/**
 * Cuts a data set in two without overlap, class by class (pictures without a label count as one class), at random; each part keeps the order of the data set. Of a
 * class with two pictures or more each part gets at least one.
 *
 * @returns The larger part and the `fraction`, e.g. `const [train, test] = split(dataset, { fraction: 0.2, seed: 0 })`.
 * @throws RangeError If the fraction is not between 0 and 1.
 */
export function split(dataset: ImageDataset, options: SplitOptions): [ImageDataset, ImageDataset] {
  const { fraction, seed } = options;
  if (!(fraction > 0 && fraction < 1)) {
    throw new RangeError(`split: fraction is ${fraction}; expected a share between 0 and 1, e.g. 0.2.`);
  }
  const byClass = new Map<number, number[]>();
  for (let index = 0; index < dataset.length; index++) {
    const label = dataset.label(index);
    const members = byClass.get(label);
    if (members === undefined) byClass.set(label, [index]);
    else members.push(index);
  }
  const first: number[] = [];
  const second: number[] = [];
  for (const [label, members] of byClass) {
    const count = members.length;
    const order = new RandomStream({ seed, purpose: "split", sample: label + 1 }).permutation(count);
    const taken = count < 2 ? 0 : Math.min(count - 1, Math.max(1, Math.round(count * fraction)));
    for (let place = 0; place < count; place++)
      (place < taken ? second : first).push(members[order[place]!]!);
  }
  return [
    subset(
      dataset,
      first.sort((a, b) => a - b),
    ),
    subset(
      dataset,
      second.sort((a, b) => a - b),
    ),
  ];
}
