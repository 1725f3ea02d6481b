import { binaryOperations, unaryOperations } from "./codes.js";
import { defineKernel, dimensions, strides } from "./defineKernel.js";
import {
  columns,
  dense,
  distinct,
  matrix,
  none,
  perElement,
  perSize,
  rows,
  size,
  strided,
} from "./extents.js";

/** Kernels whose outputs depend on one element of each input. */
export const elementwise = {
  /** output = a ∘ b with broadcasting. In place on a or b where that one is not broadcast. */
  binary: defineKernel({
    integers: ["operation", ...dimensions(), ...strides("a"), ...strides("b")],
    codes: { operation: binaryOperations },
    buffers: {
      output: { output: true, extent: dense },
      a: { extent: strided("a"), traffic: distinct("a") },
      b: { extent: strided("b"), traffic: distinct("b") },
    },
    operations: dense,
  }),
  /** output = f(input). In place. */
  unary: defineKernel({
    integers: ["operation", "size"],
    codes: { operation: unaryOperations },
    buffers: { output: { output: true, extent: size }, input: { extent: size } },
    operations: size,
  }),
  /**
   * inputGradient = outputGradient · f′(input); for the operations whose derivative needs the input. In place on
   * outputGradient.
   */
  unaryBackward: defineKernel({
    integers: ["operation", "size"],
    codes: { operation: unaryOperations },
    buffers: {
      inputGradient: { output: true, extent: size },
      outputGradient: { extent: size },
      input: { extent: size },
    },
    operations: perSize(2),
  }),
  /** output = scale·input + offset. In place. */
  affine: defineKernel({
    integers: ["size"],
    values: ["scale", "offset"],
    buffers: { output: { output: true, extent: size }, input: { extent: size } },
    operations: perSize(2),
  }),
  /**
   * output[r,:] = input[r,:]·rowScale[r] (+ residual[r,:]). In place on input or residual. Drop path, masks, gradients
   * of norms.
   */
  scaleRows: defineKernel({
    integers: ["rows", "columns"],
    buffers: {
      output: { output: true, extent: matrix },
      input: { extent: matrix },
      rowScale: { extent: rows },
      residual: { optional: true, extent: matrix },
    },
    operations: perElement(2),
  }),
  /** output[r,c] = input[r,c]·columnScale[c] (+ residual[r,c]): layer scale. In place on input or residual. */
  scaleColumns: defineKernel({
    integers: ["rows", "columns"],
    buffers: {
      output: { output: true, extent: matrix },
      input: { extent: matrix },
      columnScale: { extent: columns },
      residual: { optional: true, extent: matrix },
    },
    operations: perElement(2),
  }),
  /** output = input rounded to the nearest bfloat16, ties to even; below 2⁻¹²⁶ zero, NaN stays NaN. */
  toBfloat16: defineKernel({
    integers: ["size"],
    buffers: { output: { output: true, type: "bfloat16", extent: size }, input: { extent: size } },
    operations: none,
  }),
  /** output = input; float32 and float64 represent every bfloat16 exactly. */
  fromBfloat16: defineKernel({
    integers: ["size"],
    buffers: { output: { output: true, extent: size }, input: { type: "bfloat16", extent: size } },
    operations: none,
  }),
};
