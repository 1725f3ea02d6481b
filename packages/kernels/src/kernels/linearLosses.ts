import { productPrecisions } from "./codes.js";
import { defineKernel, type NumbersOf } from "./defineKernel.js";
import { columns, rows } from "./extents.js";

type Layer = NumbersOf<"rows" | "columns" | "inner">;
const inputs = (n: Layer): number => n.rows * n.inner;
const weights = (n: Layer): number => n.columns * n.inner;

/** Losses of a linear layer's outputs, of which only a slice of rows is in memory at a time. */
export const linearLosses = {
  /**
   * crossEntropy of logits = x·weightᵀ + bias, for x rows×inner and weight columns×inner, and the gradients that are
   * given: with d = (softmax − q)·gradientScale, xGradient = d·weight, weightGradient = dᵀ·x, biasGradient = Σ_rows d.
   * A target of −1 (none) makes the row's loss and d NaN; others out of range are a device error.
   * precision: as for gemm, for all three products; logits, d and sums stay float32.
   */
  linearCrossEntropy: defineKernel({
    integers: ["rows", "columns", "inner", "precision"],
    values: ["smoothing", "gradientScale"],
    codes: { precision: productPrecisions },
    buffers: {
      losses: { output: true, extent: rows },
      xGradient: { output: true, optional: true, extent: inputs },
      weightGradient: { output: true, optional: true, extent: weights },
      biasGradient: { output: true, optional: true, extent: columns },
      x: { extent: inputs },
      weight: { extent: weights },
      bias: { optional: true, extent: columns },
      targets: { type: "int32", extent: rows },
    },
    // One product for the logits, one for each gradient but the bias's.
    operations: (n, _, given) => {
      const products = 1 + ["xGradient", "weightGradient"].filter((name) => given.includes(name)).length;
      return n.rows * n.columns * (2 * n.inner * products + 6);
    },
  }),
};
