import { outputActivations, weightFormats } from "@splitmask/kernels";
import { gemm, type ProductPrecision, sumRows } from "../calls/gemm.js";
import { checkFloating, checkRank, checkSameShape, rowsAndColumns } from "../checks.js";
import { defineOperation } from "../operation.js";
import { PackedWeights } from "../packedWeights.js";
import { perform } from "../perform.js";
import { isRecording } from "../scope.js";
import { formatShape, type Shape } from "../shape.js";
import { describe, empty, type Tensor } from "../tensor.js";
import { add } from "./binary.js";
import { gelu } from "./unary.js";

/** Options of `linear`. */
export interface LinearOptions {
  /**
   * An activation f that is applied to x while it is read, so that f(x) is never in memory, in either pass. `"gelu"` is
   * the exact GELU. Default: none.
   */
  readonly inputActivation?: "gelu" | null;
  /**
   * An activation of x·Wᵀ + b, before the skip connection is added. With packed weights it is part of the kernel. With
   * other weights it is an operation of its own, and the next layer's `inputActivation` is cheaper. Default: none.
   */
  readonly outputActivation?: "gelu" | null;
  /** A tensor of the output's shape that is added last, in the same kernel: the skip connection around this layer. */
  readonly residual?: Tensor | null;
  /**
   * The format in which the operands are multiplied, forward and backward; packed weights have a format of their own,
   * and this is ignored. Default `"float32"`.
   */
  readonly precision?: ProductPrecision | undefined;
}

type LinearInputs = {
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly bias: Tensor | null;
  readonly residual: Tensor | null;
};

interface LinearAttributes {
  readonly inputActivation: "gelu" | null;
  readonly precision: ProductPrecision;
}

/**
 * y = f(x)·Wᵀ + b + residual, x rows×in, W out×in, f the activation of the input (or none):
 * ∂/∂x = (g·W)∘f′(x), ∂/∂W = gᵀ·f(x), ∂/∂b = Σ_rows g, ∂/∂residual = g.
 */
export const linearOperation = defineOperation({
  name: "linear",
  forward: (
    { x, weight, bias, residual }: LinearInputs,
    { inputActivation, precision }: LinearAttributes,
    needs,
  ) => {
    const [columns, inner] = weight.shape as [number, number];
    const { rows } = rowsAndColumns("linear", "x", x);
    const output = empty(x.device, [...x.shape.slice(0, -1), columns], weight.dtype);
    const activated = inputActivation === null ? null : "a";
    gemm({
      output,
      a: x,
      b: weight,
      bias,
      residual,
      activated,
      m: rows,
      n: columns,
      k: inner,
      transposeB: true,
      precision,
    });
    const needsInput = needs.weight || (needs.x && inputActivation !== null);
    return { output, saved: { x: needsInput ? x : null, weight: needs.x ? weight : null } };
  },
  gradient: ({ outputGradient: g, saved, attributes: { inputActivation, precision }, needs, shapes }) => {
    const [columns, inner] = shapes.weight as [number, number];
    const { rows } = rowsAndColumns("linear", "y", g);
    let x: Tensor | null = null;
    if (needs.x) {
      x = empty(g.device, shapes.x, g.dtype);
      const preActivation = inputActivation === null ? null : saved.x;
      gemm({ output: x, a: g, b: saved.weight!, preActivation, m: rows, n: inner, k: columns, precision });
    }
    let weight: Tensor | null = null;
    if (needs.weight) {
      weight = empty(g.device, shapes.weight, g.dtype);
      const activated = inputActivation === null ? null : "b";
      const [a, b] = [g, saved.x!];
      gemm({ output: weight, a, b, activated, m: columns, n: inner, k: rows, transposeA: true, precision });
    }
    const bias = needs.bias ? sumRows(empty(g.device, [columns], g.dtype), g, columns) : null;
    return { x, weight, bias, residual: needs.residual ? g : null };
  },
});

/**
 * f(x)·Wᵀ + b, with activations and a skip connection in the same kernel: …×in → …×out.
 *
 * @param x …×in; with precision `"bfloat16"` and no input activation also of dtype bfloat16.
 * @param weight out×in, PyTorch's layout; or, where no gradient is recorded, what `packWeights` made of it.
 * @param bias out, or null.
 * @returns …×out, of the weight's dtype.
 * @throws RangeError If the shapes do not fit.
 * @throws TypeError If the dtypes differ, or x is bfloat16 where it may not be.
 * @throws Error If a gradient would have to flow through packed weights, or if the weight was written to after it was
 *   packed.
 */
