import { RandomStream } from "@splitmask/autograd";
import type { ImageDataset } from "../imageDataset.js";
import { indicesByLabel, subset } from "./subset.js";

/** Options of `split`. */
export interface RandomSplitOptions {
  /** Share of each class that goes to the second part, between 0 and 1. */
  readonly fraction: number;
  /** What the choice depends on, besides the data set. */
  readonly seed: number;
}

/**
 * Cuts a data set in two without overlap, class by class (pictures without a label count as one class), at random; each
 * part keeps the order of the data set. Of a class with two pictures or more each part gets at least one.
 *
 * @returns The larger part and the `fraction`, e.g.
 *   `const [train, test] = randomSplit(dataset, { fraction: 0.2, seed: 0 })`.
 * @throws RangeError If the fraction is not between 0 and 1.
 */
export function randomSplit(
  dataset: ImageDataset,
  options: RandomSplitOptions,
): [ImageDataset, ImageDataset] {
  const { fraction, seed } = options;
  if (!(fraction > 0 && fraction < 1)) {
    throw new RangeError(`randomSplit: fraction is ${fraction}; expected a share between 0 and 1, e.g. 0.2.`);
  }
  const first: number[] = [];
  const second: number[] = [];
  for (const [label, members] of indicesByLabel(dataset)) {
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
