import type { ImageBatch } from "@splitmask/augmentation";
import { affine, argmaxProduct, divide, reshape, type Tensor } from "@splitmask/autograd";
import type { ForwardContext, Linear } from "@splitmask/nn";
import { type Tokenizer, tokenEntropy } from "@splitmask/tokenizer";
import type { HealthAlarm } from "@splitmask/trainer";
import type { VisionTransformer } from "@splitmask/vit";

/** What one branch saw, what it predicted for the rest, and what the tokenizer says of it; for reports. */
export interface BranchPrediction {
  /** int32 B×K: the patches that the branch saw, rising. */
  readonly visible: Tensor;
  /** int32 B×(N−K): the others, rising. */
  readonly hidden: Tensor;
  /** int32 B×(N−K): the most probable word at each hidden place. */
  readonly predicted: Tensor;
  /** int32 B×(N−K): the tokenizer's word of each hidden patch. */
  readonly targets: Tensor;
}

/**
 * The two views of a batch of a method that predicts words.
 *
 * @param method Its name, for errors.
 * @returns B×C×H×W for the encoder, and the view for the tokenizer.
 * @throws TypeError If there are fewer, or the first is not of the encoder's picture size.
 */
export function encoderAndTokenizerViews(
  method: string,
  batch: ImageBatch,
  { config }: VisionTransformer,
): readonly [images: Tensor, tokenizerView: Tensor] {
  const [images, tokenizerView] = batch.views;
  const [height, width] = config.imageSize;
  if (images === undefined || tokenizerView === undefined) {
    throw new TypeError(
      `${method}: the batch has ${batch.views.length} view(s); expected two: ` +
        `views[0] for the encoder (${height}×${width} pixels) and views[1] for the tokenizer, in [−1, 1].`,
    );
  }
  if (images.shape.length !== 4 || images.shape[2] !== height || images.shape[3] !== width) {
    throw new TypeError(
      `${method}: views[0] is ${images.shape.join("×")}; ` +
        `expected B×${config.channels}×${height}×${width}, the encoder's picture size.`,
    );
  }
  return [images, tokenizerView];
}

/**
 * The tokenizer's word of every patch of a batch.
 *
 * @param method Its name, for errors.
 * @param context Its precision is the tokenizer's, too.
 * @returns int32 B×N.
 * @throws TypeError If the tokenizer's view does not give every patch one word.
 */
export function wordsOf(
  method: string,
  batch: ImageBatch,
  tokenizer: Tokenizer,
  encoder: VisionTransformer,
  { precision }: ForwardContext,
): Tensor {
  const [images, view] = encoderAndTokenizerViews(method, batch, encoder);
  const words = tokenizer.tokenize(view, { precision });
  const pictures = images.shape[0]!;
  const [rows, columns] = encoder.grid;
  if (words.shape[0] !== pictures || words.shape[1] !== rows * columns) {
    const side = tokenizer.patchSize;
    throw new TypeError(
      `${method}: views[1] is ${view.shape.join("×")} and gives ${words.shape.join("×")} words for ` +
        `${pictures} pictures of ${rows}×${columns} patches; ` +
        `expected a view of ${rows * side}×${columns * side} pixels, so that every patch has one word.`,
    );
  }
  return words;
}

/**
 * A batch with words in the place of the tokenizer's view, where its tokenizer cannot be asked within a step.
 *
 * @returns The batch itself where it can.
 */
export async function withPreparedWords(batch: ImageBatch, tokenizer: Tokenizer): Promise<ImageBatch> {
  const [images, view] = batch.views;
  if (tokenizer.prepare === undefined || view === undefined) return batch;
  const words = await tokenizer.prepare(view);
  view.dispose();
  return { ...batch, views: [images!, words] };
}

/**
 * The word that a vocabulary head finds most probable for each token.
 *
 * @param tokens B×K×D.
 * @param head D → V.
 * @param context In which format the head's products are formed.
 * @returns int32 B×K.
 */
export function mostProbableWords(
  tokens: Tensor,
  { weight, bias }: Linear,
  { precision }: ForwardContext,
): Tensor {
  const [rows, places, width] = tokens.shape as readonly [number, number, number];
  const words = argmaxProduct(reshape(tokens, [rows * places, width]), weight, bias, { precision });
  return reshape(words, [rows, places]);
}

/** How varied predicted words are beside those that were to be predicted; scalars. */
export type WordVariety = Readonly<Record<"tokenEntropy" | "targetEntropy" | "tokenEntropyShare", Tensor>>;

/**
 * How varied predicted words are beside those that were to be predicted.
 *
 * @returns Both entropies in bits, and the first by the second.
 */
export function wordVariety(predicted: Tensor, targets: Tensor, vocabularySize: number): WordVariety {
  const tokens = tokenEntropy(predicted, vocabularySize);
  const target = tokenEntropy(targets, vocabularySize);
  return {
    tokenEntropy: tokens,
    targetEntropy: target,
    // Targets of one single word have no entropy to compare with.
    tokenEntropyShare: divide(tokens, affine(target, 1, 1e-3)),
  };
}

/** Goes off where nearly all predicted words are the same. */
export const varietyAlarm: HealthAlarm = {
  figure: "tokenEntropyShare",
  below: 0.01,
  advice:
    "The same few words are predicted everywhere. Try a higher or lower learning rate, a longer run, " +
    "or a tokenizer that spreads its words more evenly (k-means).",
};
