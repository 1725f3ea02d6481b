import { l2Normalize, noGrad, scope, type Tensor, uniform } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import { CodebookTokenizer } from "./codebookTokenizer.js";
import { type PatchTransformOptions, resolveTransform } from "./patchTransform.js";

/** Options of `RandomProjectionTokenizer`. */
export interface RandomProjectionOptions extends PatchTransformOptions {
  /** V. Default 8192, the paper's. */
  readonly vocabularySize?: number;
  /** P. Default 8, the paper's. */
  readonly patchSize?: number;
  /** The same seed gives the same words. Default 0. */
  readonly seed?: number;
  /** 3·P²: the mean patch, in units of `pixelRange`; needed with `center: "mean"`. */
  readonly mean?: Tensor;
}

/**
 * The paper's tokenizer: V random directions, each element uniform in [−1, 1), each row brought to unit length. Nothing
 * is learned and nothing is downloaded.
 */
export class RandomProjectionTokenizer extends CodebookTokenizer {
  /**
   * @param device Where the words are drawn.
   * @param options Size of vocabulary and patch, seed, treatment of pixels.
   */
  constructor(device: Device, options: RandomProjectionOptions = {}) {
    const { vocabularySize = 8192, patchSize = 8, seed = 0, mean } = options;
    if (
      !Number.isInteger(vocabularySize) ||
      vocabularySize < 1 ||
      !Number.isInteger(patchSize) ||
      patchSize < 1
    ) {
      throw new RangeError(
        `RandomProjectionTokenizer: vocabularySize is ${vocabularySize} and patchSize is ${patchSize}; ` +
          "expected whole numbers from 1.",
      );
    }
    const transform =
      mean !== undefined && options.center === "mean"
        ? { pixelRange: options.pixelRange ?? "symmetric", center: "mean" as const, mean }
        : resolveTransform(options, null);
    const codebook = noGrad(device, () =>
      scope(device, () =>
        l2Normalize(
          uniform(device, [vocabularySize, 3 * patchSize * patchSize], {
            low: -1,
            high: 1,
            key: { seed, purpose: "tokenizer.randomProjection" },
          }),
        ),
      ),
    );
    super(device, { name: "random-projection", patchSize, codebook, transform });
  }
}
