import {
  copyInto,
  gatherTokens,
  noGrad,
  nonFiniteRow,
  RandomStream,
  reshape,
  scope,
  slice,
  type Tensor,
  tensor,
  zeros,
} from "@splitmask/autograd";
import { patchify } from "@splitmask/nn";
import { drawDistinct } from "./drawRows.js";
import type { FitTokenizerOptions } from "./tokenizerKind.js";

/** Options of `samplePatches`. */
export interface SamplePatchesOptions {
  /** P, the side of a patch in pixels. Default 8. */
  readonly patchSize?: number;
  /** How many patches at most. */
  readonly count: number;
  /** How many different patches of each picture; a picture with fewer gives all it has. Default 1. */
  readonly perPicture?: number;
  /** The same seed and pictures give the same patches. Default 0. */
  readonly seed?: number;
  /** Stops between two batches, with the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * Collects random patches from batches of pictures, for the tokenizers that are fitted to data.
 *
 * @param pictures Batches B×3×H×W with pixels in [−1, 1], H and W multiples of the patch size; read until `count`
 *   patches are there.
 * @returns M×(3·P²), M ≤ count, in the order of the pictures.
 * @throws RangeError (rejects) If there are no pictures, count or perPicture is no whole number from 1, or a patch
 * holds a NaN or an infinity.
 */
export async function samplePatches(
  pictures: Iterable<Tensor> | AsyncIterable<Tensor>,
  options: SamplePatchesOptions,
): Promise<Tensor> {
  const { patchSize = 8, count, perPicture = 1, seed = 0, signal } = options;
  if (!Number.isInteger(count) || count < 1 || !Number.isInteger(perPicture) || perPicture < 1) {
    throw new RangeError(
      `samplePatches: count is ${count} and perPicture is ${perPicture}; expected whole numbers from 1.`,
    );
  }
  let collected: Tensor | null = null;
  let filled = 0;
  let picture = 0;
  for await (const pixels of pictures) {
    signal?.throwIfAborted();
    const { device } = pixels;
    collected ??= zeros(device, [count, 3 * patchSize * patchSize]);
    const target: Tensor = collected;
    const first = picture;
    filled += noGrad(device, () =>
      scope(device, () => {
        const patches = patchify(pixels, patchSize);
        const [batch, places] = patches.shape as readonly [number, number, number];
        const each = Math.min(perPicture, places);
        const indices = Array.from({ length: batch }, (_, sample) =>
          drawDistinct(
            new RandomStream({ seed, purpose: "tokenizer.samplePatches", sample: first + sample }),
            each,
            places,
          ),
        );
        picture += batch;
        const chosen = gatherTokens(
          patches,
          tensor(
            device,
            indices.map((row) => [...row]),
            undefined,
            { dtype: "int32" },
          ),
        );
        const rows = Math.min(batch * each, count - filled);
        const width = target.shape[1]!;
        copyInto(
          slice(target, 0, filled, filled + rows),
          slice(reshape(chosen, [batch * each, width]), 0, 0, rows),
        );
        return rows;
      }),
    );
    if (filled === count) break;
  }
  if (collected === null) {
    throw new RangeError("samplePatches: there are no pictures. Give at least one batch B×3×H×W.");
  }
  const sampled = filled === count ? collected : slice(collected, 0, 0, filled);
  await checkFinitePatches("samplePatches", "sampled patch", sampled);
  return sampled;
}

/** Collects the patches that a tokenizer is fitted to, tells how many there are, and gives the crops' memory back. */
export function collectPatches(options: FitTokenizerOptions): Promise<Tensor> {
  const { crops, onProgress, patches, patchSize, perPicture, seed, signal } = options;
  async function* told() {
    let done = 0;
    for await (const batch of crops) {
      yield batch;
      done = Math.min(patches, done + batch.shape[0]! * perPicture);
      batch.dispose();
      onProgress?.("collecting patches", done / patches);
    }
  }
  const stop = signal === undefined ? {} : { signal };
  return samplePatches(told(), { patchSize, count: patches, perPicture, seed, ...stop });
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

/** Rejects if a pixel is NaN or infinite: such a patch is like no word. */
export async function checkFinitePatches(name: string, what: string, patches: Tensor): Promise<void> {
  const row = await nonFiniteRow(patches);
  if (row < 0) return;
  throw new RangeError(
    `${name}: ${what} ${row} holds a pixel that is NaN or infinite; expected numbers in [−1, 1]. Leave such ` +
      "pictures out, or mend what makes them.",
  );
}

/**
 * Checks patches that a tokenizer is fitted to.
 *
 * @returns The side of a patch.
 */
export function checkPatches(name: string, patches: Tensor, vocabularySize: number): number {
  const [count = 0, width = 0] = patches.shape;
  const patchSize = Math.round(Math.sqrt(width / 3));
  if (patches.shape.length !== 2 || patchSize < 1 || 3 * patchSize * patchSize !== width) {
    throw new TypeError(
      `${name}: patches are ${patches.shape.join("×")}; expected M×(3·P²), one patch a row, e.g. M×192 for 8×8 pixels.`,
    );
  }
  if (!Number.isInteger(vocabularySize) || vocabularySize < 1 || count < vocabularySize) {
    throw new RangeError(
      `${name}: there are ${count} patches for a vocabulary of ${vocabularySize}; every word needs at ` +
        "least one. Sample more patches (more per picture), or pass a smaller vocabularySize.",
    );
  }
  return patchSize;
}
