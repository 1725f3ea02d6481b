import {
  affine,
  binCount,
  concatenate,
  empty,
  noGrad,
  relu,
  reshape,
  scope,
  sum,
  type Tensor,
} from "@splitmask/autograd";
import { unaryOperations } from "@splitmask/kernels";

/** How a tokenizer's words are used. */
export interface TokenStatistics {
  /** −Σ p·log₂ p of the words' frequencies; at most log₂ V. */
  readonly entropyBits: number;
  /** 2 to the entropy: as many words used equally often have the same entropy. */
  readonly perplexity: number;
  /** Words that never occur. */
  readonly deadWords: number;
  /** Words that occur. */
  readonly usedWords: number;
}

/**
 * Entropy and dead words of a set of tokens. A low entropy means that the inpainting task is easy and teaches little: see the warning on pixel ranges at
 * `PatchTransformOptions`.
 *
 * @param tokens int32 of any shape, as `tokenize` gives them, at most 2²⁴ of one word.
 * @param vocabularySize V.
 * @throws RangeError If there are no tokens.
 */
export async function tokenStatistics(tokens: Tensor, vocabularySize: number): Promise<TokenStatistics> {
  if (tokens.size === 0) {
    throw new RangeError("tokenStatistics: there are no tokens. Give the words of at least one patch.");
  }
  const { device } = tokens;
  const figures = noGrad(device, () =>
    scope(device, () => {
      const counts = binCount(tokens, vocabularySize);
      const shares = affine(counts, 1 / tokens.size, 0);
      const terms = empty(device, [vocabularySize], "float32");
      device.run("unary", "float32", {
        output: terms,
        input: shares,
        operation: unaryOperations.xLogX,
        size: vocabularySize,
      });
      const dead = sum(relu(affine(counts, -1, 1)));
      return concatenate([reshape(sum(terms), [1]), reshape(dead, [1])], 0);
    }),
  );
  const [negativeNats, deadWords] = await figures.data();
  figures.dispose();
  const entropyBits = Math.max(0, -negativeNats! / Math.LN2);
  return {
    entropyBits,
    perplexity: 2 ** entropyBits,
    deadWords: deadWords!,
    usedWords: vocabularySize - deadWords!,
  };
}
