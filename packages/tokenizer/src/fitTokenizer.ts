import type { Tensor } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import type { CodebookTokenizer } from "./codebookTokenizer.js";
import { KMeansTokenizer } from "./kMeans.js";
import { RandomPatchesTokenizer } from "./randomPatches.js";
import { RandomProjectionTokenizer } from "./randomProjection.js";
import { samplePatches } from "./samplePatches.js";

/** The kinds of tokenizers that `fitTokenizer` makes: drawn directions, drawn patches, clustered patches. */
export const tokenizerKinds = ["random-projection", "random-patches", "k-means"] as const;

/** One of `tokenizerKinds`. */
export type TokenizerKind = (typeof tokenizerKinds)[number];

/** What `fitTokenizer` makes, and from what. */
export interface FitTokenizerOptions {
  /** Which kind; of these, a random projection needs no pictures and reads none. */
  readonly kind: TokenizerKind;
  /** V, how many words. */
  readonly vocabularySize: number;
  /** P, the side of a patch in pixels. */
  readonly patchSize: number;
  /** How many patches it is fitted to, at most. */
  readonly patches: number;
  /** How many different patches of each crop; see `patchesPerPicture`. */
  readonly perPicture: number;
  /** The same seed and crops give the same words. */
  readonly seed: number;
  /** Batches B×3×H×W in [−1, 1], read until there are enough patches, and disposed of once read. */
  readonly crops: AsyncIterable<Tensor>;
  /** Hears what is being done, and which share of it is done. */
  readonly onProgress?: (doing: string, share: number) => void;
  /** Stops between two batches or two steps, with the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * Makes a tokenizer of any kind, fitted to patches of crops where the kind is fitted.
 *
 * @param device Where its words are.
 * @param options Kind, sizes, crops.
 * @throws RangeError (rejects) If the crops hold fewer patches than there are words, or a NaN or an infinity.
 */
export async function fitTokenizer(device: Device, options: FitTokenizerOptions): Promise<CodebookTokenizer> {
  const { kind, vocabularySize, patchSize, seed, onProgress, signal } = options;
  const words = { vocabularySize, seed };
  if (kind === "random-projection") return new RandomProjectionTokenizer(device, { ...words, patchSize });
  const stop = signal === undefined ? {} : { signal };
  const { patches: count, perPicture } = options;
  const patches = await samplePatches(collected(options), { patchSize, count, perPicture, seed, ...stop });
  const tokenizer =
    kind === "random-patches"
      ? RandomPatchesTokenizer.fit(patches, words)
      : await KMeansTokenizer.fit(patches, {
          ...words,
          ...stop,
          onProgress: ({ phase, done, total }) =>
            onProgress?.(phase === "seeding" ? "choosing first centroids" : "moving centroids", done / total),
        });
  patches.dispose();
  return tokenizer;
}

/**
 * How many patches are taken of each crop so that few pictures also give enough: at most all of them, over several
 * crops of each picture.
 *
 * @param places Patches of one crop.
 * @param pictures How many pictures there are.
 * @param patches How many patches are wanted.
 */
export function patchesPerPicture(places: number, pictures: number, patches: number): number {
  return Math.min(places, Math.max(1, Math.ceil(patches / Math.max(pictures, 1024))));
}

/** Passes the batches on and tells how many patches they give. */
async function* collected(options: FitTokenizerOptions): AsyncGenerator<Tensor> {
  const { crops, patches, perPicture, onProgress } = options;
  let done = 0;
  for await (const batch of crops) {
    yield batch;
    done = Math.min(patches, done + batch.shape[0]! * perPicture);
    batch.dispose();
    onProgress?.("collecting patches", done / patches);
  }
}
