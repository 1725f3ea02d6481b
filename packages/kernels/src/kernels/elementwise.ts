import {
  anyElementTypes,
  binaryDerivatives,
  binaryOperations,
  comparisons,
  unaryOperations,
} from "./codes.js";
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
  /** output = min(max(input, low), high); a bound that is NaN is none, an input that is NaN stays NaN. In place. */
  clamp: defineKernel({
    integers: ["size"],
    values: ["low", "high"],
    buffers: { output: { output: true, extent: size }, input: { extent: size } },
    operations: perSize(2),
  }),
  /** inputGradient = outputGradient where low < input < high, else 0, also for NaN. In place on outputGradient. */
  clampBackward: defineKernel({
    integers: ["size"],
    values: ["low", "high"],
    buffers: {
      inputGradient: { output: true, extent: size },
      outputGradient: { extent: size },
      input: { extent: size },
    },
    operations: perSize(2),
  }),
  /**
   * inputGradient = outputGradient · derivative(a, b), of the shape to which a and b are repeated. In place on
   * outputGradient.
   */
  binaryBackward: defineKernel({
    integers: ["operation", ...dimensions(), ...strides("a"), ...strides("b")],
    codes: { operation: binaryDerivatives },
    buffers: {
      inputGradient: { output: true, extent: dense },
      outputGradient: { extent: dense },
      a: { extent: strided("a"), traffic: distinct("a") },
      b: { extent: strided("b"), traffic: distinct("b") },
    },
    operations: (n) => 2 * dense(n),
  }),
  /** output = 1 where the comparison of a and b is true, else 0; with broadcasting. a and b have one element type. */
  compare: defineKernel({
    integers: ["operation", "operandType", ...dimensions(), ...strides("a"), ...strides("b")],
    codes: { operation: comparisons, operandType: anyElementTypes },
    buffers: {
      output: { output: true, type: "uint8", extent: dense },
      a: { type: { code: "operandType" }, extent: strided("a"), traffic: distinct("a") },
      b: { type: { code: "operandType" }, extent: strided("b"), traffic: distinct("b") },
    },
    operations: dense,
  }),
  /**
   * output = a where the condition is not 0, else b; with broadcasting. Moves elements of the dtype's size, whatever
   * they are. In place on a or b where that one is not broadcast.
   */
  where: defineKernel({
    integers: [...dimensions(), ...strides("condition"), ...strides("a"), ...strides("b")],
    buffers: {
      output: { output: true, extent: dense, checked: false },
      condition: { type: "uint8", extent: strided("condition"), traffic: distinct("condition") },
      a: { extent: strided("a"), traffic: distinct("a") },
      b: { extent: strided("b"), traffic: distinct("b") },
    },
    operations: none,
  }),
  /**
   * output = input in another element type. To bfloat16: to the nearest, ties to even; below 2⁻¹²⁶ zero. From a
   * fraction to an integer: cut towards zero, at the ends of int32 beyond them, 0 for NaN. uint8 takes the lowest byte
   * of that int32.
   */
  cast: defineKernel({
    integers: ["size", "inputType", "outputType"],
    codes: { inputType: anyElementTypes, outputType: anyElementTypes },
    buffers: {
      output: { output: true, type: { code: "outputType" }, extent: size },
      input: { type: { code: "inputType" }, extent: size },
    },
    operations: none,
  }),
};
