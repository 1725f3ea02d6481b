import { unaryOperations } from "@splitmask/kernels";
import { gemm, type ProductPrecision, sumRows } from "../calls/gemm.js";
import { checkFloating, checkRank, checkSameShape, rowsAndColumns } from "../checks.js";
import { defineOperation, perform } from "../operation.js";
import { formatShape } from "../shape.js";
import { empty, floatingOf, type Tensor } from "../tensor.js";
import { runUnary } from "./unary.js";

/** Options of `linear`. */
export interface LinearOptions {
  /** Applied to x·Wᵀ + b in the same kernel. Default none. */
  readonly activation?: "gelu" | null;
  /** Added last, in the same kernel: the skip connection around this layer. Has the output's shape. */
  readonly residual?: Tensor | null;
  /** In which format products are formed, forward and backward. Default `"float32"`. */
  readonly precision?: ProductPrecision | undefined;
}

type LinearInputs = {
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly bias: Tensor | null;
  readonly residual: Tensor | null;
};

interface LinearAttributes {
  readonly activation: "gelu" | null;
  readonly precision: ProductPrecision;
}

/**
 * y = f(z) + residual with z = x·Wᵀ + b, x rows×in, W out×in, f the activation. With h = g·f′(z):
 * ∂/∂x = h·W, ∂/∂W = hᵀ·x, ∂/∂b = Σ_rows h, ∂/∂residual = g.
 */
export const linearOperation = defineOperation({
  name: "linear",
  forward: (
    { x, weight, bias, residual }: LinearInputs,
    { activation, precision }: LinearAttributes,
    needs,
  ) => {
    const [columns, inner] = weight.shape as [number, number];
    const { rows } = rowsAndColumns("linear", "x", x);
    const output = empty(x.device, [...x.shape.slice(0, -1), columns], x.dtype);
    const behindActivation = needs.x || needs.weight || needs.bias;
    const z = activation !== null && behindActivation ? empty(x.device, output.shape, x.dtype) : null;
    gemm({
      output,
      a: x,
      b: weight,
      bias,
      residual,
      preActivation: z,
      activation,
      m: rows,
      n: columns,
      k: inner,
      transposeB: true,
      precision,
    });
    const saved = { x: needs.weight ? x : null, weight: needs.x ? weight : null, z };
    // What lies behind an activation is large, and cheap to make again.
    const remake = z === null || residual !== null ? undefined : () => runUnary("gelu", z);
    return { output, saved, remake };
  },
  gradient: ({ outputGradient: g, saved, attributes: { precision }, needs, shapes, writableGradient }) => {
    const [columns, inner] = shapes.weight as [number, number];
    const rows = g.size / Math.max(columns, 1);
    const residual = needs.residual ? g : null;
    let h = g;
    if (saved.z !== null) {
      h = residual === null ? writableGradient() : empty(g.device, g.shape, g.dtype);
      g.device.run("unaryBackward", floatingOf(g), {
        inputGradient: h,
        outputGradient: g,
        input: saved.z,
        operation: unaryOperations.gelu,
        size: g.size,
      });
    }
    let x: Tensor | null = null;
    if (needs.x) {
      x = empty(g.device, shapes.x, g.dtype);
      gemm({ output: x, a: h, b: saved.weight!, m: rows, n: inner, k: columns, precision });
    }
    let weight: Tensor | null = null;
    if (needs.weight) {
      weight = empty(g.device, shapes.weight, g.dtype);
      gemm({ output: weight, a: h, b: saved.x!, m: columns, n: inner, k: rows, transposeA: true, precision });
    }
    const bias = needs.bias ? sumRows(empty(g.device, [columns], g.dtype), h, columns) : null;
    if (h !== g && residual !== null) h.dispose();
    return { x, weight, bias, residual };
  },
});

/**
 * x·Wᵀ + b, with an activation and a skip connection in the same kernel: …×in → …×out.
 *
 * @param x …×in.
 * @param weight out×in, PyTorch's layout.
 * @param bias out, or null.
 * @throws RangeError If the shapes do not fit.
 */
export function linear(x: Tensor, weight: Tensor, bias: Tensor | null, options: LinearOptions = {}): Tensor {
  const { activation = null, residual = null, precision = "float32" } = options;
  checkFloating("linear", { x, weight, bias, residual });
  checkRank("linear", "weight", weight, [2], "out×in");
  const { columns: inner } = rowsAndColumns("linear", "x", x);
  const [out, expected] = weight.shape as [number, number];
  if (inner !== expected) {
    throw new RangeError(
      `linear: x is ${formatShape(x.shape)} and weight is ${formatShape(weight.shape)} (out×in): the last axis of x has ${inner} elements, expected ${expected}.${inner === out ? " Is weight stored in×out? Use transpose(weight), or matmul(x, weight)." : ""}`,
    );
  }
  if (bias !== null) checkSameShape("linear", "bias", bias, [out], "one number for each row of weight");
  if (residual !== null) {
    checkSameShape("linear", "residual", residual, [...x.shape.slice(0, -1), out], "the output's shape");
  }
  return perform(linearOperation, { x, weight, bias, residual }, { activation, precision });
}