export function linear(
  x: Tensor,
  weight: Tensor | PackedWeights,
  bias: Tensor | null,
  options: LinearOptions = {},
): Tensor {
  const { inputActivation = null, outputActivation = null, residual = null, precision = "float32" } = options;
  if (weight instanceof PackedWeights) {
    checkFloating("linear", { x, bias, residual });
    rowsAndColumns("linear", "x", x);
    checkShapes("linear", x.shape, weight.shape, { bias, residual });
    return linearPacked(inputActivation === null ? x : gelu(x), weight, bias, options);
  }
  checkInput("linear", x, precision);
  if (x.dtype === "bfloat16" && inputActivation !== null) {
    throw new TypeError(
      `linear: x is ${describe(x)} and inputActivation ${JSON.stringify(inputActivation)}; ` +
        "expected float32 or float64 for an input that is activated. Use mlp(x, first, second).",
    );
  }
  checkParameters("linear", x.shape, { x, weight, bias, residual });
  if (outputActivation === null) {
    return perform(linearOperation, { x, weight, bias, residual }, { inputActivation, precision });
  }
  const product = perform(
    linearOperation,
    { x, weight, bias, residual: null },
    { inputActivation, precision },
  );
  return residual === null ? gelu(product) : add(gelu(product), residual);
}

/** Throws if x is bfloat16 and precision is not: only products in bfloat16 read bfloat16 tensors. */
export function checkInput(operation: string, x: Tensor, precision: ProductPrecision): void {
  if (x.dtype !== "bfloat16" || precision === "bfloat16") return;
  throw new TypeError(
    `${operation}: x is ${describe(x)} and precision is ${JSON.stringify(precision)}; ` +
      'expected float32 or float64. Give { precision: "bfloat16" }, or an x that is not rounded.',
  );
}

/** Throws unless a linear map's parameters and residual fit an input of this shape; x may be bfloat16. */
export function checkParameters(operation: string, inputShape: Shape, given: LinearInputs): void {
  const { x, weight, bias, residual } = given;
  checkFloating(
    operation,
    x.dtype === "bfloat16" ? { weight, bias, residual } : { x, weight, bias, residual },
  );
  checkRank(operation, "weight", weight, [2], "out×in");
  if (inputShape.length === 0) rowsAndColumns(operation, "x", x);
  checkShapes(operation, inputShape, weight.shape, { bias, residual });
}

function checkShapes(
  operation: string,
  inputShape: Shape,
  weight: Shape,
  { bias, residual }: { readonly bias: Tensor | null; readonly residual: Tensor | null },
): void {
  const [out, expected] = weight as [number, number];
  const inner = inputShape[inputShape.length - 1];
  if (inner !== expected) {
    throw new RangeError(
      `${operation}: x is ${formatShape(inputShape)} and weight is ${formatShape(weight)} (out×in): ` +
        `the last axis of x has ${inner} elements, expected ${expected}.` +
        (inner === out ? " Is weight stored in×out? Use transpose(weight), or matmul(x, weight)." : ""),
    );
  }
  if (bias !== null) checkSameShape(operation, "bias", bias, [out], "one number for each row of weight");
  if (residual !== null) {
    checkSameShape(operation, "residual", residual, [...inputShape.slice(0, -1), out], "the output's shape");
  }
}

function linearPacked(
  x: Tensor,
  weight: PackedWeights,
  bias: Tensor | null,
  { outputActivation = null, residual = null }: LinearOptions,
): Tensor {
  const { device } = x;
  if (isRecording(device) && [x, bias, residual].some((tensor) => tensor?.requiresGrad)) {
    throw new Error(
      "linear: no gradient flows through packed weights, and x, the bias or the residual requires one. " +
        "Call it inside noGrad(device, …), or give the weight itself.",
    );
  }
  if (weight.device !== device || x.dtype !== "float32") {
    throw new TypeError(
      `linear: x is ${describe(x)} and the weight is packed; expected float32 on the device of the weight.`,
    );
  }
  const [n, k] = weight.shape;
  const { rows: m } = rowsAndColumns("linear", "x", x);
  const output = empty(device, [...x.shape.slice(0, -1), n], x.dtype);
  device.run("gemmPacked", "float32", {
    ...{ output, a: x, ...weight.storage, bias, residual, m, n, k },
    format: weightFormats[weight.format],
    activation: outputActivations[outputActivation ?? "none"],
  });
  return output;
}
