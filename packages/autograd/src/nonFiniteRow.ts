import { zerosLike } from "./calls/blocks.js";
import { checkFloating, rowsAndColumns } from "./checks.js";
import { topK } from "./ops/discrete.js";
import { linear } from "./ops/linear.js";
import { reshape } from "./ops/reshape.js";
import { noGrad, scope } from "./scope.js";
import type { Tensor } from "./tensor.js";

/**
 * The index of the first row that has a NaN or an infinity, −1 if none has. For data from outside, before they become
 * classes or words. Reads x once and downloads one number.
 *
 * @param x …×C; a row is C elements of the last axis.
 */
export async function nonFiniteRow(x: Tensor): Promise<number> {
  checkFloating("nonFiniteRow", { x });
  const { rows, columns } = rowsAndColumns("nonFiniteRow", "x", x);
  if (rows === 0 || columns === 0) return -1;
  const found = noGrad(x.device, () =>
    scope(x.device, () => {
      // 0·x is NaN where x is not finite, and NaN comes first.
      const sums = linear(reshape(x, [rows, columns]), zerosLike(x, [1, columns]), null);
      return topK(reshape(sums, [1, rows]), 1);
    }),
  );
  const [value, row] = await Promise.all([found.values.item(), found.indices.item()]);
  found.values.dispose();
  found.indices.dispose();
  return Number.isNaN(value) ? row : -1;
}
