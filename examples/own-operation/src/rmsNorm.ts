import {
  affine,
  checkFloating,
  checkSameShape,
  defineOperation,
  mean,
  multiply,
  perform,
  reshape,
  rowsAndColumns,
  rsqrt,
  square,
  subtract,
  sum,
  type Tensor,
} from "@splitmask/autograd";

/**
 * y = x̂·w with x̂ = x·r and r = 1/√(mean(x²) + ε) over each row. With h = g·w:
 * ∂/∂x = r·(h − x̂·mean(h·x̂)), ∂/∂w = Σ_rows g·x̂.
 *
 * Composed of operations that have gradients it would need no rule, but the tape would keep x̂, one more tensor of the
 * size of x. This one keeps x, which is kept anyway, and one number a row.
 */
export const rmsNormOperation = defineOperation({
  name: "rmsNorm",
  forward: ({ x, weight }: { x: Tensor; weight: Tensor }, { epsilon }: { epsilon: number }) => {
    const r = rsqrt(affine(rowMeans(square(x)), 1, epsilon));
    return { output: multiply(multiply(x, r), weight), saved: { x, weight, r } };
  },
  gradient: ({ outputGradient, saved: { x, weight, r }, needs }) => {
    const normalized = multiply(x, r);
    const h = multiply(outputGradient, weight);
    return {
      x: needs.x ? multiply(r, subtract(h, multiply(normalized, rowMeans(multiply(h, normalized))))) : null,
      weight: needs.weight ? columnSums(multiply(outputGradient, normalized)) : null,
    };
  },
});

/**
 * Divides each row of the last axis by its root mean square and scales it (Zhang and Sennrich 2019): …×D → …×D.
 *
 * @param weight D.
 */
export function rmsNorm(x: Tensor, weight: Tensor, options: { readonly epsilon?: number } = {}): Tensor {
  checkFloating("rmsNorm", { x, weight });
  const { columns } = rowsAndColumns("rmsNorm", "x", x);
  checkSameShape("rmsNorm", "weight", weight, [columns], "the last axis of x");
  return perform(rmsNormOperation, { x, weight }, { epsilon: options.epsilon ?? 1e-6 });
}

const rowMeans = (x: Tensor) => mean(x, { axes: -1, keepDimensions: true });

function columnSums(x: Tensor): Tensor {
  const { rows, columns } = rowsAndColumns("rmsNorm", "x", x);
  return sum(reshape(x, [rows, columns]), { axes: 0 });
}
