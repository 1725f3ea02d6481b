import {
  concatenate,
  equalShare,
  gatherTokens,
  noGrad,
  reshape,
  scope,
  slice,
  type Tensor,
} from "@splitmask/autograd";
import { type ForwardContext, patchify } from "@splitmask/nn";
import { exampleDictionary, type Tokenizer } from "@splitmask/tokenizer";
import type { BranchPrediction } from "./hiddenWords.js";
import type { LookPanel, LookRequest, Looks } from "./looks.js";
import type { CommonSettings } from "./method.js";

/**
 * What a report shows of a method that predicts visual words: each picture in words, and for each branch the patches
 * that it sees, and those completed with the words that it predicts for the rest.
 *
 * @param tokenizer Whose words.
 * @param request The pictures; their second view is the tokenizer's.
 * @param predict What each branch saw and predicted, by the name that captions have for it.
 */
export async function wordLooks(
  tokenizer: Tokenizer,
  { batch, gallery, settings }: LookRequest<CommonSettings>,
  predict: (context: ForwardContext) => Readonly<Record<string, BranchPrediction>>,
): Promise<Pick<Looks, "note" | "panels" | "words">> {
  const pixels = batch.views[1]!;
  const { device } = pixels;
  // In the run's precision, so that targets are the words that were learned.
  const { precision, seed } = settings;
  const pictures = gallery.map(({ views }) => views[1]!);
  for (const each of [pixels, ...pictures]) await tokenizer.prepare?.(each);
  const panels = noGrad(device, () =>
    scope(device, () => {
      // Batches from all over the gallery: more patches would hardly draw the words better.
      const dictionary = exampleDictionary(
        tokenizer,
        pictures.filter((_, index) => index % 3 === 0),
      );
      const patches = patchify(pixels, tokenizer.patchSize);
      const words = gatherTokens(dictionary, tokenizer.tokenize(pixels, { precision }));
      const branches = predict({ training: false, seed, step: 0, precision });
      return [
        { caption: "in words", patches: words, places: null, share: null },
        ...Object.entries(branches).flatMap(([name, branch]): LookPanel[] => {
          const { visible, hidden, predicted, targets } = branch;
          const seen = gatherTokens(patches, visible);
          return [
            { caption: `${name} sees`, patches: seen, places: visible, share: null },
            {
              caption: `${name} predicts`,
              patches: concatenate([seen, gatherTokens(dictionary, predicted)], 1),
              places: concatenate([visible, hidden], 1),
              share: exactShare(predicted, targets),
            },
          ];
        }),
      ];
    }),
  );
  return { note: wordsNote(tokenizer), panels, words: { tokenizer, pictures } };
}

/** Says how words are drawn, and how to read the shares of `exactShare`. */
function wordsNote({ name }: Tokenizer): string {
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

/** How many of the words of each picture were predicted exactly; both int32 B×K. */
function exactShare(predicted: Tensor, targets: Tensor): LookPanel["share"] {
  const shares = Array.from({ length: predicted.shape[0]! }, (_, picture) => {
    const own = (words: Tensor) => slice(words, 0, picture, picture + 1);
    return reshape(equalShare(own(predicted), own(targets)), [1]);
  });
  return { name: "exact", values: concatenate(shares, 0) };
}
