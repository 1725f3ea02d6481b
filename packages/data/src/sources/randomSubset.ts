import { RandomStream } from "@splitmask/autograd";
import type { ImageDataset } from "../imageDataset.js";
import { indicesByLabel, subset } from "./subset.js";

/** Options of `randomSubset`: one of `fraction`, `count` and `perClass`. */
export interface RandomSubsetOptions {
  /** Share of the pictures, above 0 and at most 1. */
  readonly fraction?: number;
  /** Number of pictures. */
  readonly count?: number;
  /** Number of pictures of every class: a class-balanced subset. Pictures without a label are left out. */
  readonly perClass?: number;
  /** What the choice depends on, besides the data set. */
  readonly seed: number;
  /**
   * Whether each class keeps its share (pictures without a label count as one class); else all pictures are drawn
   * alike. Only for `fraction` and `count`. Default true.
   */
  readonly stratified?: boolean;
}

/**
 * Some pictures of a data set by chance, in the order of the data set. With the same seed a smaller subset lies in a
 * larger one, so that learning curves over sizes compare.
 *
 * @throws TypeError If not exactly one of `fraction`, `count` and `perClass` is given.
 * @throws RangeError If it asks for no picture, for more than there are, or for more than a class has.
 * @example
 * ```ts
 * import { arrayDataset, randomSubset } from "@splitmask/data";
 * import ndarray from "ndarray";
 *
 * const labels = Array.from({ length: 100 }, (_, index) => index % 4);
 * const dataset = arrayDataset(ndarray(new Uint8Array(100 * 12), [100, 2, 2, 3]), { labels });
 * console.log(randomSubset(dataset, { fraction: 0.1, seed: 0 }).length); // 10
 * console.log(randomSubset(dataset, { perClass: 20, seed: 0 }).length); // 80
 * ```
 */
export function randomSubset(dataset: ImageDataset, options: RandomSubsetOptions): ImageDataset {
  return subset(dataset, randomIndices(dataset, options));
}

/**
 * Which pictures `randomSubset` takes, in rising order: e.g. to draw labels for several seeds of pictures that are
 * embedded once.
 *
 * @throws TypeError and RangeError as `randomSubset` does.
 */
export function randomIndices(dataset: ImageDataset, options: RandomSubsetOptions): Int32Array {
  const { fraction, count, perClass, seed, stratified = true } = options;
  const given = Object.entries({ fraction, count, perClass }).filter(([, value]) => value !== undefined);
  if (given.length !== 1) {
    const names = given.length === 0 ? "none" : given.map(([name]) => name).join(" and ");
    throw new TypeError(
      `randomSubset: ${names} of fraction, count and perClass was given; expected exactly one.`,
    );
  }
  const chosen =
    perClass !== undefined
      ? balanced(dataset, perClass, seed)
      : inOrder(dataset, seed, stratified).subarray(0, wanted(dataset.length, fraction, count));
  return chosen.sort();
}

function wanted(length: number, fraction: number | undefined, count: number | undefined): number {
  if (fraction !== undefined) {
    if (!(fraction > 0 && fraction <= 1)) {
      throw new RangeError(
        `randomSubset: fraction is ${fraction}; expected a share above 0 and at most 1, e.g. 0.1.`,
      );
    }
    return Math.max(1, Math.round(fraction * length));
  }
  if (!Number.isInteger(count) || count! < 1 || count! > length) {
    throw new RangeError(
      `randomSubset: count is ${count}; expected a whole number from 1 to ${length}, the pictures that there are.`,
    );
  }
  return count!;
}

function balanced(dataset: ImageDataset, perClass: number, seed: number): Int32Array {
  if (!Number.isInteger(perClass) || perClass < 1) {
    throw new RangeError(
      `randomSubset: perClass is ${perClass}; expected a whole number of pictures, at least 1.`,
    );
  }
  if (dataset.classes.length === 0) {
    throw new RangeError(
      "randomSubset: perClass was given, but the data set has no classes. " +
        "Give fraction or count, or a folder with one folder a class.",
    );
  }
  const byLabel = indicesByLabel(dataset);
  const small = dataset.classes.flatMap((name, label) => {
    const members = byLabel.get(label)?.length ?? 0;
    return members < perClass ? [`${name} (${members})`] : [];
  });
  if (small.length > 0) {
    const more = small.length > 5 ? ` and ${small.length - 5} more` : "";
    throw new RangeError(
      `randomSubset: perClass is ${perClass}, but fewer pictures are there of ` +
        `${small.slice(0, 5).join(", ")}${more}. Lower it, or leave these classes out.`,
    );
  }
  const chosen = dataset.classes.flatMap((_, label) =>
    shuffled(byLabel.get(label)!, seed, label).slice(0, perClass),
  );
  return Int32Array.from(chosen);
}

/** The pictures of one class in random order. */
function shuffled(members: readonly number[], seed: number, label: number): number[] {
  const stream = new RandomStream({ seed, purpose: "subset", sample: label + 1 });
  return Array.from(stream.permutation(members.length), (place) => members[place]!);
}

/** All pictures in the order in which a growing subset takes them. */
function inOrder(dataset: ImageDataset, seed: number, stratified: boolean): Int32Array {
  if (!stratified) return new RandomStream({ seed, purpose: "subset" }).permutation(dataset.length);
  // The r-th picture of n of its class comes at (r + u) / n, u in 0…1 the class's own: any beginning then holds each
  // class with its share, to within one picture.
  const keys = new Float64Array(dataset.length);
  for (const [label, members] of indicesByLabel(dataset)) {
    const offset = new RandomStream({ seed, purpose: "subset offset", sample: label + 1 }).uniform();
    shuffled(members, seed, label).forEach((index, rank) => {
      keys[index] = (rank + offset) / members.length;
    });
  }
  const order = Int32Array.from(keys, (_, index) => index);
  return order.sort((a, b) => keys[a]! - keys[b]! || a - b);
}
