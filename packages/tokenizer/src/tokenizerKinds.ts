import { CodebookTokenizer } from "./codebookTokenizer.js";
import { DiscreteVaeTokenizer } from "./discreteVaeTokenizer.js";
import { KMeansTokenizer } from "./kMeans.js";
import { RandomPatchesTokenizer } from "./randomPatches.js";
import { RandomProjectionTokenizer } from "./randomProjection.js";
import { collectPatches } from "./samplePatches.js";
import type { FittedTokenizerKind, TokenizerKind } from "./tokenizerKind.js";

/** The name of a kind that is made before the first step of a run. */
export type FittedTokenizerName = "random-projection" | "random-patches" | "k-means";

/** The name of one of `tokenizerKinds`. */
export type TokenizerKindName = FittedTokenizerName | "discrete-vae";

/** The kinds by name: another kind is another row. */
export const tokenizerKinds: Readonly<
  Record<FittedTokenizerName, FittedTokenizerKind> & Record<TokenizerKindName, TokenizerKind>
> = {
  "random-projection": {
    name: "random-projection",
    fit: async (device, { patchSize, seed, vocabularySize }) =>
      new RandomProjectionTokenizer(device, { patchSize, seed, vocabularySize }),
    load: CodebookTokenizer.load,
  },
  "random-patches": {
    name: "random-patches",
    async fit(_, options) {
      const patches = await collectPatches(options);
      const tokenizer = RandomPatchesTokenizer.fit(patches, options);
      patches.dispose();
      return tokenizer;
    },
    load: CodebookTokenizer.load,
    cost: ({ patches }) => ({ patches, operations: 0 }),
  },
  "k-means": {
    name: "k-means",
    async fit(_, options) {
      const { onProgress, seed, signal, vocabularySize } = options;
      const patches = await collectPatches(options);
      const tokenizer = await KMeansTokenizer.fit(patches, {
        ...{ seed, vocabularySize },
        ...(signal === undefined ? {} : { signal }),
        onProgress: ({ phase, done, total }) =>
          onProgress?.(phase === "seeding" ? "choosing first centroids" : "moving centroids", done / total),
      });
      patches.dispose();
      return tokenizer;
    },
    load: CodebookTokenizer.load,
    cost: ({ patches, patchSize, vocabularySize }) => ({
      patches,
      // First centroids, then at most twenty iterations of Lloyd's algorithm.
      operations: (3 + 2 * 20) * patches * vocabularySize * 3 * patchSize ** 2,
    }),
  },
  "discrete-vae": { name: "discrete-vae", load: DiscreteVaeTokenizer.load },
};
