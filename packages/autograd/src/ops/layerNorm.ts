import { type DType, elementTypes } from "@splitmask/kernels";
import { checkFloating, checkSameShape, rowsAndColumns } from "../checks.js";
import { defineOperation } from "../operation.js";
import { perform } from "../perform.js";
import { empty, floatingOf, type Tensor } from "../tensor.js";

/** Options of `layerNorm`. */
export interface LayerNormOptions {
  /** Added to the variance. Default 1e-6, as in vision transformers (PyTorch's own default is 1e-5). */
  readonly epsilon?: number;
  /**
   * The dtype of the result. `"bfloat16"` is for results that only matrix products read, which then take half the
   * memory; statistics and gradients keep the dtype of x. Default: that of x.
   */
  readonly dtype?: "bfloat16" | undefined;
}

type LayerNormInputs = { readonly x: Tensor; readonly weight: Tensor | null; readonly bias: Tensor | null };

interface LayerNormAttributes {
  readonly epsilon: number;
  readonly dtype: DType;
}

/**
 * y = x̂·w + b, x̂ = (x − μ)·r over each row of D, r = 1/√(σ² + ε). With h = g·w:
 * ∂/∂x = r·(h − mean(h) − x̂·mean(h·x̂)), ∂/∂w = Σ_rows g·x̂, ∂/∂b = Σ_rows g.
 */
export const layerNormOperation = defineOperation({
  name: "layerNorm",
  forward: ({ x, weight, bias }: LayerNormInputs, attributes: LayerNormAttributes) => {
    const { rows } = rowsAndColumns("layerNorm", "x", x);
    const mean = empty(x.device, [rows], x.dtype);
    const rstd = empty(x.device, [rows], x.dtype);
    const saved = { x, mean, rstd, weight, bias };
    return { output: normalize(saved, attributes), saved, remake: (kept) => normalize(kept, attributes) };
  },
  gradient: ({ outputGradient, saved, needs, shapes }) => {
    const { rows, columns } = rowsAndColumns("layerNorm", "x", saved.x);
    const { device, dtype } = outputGradient;
    const x = empty(device, shapes.x, dtype);
    const weight = needs.weight ? empty(device, shapes.weight!, dtype) : null;
    const bias = needs.bias ? empty(device, shapes.bias!, dtype) : null;
    device.run("layerNormBackward", floatingOf(outputGradient), {
      inputGradient: x,
      weightGradient: weight,
      biasGradient: bias,
      outputGradient,
      input: saved.x,
      mean: saved.mean,
      rstd: saved.rstd,
      weight: saved.weight,
      rows,
      columns,
    });
    if (needs.x) return { x, weight, bias };
    x.dispose();
    return { x: null, weight, bias };
  },
});

/** The output; writes mean and rstd. */
function normalize(
  { x, mean, rstd, weight, bias }: LayerNormInputs & { readonly mean: Tensor; readonly rstd: Tensor },
  { epsilon, dtype }: LayerNormAttributes,
): Tensor {
  const { rows, columns } = rowsAndColumns("layerNorm", "x", x);
  const output = empty(x.device, x.shape, dtype);
  x.device.run("layerNorm", floatingOf(x), {
    output,
    mean,
    rstd,
    input: x,
    weight,
    bias,
    rows,
    columns,
    epsilon,
    outputType: elementTypes[dtype === "bfloat16" ? "bfloat16" : "dtype"],
  });
  return output;
}

/**
 * Normalizes each row of the last axis to mean 0 and variance 1 (Ba et al. 2016), then scales and shifts it: …×D → …×D.
 *
 * @param weight D, or null for 1.
 * @param bias D, or null for 0.
 * @throws RangeError If weight or bias do not have D elements.
 */
export function layerNorm(
  x: Tensor,
  weight: Tensor | null = null,
  bias: Tensor | null = null,
  options: LayerNormOptions = {},
): Tensor {
  checkFloating("layerNorm", { x, weight, bias });
  const { columns } = rowsAndColumns("layerNorm", "x", x);
  if (weight !== null) checkSameShape("layerNorm", "weight", weight, [columns], "the last axis of x");
  if (bias !== null) checkSameShape("layerNorm", "bias", bias, [columns], "the last axis of x");
  const { epsilon = 1e-6, dtype = x.dtype } = options;
  return perform(layerNormOperation, { x, weight, bias }, { epsilon, dtype });
}
