import { outputActivations, packedColumns, weightFormats } from "./codes.js";
import { defineKernel, type NumbersOf } from "./defineKernel.js";

type Weight = NumbersOf<"n" | "k" | "format">;

/** Steps of the inner dimension in one packed element of 32 bits. */
const stepsOfElement = (format: number): number =>
  format === weightFormats.int8 ? 4 : format === weightFormats.bfloat16 ? 2 : 1;

/** Bytes of a packed weight: its columns are filled up to whole panels, its inner dimension to whole elements. */
const packedBytes = ({ n, k, format }: Weight): number =>
  4 * Math.ceil(k / stepsOfElement(format)) * packedColumns * Math.ceil(n / packedColumns);

/** Products with weights that were packed once, for inference. */
export const packedProducts = {
  /**
   * Packs the weight of a linear layer, N×K (out×in), for `gemmPacked`, into panels of `packedColumns` rows. A packed
   * element has 32 bits: one float32, two bfloat16 that follow each other along K (the first in the lower half), or
   * four int8 (the first in the lowest byte). A panel is [element along K][row]. Missing rows and elements are zeros.
   * The layout is the same on every instruction set.
   * int8: scales[n] = max |weight[n,:]| / 127, elements round(weight / scale) with ties to even, and sums[n] the sum of
   * row n's elements; a row with a NaN or an infinity has the scale NaN. Only int8 needs scales and sums.
   */
  packWeights: defineKernel({
    integers: ["n", "k", "format"],
    codes: { format: weightFormats },
    buffers: {
      packed: { output: true, type: "uint8", extent: packedBytes },
      scales: { output: true, optional: true, extent: (n) => n.n },
      sums: { output: true, optional: true, type: "int32", extent: (n) => n.n },
      weight: { extent: (n) => n.n * n.k },
    },
    operations: () => 0,
  }),
  /**
   * output = activation(a·weightᵀ + bias) + residual, M×N, a M×K, with a weight that `packWeights` packed.
   * float32: bit-identical to `gemm`. bfloat16: a is rounded, too, and sums are float32, as in `gemm` with that
   * precision.
   * int8: each row of a is quantized to u = round((a − low) / step), 0 … 255, ties to even, with low its smallest
   * element and step = (largest − smallest) / 255. The product is scale·(step·Σ u·w + low·Σ w), with integer sums,
   * which are exact up to K = 65536 and therefore the same on every instruction set. A row with a NaN or an infinity
   * becomes NaN.
   */
  gemmPacked: defineKernel({
    integers: ["m", "n", "k", "format", "activation"],
    codes: { format: weightFormats, activation: outputActivations },
    buffers: {
      output: { output: true, extent: (n) => n.m * n.n },
      a: { extent: (n) => n.m * n.k },
      packed: { type: "uint8", extent: packedBytes },
      scales: { optional: true, extent: (n) => n.n },
      sums: { optional: true, type: "int32", extent: (n) => n.n },
      bias: { optional: true, extent: (n) => n.n },
      residual: { optional: true, extent: (n) => n.m * n.n },
    },
    operations: (n) => 2 * n.m * n.n * n.k,
  }),
};
