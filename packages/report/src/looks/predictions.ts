import type { Tensor } from "@splitmask/autograd";
import { gatherTokens, noGrad, scope } from "@splitmask/autograd";
import type { ImageBatch } from "@splitmask/data";
import type { SplitMask } from "@splitmask/methods";
import { patchify } from "@splitmask/nn";
import type { BranchView, PictureView } from "../data.js";
import { drawPatches, drawPictures, pngOf } from "./draw.js";

/**
 * For some pictures: the picture, the picture in words, and for each branch the half that it sees and what it
 * predicts for the rest.
 *
 * @param method The trained method.
 * @param batch The pictures in the encoder's and the tokenizer's view.
 * @param dictionary V×3P²: an example patch a word.
 * @param names What the pictures are called.
 * @param seed Chooses the split.
 */
export async function predictionViews(
  method: SplitMask,
  batch: ImageBatch,
  dictionary: Tensor,
  names: readonly string[],
  seed: number,
): Promise<PictureView[]> {
  const tokenizerPixels = batch.views[1]!;
  const { device } = tokenizerPixels;
  const { tokenizer } = method.config;
  const { rows: down, columns: across } = method.split;
  const grid = [down, across] as const;
  const branches = method.predictWords(batch, { training: false, seed, step: 0 });
  const patches = noGrad(device, () => patchify(tokenizerPixels, tokenizer.patchSize));
  const words = noGrad(device, () =>
    scope(device, () => gatherTokens(dictionary, tokenizer.tokenize(tokenizerPixels))),
  );

  const originals = await drawPictures(tokenizerPixels, tokenizer.patchSize);
  const inWords = await drawPatches([words], grid);
  const drawn = await Promise.all(
    branches.map(async ({ visible, hidden, predicted, targets }) => {
      const seen = noGrad(device, () => gatherTokens(patches, visible));
      const guessed = noGrad(device, () => gatherTokens(dictionary, predicted));
      const half = await drawPatches([{ rows: seen, places: visible }], grid);
      const completed = await drawPatches(
        [
          { rows: seen, places: visible },
          { rows: guessed, places: hidden },
        ],
        grid,
      );
      return { half, completed, predicted: await predicted.data(), targets: await targets.data() };
    }),
  );
  return Promise.all(
    names.map(async (name, index) => {
      const views = await Promise.all(
        drawn.map(async ({ half, completed, predicted, targets }): Promise<BranchView> => {
          const each = targets.length / names.length;
          const places = Array.from({ length: each }, (_, place) => index * each + place);
          const right = places.filter((place) => predicted[place] === targets[place]).length;
          return {
            visible: await pngOf(half, index),
            predicted: await pngOf(completed, index),
            accuracy: right / each,
          };
        }),
      );
      return {
        name,
        original: await pngOf(originals, index),
        words: await pngOf(inWords, index),
        branches: views as unknown as readonly [BranchView, BranchView],
      };
    }),
  );
}

/**
 * Says how words are drawn, and how to read the shares beside the predictions.
 *
 * @param tokenizer Name of the tokenizer.
 */
export function wordsNote(tokenizer: string): string {
  const how =
    "Each word is drawn as an example: of all patches of the pictures looked at, the one nearest to the mean of " +
    "those that have the word.";
  const random =
    "The words of a random projection are random directions and would look like noise; patches that look quite " +
    "different may share a word, so the targets are coarse.";
  const exact =
    "“Exact” is the share of the hidden patches whose word was predicted exactly, out of the whole vocabulary; " +
    "a similar word often looks the same.";
  return [how, ...(tokenizer === "random-projection" ? [random] : []), exact].join(" ");
}
