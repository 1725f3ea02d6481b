import { productPrecisions } from "@splitmask/kernels";
import type { ProductPrecision } from "../calls/gemm.js";
import { checkFloating, checkIntegers, checkRank, checkSameShape, rowsAndColumns } from "../checks.js";
import { formatShape, resolveAxis } from "../shape.js";
import { empty, floatingOf, type Tensor } from "../tensor.js";
import { permute } from "./permute.js";

// Operations whose results are whole numbers or counts: no gradient flows through them, so they stand outside the
// table.

/**
 * The index of the largest element along an axis (default the last): …×C → int32 …. The first one if several are equal,
 * −1 if there is a NaN.
 *
 * @throws RangeError If there is no element.
 */
export function argmax(x: Tensor, axis = -1): Tensor {
  checkFloating("argmax", { x });
  const along = resolveAxis("argmax", axis, x.rank);
  if (along !== x.rank - 1) return argmaxOfMoved(x, along);
  const { rows, columns } = rowsAndColumns("argmax", "x", x);
  if (columns === 0)
    throw new RangeError(`argmax: x is ${formatShape(x.shape)}; a row without elements has no largest one.`);
  const output = empty(x.device, x.shape.slice(0, -1), "int32");
  x.device.run("argmaxRows", floatingOf(x), { output, input: x, rows, columns });
  return output;
}

/** The same with the axis moved behind the others. */
function argmaxOfMoved(x: Tensor, axis: number): Tensor {
  const others = x.shape.map((_, index) => index).filter((index) => index !== axis);
  const moved = permute(x.detach(), [...others, axis]);
  const result = argmax(moved);
  moved.dispose();
  return result;
}

/** Options of `argmaxProduct`. */
export interface ArgmaxProductOptions {
  /** In which format products are formed. Default `"float32"`. */
  readonly precision?: ProductPrecision | undefined;
}

/**
 * For each row of a, the index of the row of b with the largest product (plus its bias): M×K and N×K → int32 M. The
 * first one if several are equal, −1 if that product is NaN or infinite. The M×N products are never in memory.
 *
 * @throws RangeError If the widths differ.
 */
export function argmaxProduct(
  a: Tensor,
  b: Tensor,
  bias: Tensor | null = null,
  { precision = "float32" }: ArgmaxProductOptions = {},
): Tensor {
  checkFloating("argmaxProduct", { a, b, bias });
  checkRank("argmaxProduct", "a", a, [2], "M×K");
  checkRank("argmaxProduct", "b", b, [2], "N×K");
  const [m, k] = a.shape as [number, number];
  const [n, otherK] = b.shape as [number, number];
  if (k !== otherK || n === 0) {
    throw new RangeError(
      `argmaxProduct: a is ${formatShape(a.shape)} and b is ${formatShape(b.shape)}; ` +
        "expected M×K and N×K with the same K and N ≥ 1.",
    );
  }
  if (bias !== null) checkSameShape("argmaxProduct", "bias", bias, [n], "one number for each row of b");
  const output = empty(a.device, [m], "int32");
  a.device.run("gemmArgmax", floatingOf(a), {
    ...{ output, best: null, a, b, bias },
    ...{ m, n, k, precision: productPrecisions[precision] },
  });
  return output;
}

/** The result of `topK`. */
export interface TopK {
  /** …×k, in descending order. */
  readonly values: Tensor;
  /** int32 …×k: the indices of the values. */
  readonly indices: Tensor;
}

/**
 * The k largest elements of each row of the last axis in descending order: …×C → values …×k and int32 indices …×k. NaN
 * comes first, and of equal elements the one with the lower index.
 *
 * @throws RangeError If k is not in 1 … C.
 */
export function topK(x: Tensor, k: number): TopK {
  checkFloating("topK", { x });
  const { rows, columns } = rowsAndColumns("topK", "x", x);
  if (!Number.isInteger(k) || k < 1 || k > columns) {
    throw new RangeError(
      `topK: k is ${k} and x is ${formatShape(x.shape)}; expected a whole number from 1 to ${columns}.`,
    );
  }
  const shape = [...x.shape.slice(0, -1), k];
  const values = empty(x.device, shape, x.dtype);
  const indices = empty(x.device, shape, "int32");
  x.device.run("topK", floatingOf(x), { values, indices, input: x, rows, columns, k });
  return { values, indices };
}

/**
 * How often each whole number below `bins` occurs in x: int32 → float32 of length `bins`. All counts are NaN if x has a
 * −1 (none, see `argmax`); other numbers out of range are reported at the next `await`.
 */
export function binCount(x: Tensor, bins: number): Tensor {
  checkIntegers("binCount", "x", x);
  if (!Number.isInteger(bins) || bins < 1) {
    throw new RangeError(`binCount: bins is ${bins}; expected a whole number ≥ 1.`);
  }
  const counts = empty(x.device, [bins], "float32");
  x.device.run("fill", "float32", { output: counts, size: bins, value: 0 });
  x.device.run("binCount", "float32", { counts, input: x, size: x.size, bins });
  return counts;
}

/**
 * The share of elements that are equal in two int32 tensors, a float32 scalar: the accuracy. NaN if there are no
 * elements, or if there is a −1 (none, see `argmax`).
 *
 * @throws RangeError If the shapes differ.
 */
export function equalShare(a: Tensor, b: Tensor): Tensor {
  checkIntegers("equalShare", "a", a);
  checkIntegers("equalShare", "b", b);
  checkSameShape("equalShare", "b", b, a.shape, "the shape of a");
  const output = empty(a.device, [], "float32");
  a.device.run("equalShare", "float32", { output, a, b, size: a.size });
  return output;
}

/**
 * Picks whole numbers by index, row by row: int32 B×N and int32 indices B×K → int32 B×K. An index out of range is
 * reported at the next `await`.
 *
 * @throws RangeError If the numbers of rows differ.
 */
export function gatherIntegers(x: Tensor, indices: Tensor): Tensor {
  checkIntegers("gatherIntegers", "x", x);
  checkIntegers("gatherIntegers", "indices", indices);
  checkRank("gatherIntegers", "x", x, [2], "B×N");
  checkRank("gatherIntegers", "indices", indices, [2], "B×K");
  const [batch, inputColumns] = x.shape as [number, number];
  const [rows, outputColumns] = indices.shape as [number, number];
  if (batch !== rows) {
    throw new RangeError(
      `gatherIntegers: x is ${formatShape(x.shape)} and indices is ${formatShape(indices.shape)}; ` +
        "expected the same number of rows.",
    );
  }
  const output = empty(x.device, indices.shape, "int32");
  x.device.run("gatherIntegers", "float32", {
    output,
    input: x,
    indices,
    batch,
    inputColumns,
    outputColumns,
  });
  return output;
}
