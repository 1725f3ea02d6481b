import { gemm, type ProductPrecision, sumRows } from "../calls/gemm.js";
import { checkFloating, checkRank, checkSameShape, rowsAndColumns } from "../checks.js";
import { defineOperation } from "../operation.js";
import { perform } from "../perform.js";
import { formatShape, type Shape } from "../shape.js";
import { describe, empty, type Tensor } from "../tensor.js";

/** Options of `linear`. */
export interface LinearOptions {
  /**
   * An activation f that is applied to x while it is read, so that f(x) is never in memory, in either pass. `"gelu"` is
   * the exact GELU. Default: none.
   */
  readonly inputActivation?: "gelu" | null;
  /** A tensor of the output's shape that is added last, in the same kernel: the skip connection around this layer. */
  readonly residual?: Tensor | null;
  /** The format in which the operands are multiplied, forward and backward. Default `"float32"`. */
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
 * f(x)·Wᵀ + b, with an activation of the input and a skip connection in the same kernel: …×in → …×out.
 *
 * @param x …×in; with precision `"bfloat16"` and no activation also of dtype bfloat16. The result has the dtype of
 *   weight.
 * @param weight out×in, PyTorch's layout.
 * @param bias out, or null.
 * @throws RangeError If the shapes do not fit.
 * @throws TypeError If the dtypes differ, or x is bfloat16 where it may not be.
 */
export function linear(x: Tensor, weight: Tensor, bias: Tensor | null, options: LinearOptions = {}): Tensor {
  const { inputActivation = null, residual = null, precision = "float32" } = options;
  checkInput("linear", x, precision);
  if (x.dtype === "bfloat16" && inputActivation !== null) {
    throw new TypeError(
      `linear: x is ${describe(x)} and inputActivation ${JSON.stringify(inputActivation)}; ` +
        "expected float32 or float64 for an input that is activated. Use mlp(x, first, second).",
    );
  }
  checkParameters("linear", x.shape, { x, weight, bias, residual });
  return perform(linearOperation, { x, weight, bias, residual }, { inputActivation, precision });
}

/** Throws unless products of a precision can read x: only those in bfloat16 take a bfloat16 tensor. */
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
  const [out, expected] = weight.shape as [number, number];
  const inner = inputShape[inputShape.length - 1];
  if (inner === undefined) rowsAndColumns(operation, "x", x);
  if (inner !== expected) {
    throw new RangeError(
      `${operation}: x is ${formatShape(inputShape)} and weight is ${formatShape(weight.shape)} (out×in): ` +
        `the last axis of x has ${inner} elements, expected ${expected}.` +
        (inner === out ? " Is weight stored in×out? Use transpose(weight), or matmul(x, weight)." : ""),
    );
  }
  if (bias !== null) checkSameShape(operation, "bias", bias, [out], "one number for each row of weight");
  if (residual !== null) {
    checkSameShape(operation, "residual", residual, [...inputShape.slice(0, -1), out], "the output's shape");
  }
}
