import {
  add,
  affine,
  l2Normalize,
  relu,
  scaleRows,
  square,
  sum,
  type Tensor,
  uniform,
} from "@splitmask/autograd";

/**
 * Gives rows that are all zero a random direction: a flat patch, once centered, points nowhere and would be a word that
 * no patch can have.
 *
 * @param rows V×d, each row of unit length or zero.
 */
export function fillEmptyRows(rows: Tensor, seed: number): Tensor {
  const spare = l2Normalize(
    uniform(rows.device, rows.shape, { low: -1, high: 1, key: { seed, purpose: "tokenizer.emptyRows" } }),
  );
  // 1 for a row of length 0, 0 for a row of length 1, exactly.
  const empty = relu(affine(sum(square(rows), { axes: [1] }), -2, 1));
  return add(rows, scaleRows(spare, empty));
}
