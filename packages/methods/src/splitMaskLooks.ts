import { concatenate, gatherTokens, noGrad, scope } from "@splitmask/autograd";
import { patchify } from "@splitmask/nn";
import { exampleDictionary } from "@splitmask/tokenizer";
import type { LookPanel, LookRequest, Looks } from "./looks.js";
import type { CommonSettings } from "./method.js";
import type { SplitMask } from "./splitMask.js";
import { exactShare, wordsNote } from "./wordLooks.js";

/**
 * What a report shows of SplitMask: each picture in words, and for each branch the half that it sees, and that half
 * completed with the words that it predicts for the rest.
 *
 * @param task The trained method.
 * @param request The pictures.
 */
export function splitMaskLooks(task: SplitMask, request: LookRequest<CommonSettings>): Looks {
  const { batch, gallery, settings } = request;
  const { tokenizer } = task.config;
  const pixels = batch.views[1]!;
  const { device } = pixels;
  const panels = noGrad(device, () =>
    scope(device, () => {
      const dictionary = exampleDictionary(tokenizer, gallery);
      const patches = patchify(pixels, tokenizer.patchSize);
      const words = gatherTokens(dictionary, tokenizer.tokenize(pixels));
      const branches = task.predictWords(batch, { training: false, seed: settings.seed, step: 0 });
      return [
        { caption: "in words", patches: words, places: null, share: null },
        ...branches.flatMap(({ visible, hidden, predicted, targets }, branch): LookPanel[] => {
          const name = "AB".charAt(branch);
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
  return {
    title: "Two halves, each predicting the other",
    lead:
      "The patches of a picture are split in two, A and B. The same encoder sees each half by itself, and the decoder " +
      "predicts the visual word of every patch that the half does not hold; here they are filled in.",
    note: wordsNote(tokenizer),
    panels,
    tokenizer,
  };
}
