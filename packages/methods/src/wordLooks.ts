import { concatenate, equalShare, reshape, slice, type Tensor } from "@splitmask/autograd";
import type { Tokenizer } from "@splitmask/tokenizer";
import type { LookPanel } from "./looks.js";

/**
 * Says how words are drawn, and how to read the shares of `exactShare`.
 *
 * @param tokenizer Whose words.
 */
export function wordsNote({ name }: Tokenizer): string {
  const how =
    "Each word is drawn as an example: of all patches of the pictures looked at, the one nearest to the mean of " +
    "those that have the word.";
  const random =
    "The words of a random projection are random directions and would look like noise; patches that look quite " +
    "different may share a word, so the targets are coarse.";
  const exact =
    "“Exact” is the share of the hidden patches whose word was predicted exactly, out of the whole vocabulary; " +
    "a similar word often looks the same.";
  return [how, ...(name === "random-projection" ? [random] : []), exact].join(" ");
}

/**
 * How many of the words of each picture were predicted exactly.
 *
 * @param predicted int32 B×K.
 * @param targets int32 B×K.
 */
export function exactShare(predicted: Tensor, targets: Tensor): LookPanel["share"] {
  const shares = Array.from({ length: predicted.shape[0]! }, (_, picture) => {
    const own = (words: Tensor) => slice(words, 0, picture, picture + 1);
    return reshape(equalShare(own(predicted), own(targets)), [1]);
  });
  return { name: "exact", values: concatenate(shares, 0) };
}
