import { noGrad, RandomStream, scope, type Tensor } from "@splitmask/autograd";
import { CodebookTokenizer } from "./codebookTokenizer.js";
import { drawDistinct, takeRows } from "./drawRows.js";
import { fillEmptyRows } from "./fillEmptyRows.js";
import { directions, type PatchTransformOptions, resolveTransform } from "./patchTransform.js";
import { checkPatches } from "./samplePatches.js";

/** Options of `RandomPatchesTokenizer.fit`. */
export interface RandomPatchesOptions extends PatchTransformOptions {
  /** V. Default 8192, the paper's. */
  readonly vocabularySize?: number;
  /** The same seed and patches give the same words. Default 0. */
  readonly seed?: number;
}

/** Words that are patches of the training pictures themselves, each brought to unit length. */
export class RandomPatchesTokenizer extends CodebookTokenizer {
  /**
   * Draws V of the given patches, none twice. The paper takes them from different images: give `samplePatches` as few
   * patches a picture as reach V (`perPicture: Math.ceil(V / pictures)`).
   *
   * @param patches M×(3·P²), pixels in [−1, 1], M ≥ V; see `samplePatches`.
   * @throws RangeError If there are fewer patches than words.
   */
  static fit(patches: Tensor, options: RandomPatchesOptions = {}): RandomPatchesTokenizer {
    const { vocabularySize = 8192, seed = 0 } = options;
    const patchSize = checkPatches("RandomPatchesTokenizer.fit", patches, vocabularySize);
    const { device } = patches;
    return noGrad(device, () =>
      scope(device, () => {
        const transform = resolveTransform(options, patches);
        const stream = new RandomStream({ seed, purpose: "tokenizer.randomPatches" });
        const chosen = takeRows(patches, drawDistinct(stream, vocabularySize, patches.shape[0]!));
        const codebook = fillEmptyRows(directions(chosen, transform), seed);
        return new RandomPatchesTokenizer(device, { name: "random-patches", patchSize, codebook, transform });
      }),
    );
  }
}
