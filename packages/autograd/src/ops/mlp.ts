import { gemm, sumRows } from "../calls/gemm.js";
import { rowsAndColumns } from "../checks.js";
import { defineOperation } from "../operation.js";
import { perform } from "../perform.js";
import { empty, floatingOf, type Tensor } from "../tensor.js";
import { checkInput, checkParameters, type LinearOptions, linear } from "./linear.js";

/** Weight and bias of a linear map. */
export interface LinearParameters {
  /** out×in. */
  readonly weight: Tensor;
  /** out, or null. */
  readonly bias: Tensor | null;
}

type MlpInputs = {
  readonly x: Tensor;
  readonly weight1: Tensor;
  readonly bias1: Tensor | null;
  readonly weight2: Tensor;
  readonly bias2: Tensor | null;
  readonly residual: Tensor | null;
};

/**
 * y = h·W₂ᵀ + b₂ + residual, h = GELU(z), z = x·W₁ᵀ + b₁, with the factors of all products rounded to bfloat16:
 * ∂/∂W₂ = gᵀ·h, ∂/∂b₂ = Σ_rows g, and with d = (g·W₂)∘GELU′(z): ∂/∂x = d·W₁, ∂/∂W₁ = dᵀ·x, ∂/∂b₁ = Σ_rows d.
 * The first product writes h and GELU′(z) as bfloat16, together as large as z in float32, so that GELU is computed once
 * and the other products read factors that are rounded already. d, in bfloat16, takes the memory of GELU′(z).
 */
export const mlpOperation = defineOperation({
  name: "mlp",
  forward: ({ x, weight1, bias1, weight2, bias2, residual }: MlpInputs, _: null, needs) => {
    const { rows, columns: width } = rowsAndColumns("mlp", "x", x);
    const [hiddenWidth, outWidth] = [weight1.shape[0]!, weight2.shape[0]!];
    const hiddenShape = [...x.shape.slice(0, -1), hiddenWidth];
    const hidden = empty(x.device, hiddenShape, "bfloat16");
    const derivative =
      needs.x || needs.weight1 || needs.bias1 ? empty(x.device, hiddenShape, "bfloat16") : null;
    gemm({
      output: hidden,
      derivative,
      a: x,
      b: weight1,
      bias: bias1,
      activatesOutput: true,
      m: rows,
      n: hiddenWidth,
      k: width,
      transposeB: true,
    });
    const output = empty(x.device, [...x.shape.slice(0, -1), outWidth], weight2.dtype);
    gemm({
      output,
      a: hidden,
      b: weight2,
      bias: bias2,
      residual,
      m: rows,
      n: outWidth,
      k: hiddenWidth,
      transposeB: true,
    });
    const saved = {
      x: needs.weight1 ? x : null,
      hidden: needs.weight2 ? hidden : null,
      derivative,
      weight1: needs.x ? weight1 : null,
      weight2: derivative === null ? null : weight2,
    };
    return { output, saved };
  },
  gradient: ({ outputGradient: g, saved, needs, shapes }) => {
    const { rows, columns: outWidth } = rowsAndColumns("mlp", "y", g);
    const [hiddenWidth, width] = shapes.weight1 as [number, number];
    const { device, dtype } = g;
    /** leftᵀ·right. */
    const gradientOf = (left: Tensor, right: Tensor, m: number, n: number): Tensor => {
      const output = empty(device, [m, n], dtype);
      gemm({ output, a: left, b: right, m, n, k: rows, transposeA: true, precision: "bfloat16" });
      return output;
    };
    const weight2 = needs.weight2 ? gradientOf(g, saved.hidden!, outWidth, hiddenWidth) : null;
    const bias2 = needs.bias2 ? sumRows(empty(device, [outWidth], dtype), g, outWidth) : null;
    const others = { weight2, bias2, residual: needs.residual ? g : null };
    const d = saved.derivative;
    if (d === null) return { x: null, weight1: null, bias1: null, ...others };
    gemm({ output: d, a: g, b: saved.weight2!, factor: d, m: rows, n: hiddenWidth, k: outWidth });
    let x: Tensor | null = null;
    if (needs.x) {
      x = empty(device, shapes.x, dtype);
      gemm({ output: x, a: d, b: saved.weight1!, m: rows, n: width, k: hiddenWidth });
    }
    const weight1 = needs.weight1 ? gradientOf(d, saved.x!, hiddenWidth, width) : null;
    const bias1 = needs.bias1 ? empty(device, [hiddenWidth], dtype) : null;
    if (bias1 !== null) {
      const sizes = { rows, columns: hiddenWidth };
      device.run("sumColumns", floatingOf(bias1), { output: bias1, input: d, ...sizes });
    }
    return { x, weight1, bias1, ...others };
  },
});

/**
 * Two linear maps with the exact GELU between them and a skip connection: GELU(x·W₁ᵀ + b₁)·W₂ᵀ + b₂ + residual,
 * …×in → …×out. With precision `"bfloat16"` the hidden layer is kept in bfloat16.
 *
 * @param x …×in; with precision `"bfloat16"` also of dtype bfloat16.
 * @param first hidden×in and hidden.
 * @param second out×hidden and out.
 * @param options The skip connection (…×out) and the precision, as `linear` has them.
 * @throws RangeError If the shapes do not fit.
 * @throws TypeError If the dtypes differ, or x is bfloat16 and the precision is not.
 */
export function mlp(
  x: Tensor,
  first: LinearParameters,
  second: LinearParameters,
  options: Pick<LinearOptions, "residual" | "precision"> = {},
): Tensor {
  const { residual = null, precision = "float32" } = options;
  if (precision === "float32") {
    const hidden = linear(x, first.weight, first.bias);
    return linear(hidden, second.weight, second.bias, { inputActivation: "gelu", residual });
  }
  checkInput("mlp", x, precision);
  checkParameters("mlp", x.shape, { x, ...first, residual: null });
  const hiddenShape = [...x.shape.slice(0, -1), first.weight.shape[0]!];
  checkParameters("mlp", hiddenShape, { x, ...second, residual });
  return perform(
    mlpOperation,
    { x, weight1: first.weight, bias1: first.bias, weight2: second.weight, bias2: second.bias, residual },
    null,
  );
}
