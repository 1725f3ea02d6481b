import { keep, l2Normalize, noGrad, scope, type Tensor } from "@splitmask/autograd";
import { Clustering } from "./clustering.js";
import { CodebookTokenizer } from "./codebookTokenizer.js";
import { fillEmptyRows } from "./fillEmptyRows.js";
import { type PatchTransformOptions, resolveTransform } from "./patchTransform.js";
import { checkFinitePatches, checkPatches } from "./samplePatches.js";

/** How far `KMeansTokenizer.fit` has come. */
export interface KMeansProgress {
  /** `"seeding"`: choosing first centroids; `"clustering"`: moving them. */
  readonly phase: "seeding" | "clustering";
  /** Centroids chosen, or iterations done. */
  readonly done: number;
  /** Of how many at most. */
  readonly total: number;
  /**
   * Mean squared distance of a patch to its centroid before this iteration's move (on unit patches if spherical); NaN
   * while seeding.
   */
  readonly distance: number;
  /** Centroids that had no patch in this iteration and were seeded anew. */
  readonly emptyWords: number;
}

/** Options of `KMeansTokenizer.fit`. */
export interface KMeansOptions extends PatchTransformOptions {
  /** V. Default 8192, the paper's. */
  readonly vocabularySize?: number;
  /** The same seed and patches give the same words, on any number of threads. Default 0. */
  readonly seed?: number;
  /**
   * Cluster directions (patches at unit length, centroids too) instead of points. Default true: words are compared by
   * cosine, so they are clustered by it; the
   * paper does not say. With false the centroids are means of patches, brought to unit length at the end.
   */
  readonly spherical?: boolean;
  /** Iterations at most: passes over all patches (Lloyd), or batches. Default 20, or 200 batches. */
  readonly iterations?: number;
  /**
   * Stop when an iteration (Lloyd only) lowers the mean squared distance by less than this share of it. Default 1e-3.
   */
  readonly tolerance?: number;
  /**
   * Mini-batch k-means (Sculley 2010) with this many patches an iteration; left out, Lloyd's algorithm on all patches.
   */
  readonly batchSize?: number;
  /** How many patches k-means++ chooses from. Default 4·V, or all if there are fewer. */
  readonly seedingSample?: number;
  /** First centroids V×(3·P²), in the transformed patches' units, instead of k-means++. */
  readonly initial?: Tensor;
  /** Called after each stretch of seeding and each iteration. */
  readonly onProgress?: (progress: KMeansProgress) => void;
  /** Stops between two steps, with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Words that are the centroids of the training pictures' patches. */
export class KMeansTokenizer extends CodebookTokenizer {
  /**
   * Clusters patches: k-means++ on a random part of them, then Lloyd's iterations or mini-batches. Centroids without a
   * patch are put on patches drawn by the seed.
   *
   * @param patches M×(3·P²), pixels in [−1, 1], M ≥ V; see `samplePatches`. The paper takes 3 million.
   * @throws RangeError (rejects) If there are fewer patches than words, or one holds a NaN or an infinity.
   */
  static async fit(patches: Tensor, options: KMeansOptions = {}): Promise<KMeansTokenizer> {
    const { vocabularySize = 8192, seed = 0, spherical = true, batchSize } = options;
    const { iterations = batchSize === undefined ? 20 : 200, tolerance = 1e-3, onProgress, signal } = options;
    const patchSize = checkPatches("KMeansTokenizer.fit", patches, vocabularySize);
    for (const [name, value] of Object.entries({ iterations, batchSize: batchSize ?? 1 })) {
      if (!Number.isInteger(value) || value < 1) {
        throw new RangeError(`KMeansTokenizer.fit: ${name} is ${value}; expected a whole number from 1.`);
      }
    }
    await checkFinitePatches("KMeansTokenizer.fit", "patch", patches);
    const { device } = patches;
    const transform = noGrad(device, () => scope(device, () => resolveTransform(options, patches)));
    if (transform.mean !== null) keep(transform.mean);
    const state = new Clustering(patches, transform, { spherical, words: vocabularySize, seed });
    if (options.initial === undefined) {
      await state.seedByDistance(options.seedingSample ?? 4 * vocabularySize, signal, (done) =>
        onProgress?.({ phase: "seeding", done, total: vocabularySize, distance: Number.NaN, emptyWords: 0 }),
      );
    } else {
      state.seedWith(options.initial);
    }
    let previous: number | null = null;
    for (let iteration = 0; iteration < iterations; iteration++) {
      signal?.throwIfAborted();
      const { distance, emptyWords } = await state.iterate(iteration, batchSize);
      onProgress?.({ phase: "clustering", done: iteration + 1, total: iterations, distance, emptyWords });
      const settled = previous !== null && previous - distance <= tolerance * previous;
      if (batchSize === undefined && emptyWords === 0 && settled) break;
      previous = distance;
    }
    return noGrad(device, () =>
      scope(device, () => {
        const codebook = fillEmptyRows(l2Normalize(state.centroids), seed);
        return new KMeansTokenizer(device, { name: "k-means", patchSize, codebook, transform });
      }),
    );
  }
}
