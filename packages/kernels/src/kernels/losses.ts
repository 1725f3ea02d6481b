import { defineKernel } from "./defineKernel.js";
import { matrix, perElement, rows } from "./extents.js";

/** Losses by rows. */
export const losses = {
  /**
   * Per row: losses[r] = logSumExp(logits[r]) − Σ_c q[c]·logits[r,c] with q = (1−smoothing)·onehot(targets[r]) +
   * smoothing/columns. gradient, if given (in place on logits): (softmax − q)·gradientScale. excludeDiagonal ≥ 0:
   * column r + excludeDiagonal of row r is left out (as −∞; its gradient is 0; smoothing spreads over the others). A
   * target of −1 (none) makes the row's loss and gradient NaN; others out of range are a device error.
   */
  crossEntropy: defineKernel({
    integers: ["rows", "columns", "excludeDiagonal"],
    values: ["smoothing", "gradientScale"],
    buffers: {
      losses: { output: true, extent: rows },
      gradient: { output: true, optional: true, extent: matrix },
      logits: { extent: matrix },
      targets: { type: "int32", extent: rows },
    },
    operations: perElement(6),
  }),
  /**
   * Per row: losses[r] = −Σ_c q[c]·logSoftmax(logits[r])[c] with q = (1−smoothing)·targets[r] + smoothing/columns;
   * columns with q = 0 cost nothing, whatever their logits.
   * gradient, if given (in place on logits): (Σq·softmax − q)·gradientScale.
   */
  softCrossEntropy: defineKernel({
    integers: ["rows", "columns"],
    values: ["smoothing", "gradientScale"],
    buffers: {
      losses: { output: true, extent: rows },
      gradient: { output: true, optional: true, extent: matrix },
      logits: { extent: matrix },
      targets: { extent: matrix },
    },
    operations: perElement(9),
  }),
};
