import { existsSync } from "node:fs";
import type { View } from "@splitmask/augmentation";
import type { Device } from "@splitmask/kernels";
import { OnnxTokenizer } from "@splitmask/onnx";
import {
  checkTokenizer,
  countWords,
  loadTokenizer,
  patchesPerPicture,
  RandomProjectionTokenizer,
  type Tokenizer,
  type TokenizerKind,
  tokenizerKinds,
} from "@splitmask/tokenizer";
import type { CommonSettings, Preparation } from "./method.js";
import { isModule } from "./settings/modules.js";
import { isTokenizerPath } from "./tokenizerFields.js";
import { findTokenizerKind, isOnnx, tokenizerFile } from "./tokenizerReference.js";

/** The settings of every method that predicts visual words, decided. */
export interface TokenizerSettings {
  /** The kind of tokenizer, or the absolute path of a module or a fitted tokenizer. */
  readonly tokenizer: string;
  /** How many words. */
  readonly vocabulary: number;
  /** Side of a word's patch in pixels of the tokenizer's view. */
  readonly tokenizerPatch: number;
  /** How many patches it is fitted to. */
  readonly tokenizerPatches: number;
}

/** Patches over which entropy and unused words are counted. */
const countedPatches = 65_536;

/**
 * The tokenizer's view: the encoder's crop in [−1, 1], with one patch of the tokenizer for each of the encoder.
 *
 * @param settings The sizes of the encoder's picture and patches, and of the tokenizer's patches.
 */
export function tokenizerView({
  imageSize,
  patch,
  tokenizerPatch,
}: Pick<CommonSettings, "imageSize" | "patch"> & Pick<TokenizerSettings, "tokenizerPatch">): View {
  const half = [0.5, 0.5, 0.5] as const;
  return { size: (imageSize / patch) * tokenizerPatch, mean: half, std: half };
}

/** Checks a tokenizer before a run counts on it. */
async function checked(
  device: Device,
  tokenizer: Tokenizer,
  { tokenizerPatch: patchSize, vocabulary: vocabularySize }: TokenizerSettings,
): Promise<Tokenizer> {
  await checkTokenizer(device, tokenizer, { patchSize, vocabularySize });
  return tokenizer;
}

/** The tokenizer of a run, made before the first step: shared by all methods that predict visual words. */
export const tokenizerPreparation: Preparation<TokenizerSettings & CommonSettings, Tokenizer> = {
  name: "tokenizer",
  file: tokenizerFile,
  async make(request) {
    const { device, settings, pictureCount, signal } = request;
    const { seed, tokenizerPatch: patchSize, tokenizerPatches: patches, vocabulary } = settings;
    const kind = await findTokenizerKind(settings.tokenizer);
    const view = tokenizerView(settings);
    const places = (view.size / patchSize) ** 2;
    const perPicture = patchesPerPicture(places, pictureCount, patches);
    const fitted = await kind.fit(device, {
      ...{ vocabularySize: vocabulary, patchSize, seed, patches, perPicture },
      crops: request.crops(view, Math.ceil(patches / perPicture)),
      onProgress: request.progress,
      ...(signal === undefined ? {} : { signal }),
    });
    const tokenizer = await checked(device, fitted, settings);
    const words = await countWords(tokenizer, request.crops(view, Math.ceil(countedPatches / places)));
    request.tell(
      `${vocabulary} words, entropy ${words.entropyBits.toFixed(2)} of ${Math.log2(vocabulary).toFixed(2)} bits ` +
        `(as many as ${Math.round(words.perplexity)} words used evenly), ${words.deadWords} words without any of ` +
        `${words.patches} patches`,
    );
    return tokenizer;
  },
  save: (tokenizer, path) => tokenizer.save(path),
  async load(device, path, settings) {
    if (isOnnx(settings.tokenizer)) return OnnxTokenizer.load(path);
    if (!isModule(settings.tokenizer)) return loadTokenizer(device, path);
    const kind = await findTokenizerKind(settings.tokenizer);
    return checked(device, await kind.load(device, path), settings);
  },
  async standIn(device, { seed, tokenizer, tokenizerPatch: patchSize, vocabulary: vocabularySize }) {
    const any = new RandomProjectionTokenizer(device, { vocabularySize, patchSize, seed });
    // A tokenizer that is not there any more is only needed for what it costs.
    if (!isTokenizerPath(tokenizer) || isModule(tokenizer) || !existsSync(tokenizer)) return any;
    if (!isOnnx(tokenizer)) return loadTokenizer(device, tokenizer);
    const { secondsPerWord } = await OnnxTokenizer.open(tokenizer);
    return Object.assign(any, { secondsPerWord });
  },
  cost(settings, pictureCount) {
    const { tokenizerPatch: patchSize, tokenizerPatches: patches, vocabulary: vocabularySize } = settings;
    const kinds: Readonly<Record<string, TokenizerKind>> = tokenizerKinds;
    const fitting = kinds[settings.tokenizer]?.cost?.({ vocabularySize, patchSize, patches });
    const places = (settings.imageSize / settings.patch) ** 2;
    const fitted = (fitting?.patches ?? 0) / patchesPerPicture(places, pictureCount, patches);
    return {
      // Each pass decodes a picture once, however many crops it takes of it.
      pictures: [fitted, countedPatches / places].reduce(
        (sum, wanted) => sum + Math.min(pictureCount, wanted),
        0,
      ),
      operations: fitting?.operations ?? 0,
    };
  },
};
