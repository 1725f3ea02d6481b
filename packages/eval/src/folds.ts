import { RandomStream } from "@splitmask/autograd";

/** Training pictures in two parts. */
export interface HeldOut {
  /** Rows to learn from, rising. */
  readonly learned: Int32Array<ArrayBuffer>;
  /** Rows to judge on, rising. */
  readonly judged: Int32Array<ArrayBuffer>;
}

/** From so many training pictures on one fifth of them judges well enough. */
const MANY = 2000;

/**
 * Class-balanced fifths of the training pictures for choosing a setting: each is held out once while the others are
 * learned from (five-fold cross-validation); from 2,000 pictures on only the first, because then its share of chance is
 * small.
 *
 * @param labels The class of each training picture.
 * @param seed What the choice depends on.
 * @returns No part at all where there are fewer than two pictures.
 */
export function heldOutFifths(labels: Int32Array, seed: number): HeldOut[] {
  const members = new Map<number, number[]>();
  for (const [row, label] of labels.entries()) {
    const list = members.get(label);
    if (list === undefined) members.set(label, [row]);
    else list.push(row);
  }
  const count = Math.min(5, labels.length);
  if (count < 2) return [];
  // Dealt out like cards, class after class: folds of equal size, each class spread over all of them.
  const foldOf = new Int32Array(labels.length);
  let dealt = 0;
  for (const label of [...members.keys()].sort((a, b) => a - b)) {
    const rows = members.get(label)!;
    const stream = new RandomStream({ seed, purpose: "heldOutFifths", sample: label });
    for (const place of stream.permutation(rows.length)) foldOf[rows[place]!] = dealt++ % count;
  }
  const rows = Int32Array.from(labels, (_, row) => row);
  return Array.from({ length: labels.length < MANY ? count : 1 }, (_, fold) => ({
    learned: rows.filter((row) => foldOf[row] !== fold),
    judged: rows.filter((row) => foldOf[row] === fold),
  }));
}
