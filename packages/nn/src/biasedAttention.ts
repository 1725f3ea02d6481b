import {
  add,
  matmul,
  type ProductPrecision,
  permute,
  reshape,
  slice,
  softmax,
  type Tensor,
} from "@splitmask/autograd";

/** Queries, keys and values of each head, each B×H×N×(D/H), of B×N×3D as timm packs them. */
function splitHeads(qkv: Tensor, heads: number): readonly [Tensor, Tensor, Tensor] {
  const [batch, tokens, width] = qkv.shape as readonly [number, number, number];
  const headWidth = width / (3 * heads);
  const packed = permute(reshape(qkv, [batch, tokens, 3, heads, headWidth]), [2, 0, 3, 1, 4]);
  const part = (index: number) =>
    reshape(slice(packed, 0, index, index + 1), [batch, heads, tokens, headWidth]);
  return [part(0), part(1), part(2)];
}

function probabilitiesOf(
  queries: Tensor,
  keys: Tensor,
  bias: Tensor,
  precision: ProductPrecision | undefined,
): Tensor {
  const [batch, heads, tokens, headWidth] = queries.shape as readonly [number, number, number, number];
  const expected = [heads, tokens, tokens];
  const given = bias.rank === 4 && bias.shape[0] === batch ? bias.shape.slice(1) : bias.shape;
  if (given.join() !== expected.join()) {
    throw new RangeError(
      `Attention: the bias is ${bias.shape.join("×")}; expected ${expected.join("×")} (heads, tokens, ` +
        `tokens), or ${[batch, ...expected].join("×")} for a bias of each sample.`,
    );
  }
  const scores = matmul(queries, keys, { transposeB: true, alpha: headWidth ** -0.5, precision });
  return softmax(add(scores, bias));
}

/**
 * Attention with a bias, of operations that have gradients each, because the fused kernel takes no bias: for each head
 * softmax(q·kᵀ/√(D/H) + bias)·v.
 *
 * @param qkv B×N×3D.
 * @param bias H×N×N or B×H×N×N.
 * @param precision The format in which q·kᵀ and P·v are multiplied. Default `"float32"`.
 * @returns B×N×D.
 * @throws RangeError If the bias does not fit.
 */
export function biasedAttention(
  qkv: Tensor,
  bias: Tensor,
  heads: number,
  precision?: ProductPrecision | undefined,
): Tensor {
  const [batch, tokens, width] = qkv.shape as readonly [number, number, number];
  const [queries, keys, values] = splitHeads(qkv, heads);
  const mixed = matmul(probabilitiesOf(queries, keys, bias, precision), values, { precision });
  return reshape(permute(mixed, [0, 2, 1, 3]), [batch, tokens, width / 3]);
}

/** The probabilities of `biasedAttention` in float32, B×H×N×N. */
export function biasedProbabilities(qkv: Tensor, bias: Tensor, heads: number): Tensor {
  const [queries, keys] = splitHeads(qkv, heads);
  return probabilitiesOf(queries, keys, bias, "float32");
}
