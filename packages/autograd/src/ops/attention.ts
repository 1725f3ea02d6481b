import { productPrecisions } from "@splitmask/kernels";
import type { ProductPrecision } from "../calls/gemm.js";
import { checkFloating, checkRank } from "../checks.js";
import { defineOperation } from "../operation.js";
import { perform } from "../perform.js";
import { formatShape } from "../shape.js";
import { empty, floatingOf, type Tensor } from "../tensor.js";

/** Options of `attention`. */
export interface AttentionOptions {
  /** The number of heads H; D has to be a multiple of it. */
  readonly heads: number;
  /** Factor of q·kᵀ. Default 1/√(D/H). */
  readonly scale?: number;
  /**
   * The format to which factors are rounded in q·kᵀ, P·v and the matrix products of the backward pass; sums and the
   * softmax are float32 either way. Default `"float32"`: none are rounded.
   */
  readonly precision?: ProductPrecision | undefined;
}

interface AttentionAttributes {
  readonly batch: number;
  readonly tokens: number;
  readonly heads: number;
  readonly headWidth: number;
  readonly scale: number;
  /** The code of a `ProductPrecision`. */
  readonly precision: number;
}

/**
 * For each head y = P·v with P = softmax(s·q·kᵀ), never written. With dP = g·vᵀ and dS = P·(dP − Σ P·dP):
 * ∂/∂v = Pᵀ·g, ∂/∂q = s·dS·k, ∂/∂k = s·dSᵀ·q. P is made again from q, k and the row's log-sum-exp (Dao et al. 2022).
 */
export const attentionOperation = defineOperation({
  name: "attention",
  forward: ({ qkv }: { qkv: Tensor }, attributes: AttentionAttributes) => {
    const { batch, tokens, heads, headWidth } = attributes;
    const output = empty(qkv.device, [batch, tokens, heads * headWidth], qkv.dtype);
    const logSumExp = empty(qkv.device, [batch, heads, tokens], qkv.dtype);
    qkv.device.run("attention", floatingOf(qkv), { output, logSumExp, qkv, ...attributes });
    return { output, saved: { qkv, logSumExp } };
  },
  gradient: ({ outputGradient, saved, attributes, needs, shapes }) => {
    if (!needs.qkv) return { qkv: null };
    const qkvGradient = empty(outputGradient.device, shapes.qkv, outputGradient.dtype);
    outputGradient.device.run("attentionBackward", floatingOf(outputGradient), {
      qkvGradient,
      outputGradient,
      qkv: saved.qkv,
      logSumExp: saved.logSumExp,
      ...attributes,
    });
    return { qkv: qkvGradient };
  },
});

function attributesOf(operation: string, qkv: Tensor, options: AttentionOptions): AttentionAttributes {
  checkFloating(operation, { qkv });
  checkRank(operation, "qkv", qkv, [3], "B×N×3D (queries, keys and values side by side)");
  const { heads } = options;
  const [batch, tokens, width] = qkv.shape as [number, number, number];
  if (!Number.isInteger(heads) || heads < 1 || width % (3 * heads) !== 0) {
    throw new RangeError(
      `${operation}: qkv is ${formatShape(qkv.shape)} and heads is ${heads}: ` +
        `${width} is not a multiple of 3·${heads}. The last axis holds q, k and v for each head.`,
    );
  }
  if (width === 0) {
    throw new RangeError(
      `${operation}: qkv is ${formatShape(qkv.shape)}; queries without elements are like no key. Give at least ` +
        "one column a head.",
    );
  }
  const headWidth = width / (3 * heads);
  const { scale = 1 / Math.sqrt(headWidth), precision = "float32" } = options;
  return { batch, tokens, heads, headWidth, scale, precision: productPrecisions[precision] };
}

/**
 * Multi-head self-attention (Vaswani et al. 2017) on packed queries, keys and values: B×N×3D → B×N×D. The last axis of
 * `qkv` is laid out as 3×H×(D/H), as in timm.
 *
 * @throws RangeError If the width is not a multiple of 3·heads, or is 0.
 */
export function attention(qkv: Tensor, options: AttentionOptions): Tensor {
  return perform(attentionOperation, { qkv }, attributesOf("attention", qkv, options));
}

/** The attention probabilities in float32, B×H×N×N, for visualization and tests. No gradient flows through them. */
export function attentionProbabilities(qkv: Tensor, options: Omit<AttentionOptions, "precision">): Tensor {
  const { precision, ...attributes } = attributesOf("attentionProbabilities", qkv, options);
  const { batch, heads, tokens } = attributes;
  const probabilities = empty(qkv.device, [batch, heads, tokens, tokens], qkv.dtype);
  qkv.device.run("attentionProbabilities", floatingOf(qkv), { probabilities, qkv, ...attributes });
  return probabilities;
}
