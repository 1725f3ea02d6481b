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
   * Packs the weight of a linear layer, N×K (out×in), for `gemmPacked`: panels of `packedColumns` rows of it, in each
   * for every packed element (32 bits: one float32, two bfloat16, the earlier one in the lower half, or four int8 from
   * the lowest byte on) those of all the rows side by side. What is filled up is zero. The layout is the same on every
   * instruction set.
   * int8: scales[n] = max |weight[n,:]| / 127, the elements round(weight / scale), ties to even, and sums[n] the sum of
   * these; a row with a NaN or an infinity has a scale of NaN. scales and sums are needed for int8 alone.
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
   * output = activation(a·weightᵀ + bias) + residual, M×N, a M×K, of a weight that `packWeights` packed.
   * float32: the bits of `gemm`. bfloat16: a is rounded too, sums are float32, as `gemm` has it with that precision.
   * int8: each row of a becomes whole numbers 0 … 255, u = round((a − low) / step), ties to even, low its least
   * element and step = (largest − least) / 255; then the sum is scale·(step·Σ u·w + low·Σ w) with integer sums, which
   * are exact up to K = 65536: every instruction set computes with the same integers. A row with a NaN or an infinity
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
