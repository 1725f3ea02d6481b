import type { View } from "@splitmask/data";
import type { Device } from "@splitmask/kernels";
import {
  countWords,
  fitTokenizer,
  loadTokenizer,
  patchesPerPicture,
  RandomProjectionTokenizer,
  type Tokenizer,
  type TokenizerKind,
} from "@splitmask/tokenizer";
import type { CommonSettings, Preparation } from "./method.js";

/** The settings of every method that predicts visual words, decided. */
export interface TokenizerSettings {
  /** Which kind of tokenizer. */
  readonly tokenizer: TokenizerKind;
  /** How many words. */
  readonly vocabulary: number;
  /** How many patches it is fitted to. */
  readonly tokenizerPatches: number;
}

type Sizes = Pick<CommonSettings, "imageSize" | "patch">;

/** Patches over which entropy and unused words are counted. */
const countedPatches = 65_536;

/**
 * Side of a patch in the tokenizer's view: at most 8 pixels, as in the paper of SplitMask.
 *
 * @param settings The size of the encoder's patches.
 */
export function tokenizerPatch({ patch }: Pick<Sizes, "patch">): number {
  return Math.min(8, patch);
}

/**
 * The tokenizer's view: the encoder's crop in [−1, 1], with one patch of the tokenizer for each of the encoder.
 *
 * @param settings The sizes of the encoder's picture and patches.
 */
export function tokenizerView({ imageSize, patch }: Sizes): View {
  const half = [0.5, 0.5, 0.5] as const;
  return { size: (imageSize / patch) * tokenizerPatch({ patch }), mean: half, std: half };
}

/** The tokenizer of a run, fitted before the first step: shared by all methods that predict visual words. */
export const tokenizerPreparation: Preparation<TokenizerSettings & CommonSettings, Tokenizer> = {
  name: "tokenizer",
  file: "tokenizer.safetensors",
  async make(request) {
    const { device, settings, pictureCount, signal } = request;
    const { vocabulary, tokenizerPatches, seed } = settings;
    const view = tokenizerView(settings);
    const patchSize = tokenizerPatch(settings);
    const places = (view.size / patchSize) ** 2;
    const perPicture = patchesPerPicture(places, pictureCount, tokenizerPatches);
    const tokenizer = await fitTokenizer(device, {
      ...{ kind: settings.tokenizer, vocabularySize: vocabulary, patchSize, seed },
      ...{ patches: tokenizerPatches, perPicture },
      crops: request.crops(view, Math.ceil(tokenizerPatches / perPicture)),
      onProgress: request.progress,
      ...(signal === undefined ? {} : { signal }),
    });
    const words = await countWords(tokenizer, request.crops(view, Math.ceil(countedPatches / places)));
    request.tell(
      `${vocabulary} words, entropy ${words.entropyBits.toFixed(2)} of ${Math.log2(vocabulary).toFixed(2)} bits ` +
        `(as many as ${Math.round(words.perplexity)} words used evenly), ${words.deadWords} words without any of ` +
        `${words.patches} patches`,
    );
    return tokenizer;
  },
  save: (tokenizer, path) => tokenizer.save(path),
  load: loadTokenizer,
  standIn: (device: Device, settings) =>
    new RandomProjectionTokenizer(device, {
      vocabularySize: settings.vocabulary,
      patchSize: tokenizerPatch(settings),
      seed: settings.seed,
    }),
  cost(settings, pictureCount) {
    const { tokenizer, tokenizerPatches, vocabulary } = settings;
    const patchSize = tokenizerPatch(settings);
    const places = (settings.imageSize / settings.patch) ** 2;
    const perPicture = patchesPerPicture(places, pictureCount, tokenizerPatches);
    const fitted = tokenizer === "random-projection" ? 0 : tokenizerPatches / perPicture;
    // First centroids, then at most twenty iterations of Lloyd's algorithm.
    const products = tokenizer === "k-means" ? 3 + 2 * 20 : 0;
    return {
      // Each pass decodes a picture once, however many crops it takes of it.
      pictures: [fitted, countedPatches / places].reduce(
        (sum, wanted) => sum + Math.min(pictureCount, wanted),
        0,
      ),
      operations: products * tokenizerPatches * vocabulary * 3 * patchSize ** 2,
    };
  },
};
