import { binCount, concatenate, noGrad, reshape, type Tensor } from "@splitmask/autograd";
import { type Tokenizer, tokenStatistics } from "@splitmask/tokenizer";
import type { TokenView } from "../data.js";

/**
 * How a tokenizer uses its words.
 *
 * @param tokenizer Whose words.
 * @param pictures Batches B×3×H×W in [−1, 1].
 */
export async function tokenView(tokenizer: Tokenizer, pictures: readonly Tensor[]): Promise<TokenView> {
  const { device } = pictures[0]!;
  const vocabulary = tokenizer.vocabularySize;
  const tokens = noGrad(device, () =>
    concatenate(
      pictures.map((batch) => reshape(tokenizer.tokenize(batch), [-1])),
      0,
    ),
  );
  const { entropyBits, deadWords } = await tokenStatistics(tokens, vocabulary);
  const counts = Array.from(await noGrad(device, () => binCount(tokens, vocabulary)).data()).map(Number);
  counts.sort((a, b) => b - a);
  const cumulative: number[] = [];
  let sum = 0;
  for (const [index, count] of counts.entries()) {
    sum += count;
    while (cumulative.length < 100 && (index + 1) / vocabulary >= (cumulative.length + 1) / 100)
      cumulative.push(sum / tokens.size);
  }
  return { vocabulary, patches: tokens.size, entropy: entropyBits, dead: deadWords, cumulative };
}
