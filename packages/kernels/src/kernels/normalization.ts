import { elementTypes } from "./codes.js";
import { defineKernel } from "./defineKernel.js";
import { columns, matrix, perElement, rows } from "./extents.js";

/** Norms and softmax by rows. */
export const normalization = {
  /**
   * output = (input − mean)·rstd·weight + bias over each row; rstd = 1/√(variance + epsilon), biased variance. mean,
   * rstd [rows]. weight and bias null: 1 and 0. outputType: that of output.
   */
  layerNorm: defineKernel({
    integers: ["rows", "columns", "outputType"],
    values: ["epsilon"],
    codes: { outputType: elementTypes },
    buffers: {
      output: { output: true, type: { code: "outputType" }, extent: matrix },
      mean: { output: true, extent: rows },
      rstd: { output: true, extent: rows },
      input: { extent: matrix },
      weight: { optional: true, extent: columns },
      bias: { optional: true, extent: columns },
    },
    operations: perElement(8),
  }),
  /** All gradients of layerNorm; weightGradient and biasGradient [columns] are overwritten. */
  layerNormBackward: defineKernel({
    integers: ["rows", "columns"],
    buffers: {
      inputGradient: { output: true, extent: matrix },
      weightGradient: { output: true, optional: true, extent: columns },
      biasGradient: { output: true, optional: true, extent: columns },
      outputGradient: { extent: matrix },
      input: { extent: matrix },
      mean: { extent: rows },
      rstd: { extent: rows },
      weight: { optional: true, extent: columns },
    },
    operations: perElement(13),
  }),
  /** output = input / max(‖input‖₂, epsilon) by rows; norms [rows] = that denominator. */
  l2Normalize: defineKernel({
    integers: ["rows", "columns"],
    values: ["epsilon"],
    buffers: {
      output: { output: true, extent: matrix },
      norms: { output: true, extent: rows },
      input: { extent: matrix },
    },
    operations: perElement(3),
  }),
  /** inputGradient = (g − y·(g·y)) / norm, y the normalized rows (where the norm was below epsilon: g / epsilon). */
  l2NormalizeBackward: defineKernel({
    integers: ["rows", "columns"],
    values: ["epsilon"],
    buffers: {
      inputGradient: { output: true, extent: matrix },
      outputGradient: { extent: matrix },
      output: { extent: matrix },
      norms: { extent: rows },
    },
    operations: perElement(5),
  }),
  /** Softmax of each row, stable; logarithm 1: log-softmax. In place. */
  softmax: defineKernel({
    integers: ["rows", "columns", "logarithm"],
    buffers: { output: { output: true, extent: matrix }, input: { extent: matrix } },
    operations: perElement(5),
  }),
  /**
   * Gradient of softmax (logarithm 0: y·(g − Σ g·y)) or of log-softmax (g − exp(y)·Σ g). In place on outputGradient.
   */
  softmaxBackward: defineKernel({
    integers: ["rows", "columns", "logarithm"],
    buffers: {
      inputGradient: { output: true, extent: matrix },
      outputGradient: { extent: matrix },
      output: { extent: matrix },
    },
    operations: perElement(4),
  }),
};
