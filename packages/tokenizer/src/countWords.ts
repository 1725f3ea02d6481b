import { concatenate, noGrad, reshape, type Tensor } from "@splitmask/autograd";
import type { Tokenizer } from "./tokenizer.js";
import { type TokenStatistics, tokenStatistics } from "./tokenStatistics.js";

/** How a tokenizer uses its words on some pictures. */
export interface CountedWords extends TokenStatistics {
  /** How many patches were counted. */
  readonly patches: number;
}

/**
 * Tokenizes pictures and counts their words.
 *
 * @param tokenizer Whose words.
 * @param crops Batches B×3×H×W in [−1, 1], at least one; disposed of once read.
 * @throws RangeError (rejects) If a patch holds a NaN or an infinity.
 */
export async function countWords(tokenizer: Tokenizer, crops: AsyncIterable<Tensor>): Promise<CountedWords> {
  const tokens: Tensor[] = [];
  for await (const batch of crops) {
    const prepared = await tokenizer.prepare?.(batch);
    tokens.push(noGrad(batch.device, () => reshape(tokenizer.tokenize(prepared ?? batch), [-1])));
    batch.dispose();
  }
  const all = concatenate(tokens, 0);
  const statistics = await tokenStatistics(all, tokenizer.vocabularySize);
  const patches = all.size;
  for (const held of [all, ...tokens]) held.dispose();
  return { ...statistics, patches };
}
