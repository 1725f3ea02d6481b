import { reductions as reductionCodes } from "./codes.js";
import { defineKernel, type NumbersOf } from "./defineKernel.js";
import { columns, matrix, one, perElement, rows, size } from "./extents.js";

const lines = (n: NumbersOf<"outer" | "length" | "inner">): number => n.outer * n.length * n.inner;

/** Kernels that make few numbers of many, in a fixed order, whatever the thread count. */
export const reductions = {
  /** output[o,i] = scale · reduction over r of input[o,r,i]. */
  reduce: defineKernel({
    integers: ["operation", "outer", "reduced", "inner"],
    values: ["scale"],
    codes: { operation: reductionCodes },
    buffers: {
      output: { output: true, extent: (n) => n.outer * n.inner },
      input: { extent: (n) => n.outer * n.reduced * n.inner },
    },
    operations: (n) => n.outer * n.reduced * n.inner,
  }),
  /**
   * output[o,l,i] = Σ of input[o,k,i] over k ≤ l, or with `reverse` over k ≥ l; sums are held in float64. In place.
   */
  cumulativeSum: defineKernel({
    integers: ["outer", "length", "inner", "reverse"],
    buffers: { output: { output: true, extent: lines }, input: { extent: lines } },
    operations: lines,
  }),
  /** output[c] = Σ_r input[r,c] of bfloat16 numbers; the gradient of a bias. */
  sumColumns: defineKernel({
    integers: ["rows", "columns"],
    buffers: { output: { output: true, extent: columns }, input: { type: "bfloat16", extent: matrix } },
    operations: perElement(1),
  }),
  /** output[c] = Σ_r a[r,c]·b[r,c]; the gradient of a column scale. */
  dotColumns: defineKernel({
    integers: ["rows", "columns"],
    buffers: { output: { output: true, extent: columns }, a: { extent: matrix }, b: { extent: matrix } },
    operations: perElement(2),
  }),
  /** output[r] = Σ_c a[r,c]·b[r,c]. */
  dotRows: defineKernel({
    integers: ["rows", "columns"],
    buffers: { output: { output: true, extent: rows }, a: { extent: matrix }, b: { extent: matrix } },
    operations: perElement(2),
  }),
  /** output[r] = the first c with the largest input[r,c]; −1 (none) where the row holds a NaN. */
  argmaxRows: defineKernel({
    integers: ["rows", "columns"],
    buffers: { output: { output: true, type: "int32", extent: rows }, input: { extent: matrix } },
    operations: perElement(1),
  }),
  /** The k largest of each row in falling order, ties by lower column: values[r,k], indices[r,k]. */
  topK: defineKernel({
    integers: ["rows", "columns", "k"],
    buffers: {
      values: { output: true, extent: (n) => n.rows * n.k },
      indices: { output: true, type: "int32", extent: (n) => n.rows * n.k },
      input: { extent: matrix },
    },
    operations: perElement(1),
  }),
  /**
   * counts[v] += how often v stands in input; all counts are NaN if a −1 (none) is among them. Out of range is a device
   * error.
   */
  binCount: defineKernel({
    integers: ["size", "bins"],
    buffers: {
      counts: { output: true, extent: (n) => n.bins, traffic: (n) => 2 * n.bins },
      input: { type: "int32", extent: size },
    },
    operations: size,
  }),
  /** output[0] = share of positions at which a and b are equal; NaN if there are none or a −1 (none) is among them. */
  equalShare: defineKernel({
    integers: ["size"],
    buffers: {
      output: { output: true, extent: one },
      a: { type: "int32", extent: size },
      b: { type: "int32", extent: size },
    },
    operations: size,
  }),
};
