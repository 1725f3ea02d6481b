import {
  add,
  affine,
  argmaxProduct,
  binCount,
  concatenate,
  gatherTokens,
  l2Normalize,
  noGrad,
  relu,
  reshape,
  scaleRows,
  scope,
  square,
  sum,
  type Tensor,
  zeros,
} from "@splitmask/autograd";
import { patchify } from "@splitmask/nn";
import type { Tokenizer } from "./tokenizer.js";

/**
 * One example patch a word, so that words can be drawn: of all patches of some pictures the one nearest to the mean
 * of those that carry the word; for a word that none carries, the patch that it fits best, or the one nearest to gray
 * where the tokenizer has no codebook. (Words of a random projection look like noise themselves.)
 *
 * @param tokenizer Whose words.
 * @param pictures Batches B×3×H×W in the tokenizer's view, pixels in [−1, 1].
 * @returns V×3P², pixels in [−1, 1].
 */
export function exampleDictionary(tokenizer: Tokenizer, pictures: readonly Tensor[]): Tensor {
  const { device } = pictures[0]!;
  const words = tokenizer.vocabularySize;
  return noGrad(device, () =>
    scope(device, () => {
      const patches = concatenate(
        pictures.map((batch) => {
          const rows = patchify(batch, tokenizer.patchSize);
          return reshape(rows, [rows.shape[0]! * rows.shape[1]!, rows.shape[2]!]);
        }),
        0,
      );
      const [count, width] = patches.shape as readonly [number, number];
      const tokens = concatenate(
        pictures.map((batch) => reshape(tokenizer.tokenize(batch), [-1])),
        0,
      );
      const { codebook } = tokenizer;
      const fitting =
        codebook === undefined
          ? zeros(device, [words, width])
          : patchesAt(patches, argmaxProduct(codebook, l2Normalize(patches)));
      const sums = zeros(device, [words, width]);
      device.run("scatterAddTokens", "float32", {
        output: sums,
        input: patches,
        indices: tokens,
        batch: 1,
        outputTokens: words,
        inputTokens: count,
        width,
        outputBatchStride: 0,
      });
      // A word that no patch carries has the patch that fits best for its only member.
      const counts = binCount(tokens, words);
      const unused = relu(affine(counts, -1, 1));
      const total = scaleRows(fitting, unused, { residual: sums });
      // The nearest patch x to a sum s of n members: the largest s·x − n·|x|²/2, here with s and n as one row.
      const members = reshape(add(counts, unused), [words, 1]);
      const halves = affine(sum(square(patches), { axes: [1], keepDimensions: true }), -0.5, 0);
      const nearest = argmaxProduct(concatenate([total, members], 1), concatenate([patches, halves], 1));
      return patchesAt(patches, nearest);
    }),
  );
}

/** Rows of patches by their numbers. */
function patchesAt(patches: Tensor, numbers: Tensor): Tensor {
  const rows = numbers.size;
  return reshape(gatherTokens(patches, reshape(numbers, [1, rows])), [rows, patches.shape[1]!]);
}
