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
 * Entropy and dead words of a set of tokens. A low entropy means that the inpainting task is easy and teaches little:
 * see the warning on pixel ranges at
 * `PatchTransformOptions`.
 *
 * @param tokens int32 of any shape, as `tokenize` gives them, at most 2²⁴ of one word.
 * @param vocabularySize V.
 * @throws RangeError (rejects) If there are no tokens, or a −1 is among them.
 */
export async function tokenStatistics(tokens: Tensor, vocabularySize: number): Promise<TokenStatistics> {
  if (tokens.size === 0) {
    throw new RangeError("tokenStatistics: there are no tokens. Give the words of at least one patch.");
  }
  const { device } = tokens;
  const figures = noGrad(device, () =>
    scope(device, () => {
      const counts = binCount(tokens, vocabularySize);
      const dead = sum(relu(affine(counts, -1, 1)));
      return concatenate([reshape(entropyOf(counts, tokens.size), [1]), reshape(dead, [1])], 0);
    }),
  );
  const [entropy, deadWords] = await figures.data();
  figures.dispose();
  if (Number.isNaN(entropy)) {
    throw new RangeError(
      "tokenStatistics: −1 is among the tokens, which stands for a patch with a pixel that is NaN or infinite. " +
        "Leave such pictures out, or mend what makes them.",
    );
  }
  const entropyBits = Math.max(0, entropy!);
  return {
    entropyBits,
    perplexity: 2 ** entropyBits,
    deadWords: deadWords!,
    usedWords: vocabularySize - deadWords!,
  };
}

/**
 * Entropy of the words' frequencies in bits, at most log₂ V, as a float32 scalar on the device; NaN if a −1 (none) is
 * among the tokens.
 *
 * @param tokens int32 of any shape, at least one, at most 2²⁴ of one word.
 * @param vocabularySize V.
 */
export function tokenEntropy(tokens: Tensor, vocabularySize: number): Tensor {
  const { device } = tokens;
  return noGrad(device, () => scope(device, () => entropyOf(binCount(tokens, vocabularySize), tokens.size)));
}

/** −Σ p·log₂ p of counts that sum to `total`. */
function entropyOf(counts: Tensor, total: number): Tensor {
  const { device, shape, size } = counts;
  const terms = empty(device, shape, "float32");
  device.run("unary", "float32", {
    output: terms,
    input: affine(counts, 1 / total, 0),
    operation: unaryOperations.xLogX,
    size,
  });
  return affine(sum(terms), -1 / Math.LN2, 0);
}
