import { productPrecisions } from "./codes.js";
import { defineKernel, type NumbersOf } from "./defineKernel.js";

type Heads = NumbersOf<"batch" | "tokens" | "heads" | "headWidth">;
const merged = (n: Heads): number => n.batch * n.tokens * n.heads * n.headWidth;
const packed = (n: Heads): number => 3 * merged(n);
const sums = (n: Heads): number => n.batch * n.heads * n.tokens;
/** One of the two products over all pairs of tokens. */
const pairs = (n: Heads): number => 2 * n.batch * n.heads * n.tokens * n.tokens * n.headWidth;

/** Attention of packed qkv B×N×3×H×d (timm's layout), output B×N×H×d; the N×N matrix is never in memory. */
export const attention = {
  /**
   * output = softmax(scale·q·kᵀ)·v for each head; logSumExp B×H×N is kept for the backward pass. precision: with
   * bfloat16, q, k, v and e^(score − the row's largest) are rounded before they are multiplied; all else, such as sums
   * and the softmax's denominator, stays float32.
   */
  attention: defineKernel({
    integers: ["batch", "tokens", "heads", "headWidth", "precision"],
    values: ["scale"],
    codes: { precision: productPrecisions },
    buffers: {
      output: { output: true, extent: merged },
      logSumExp: { output: true, extent: sums },
      qkv: { extent: packed },
    },
    operations: (n) => 2 * pairs(n),
  }),
  /**
   * qkvGradient (layout of qkv) from outputGradient, with logSumExp of the forward pass. precision: with bfloat16 q, k,
   * v, outputGradient, the probabilities and the scores' gradient are rounded before they are multiplied.
   */
  attentionBackward: defineKernel({
    integers: ["batch", "tokens", "heads", "headWidth", "precision"],
    values: ["scale"],
    codes: { precision: productPrecisions },
    buffers: {
      qkvGradient: { output: true, extent: packed },
      outputGradient: { extent: merged },
      qkv: { extent: packed },
      logSumExp: { extent: sums },
    },
    // The probabilities again, their gradient, and the gradients of queries, keys and values.
    operations: (n) => 5 * pairs(n),
  }),
  /** probabilities B×H×N×N of the same attention, for pictures and tests. */
  attentionProbabilities: defineKernel({
    integers: ["batch", "tokens", "heads", "headWidth"],
    values: ["scale"],
    buffers: {
      probabilities: { output: true, extent: (n) => n.batch * n.heads * n.tokens * n.tokens },
      qkv: { extent: packed },
    },
    operations: pairs,
  }),
};
