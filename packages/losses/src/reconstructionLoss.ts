import {
  affine,
  divide,
  mean,
  noGrad,
  scope,
  sqrt,
  square,
  subtract,
  sum,
  type Tensor,
} from "@splitmask/autograd";
import { describeShape } from "./describeShape.js";

/** Added to the variance of a patch, as in MAE's code. */
const epsilon = 1e-6;

/** Options of `reconstructionLoss`. */
export interface ReconstructionLossOptions {
  /**
   * Compare with each patch at mean 0 and variance 1 (MAE's `norm_pix_loss`) instead of with its pixels. Default true.
   */
  readonly normalize?: boolean;
}

/** The brightness and the contrast of patches. */
export interface PatchStatistics {
  /** …×1: the mean of a patch's d numbers, all channels together. */
  readonly mean: Tensor;
  /** …×1: √(variance + 1e-6), with the unbiased variance (over d − 1) of MAE's code. */
  readonly deviation: Tensor;
}

/**
 * Mean and deviation of each patch: what `normalizedPatches` takes away, and what makes pixels of a prediction. Records
 * no graph.
 *
 * @param patches …×d, d ≥ 2.
 * @throws RangeError If a patch is a single number, which has no variance.
 */
export function patchStatistics(patches: Tensor): PatchStatistics {
  const size = patches.shape[patches.rank - 1] ?? 0;
  if (size < 2) {
    throw new RangeError(
      `patchStatistics: patches are ${describeShape(patches)}; expected …×d with at least two numbers a ` +
        "patch. Compare single numbers as they are: normalize: false.",
    );
  }
  return noGrad(patches.device, () =>
    scope(patches.device, () => {
      const means = mean(patches, { axes: [-1], keepDimensions: true });
      const squares = sum(square(subtract(patches, means)), { axes: [-1], keepDimensions: true });
      return { mean: means, deviation: sqrt(affine(squares, 1 / (size - 1), epsilon)) };
    }),
  );
}

/**
 * Patches at mean 0 and variance 1, (x − mean) / √(variance + 1e-6) each by itself: what MAE's decoder predicts, so
 * that the loss is about structure and not about brightness. Records no graph.
 *
 * @param patches …×d, d ≥ 2.
 * @returns …×d.
 */
export function normalizedPatches(patches: Tensor): Tensor {
  return noGrad(patches.device, () =>
    scope(patches.device, () => {
      const { deviation, mean: means } = patchStatistics(patches);
      return divide(subtract(patches, means), deviation);
    }),
  );
}

/**
 * The loss of masked autoencoders (He et al. 2021, arXiv 2111.06377): the mean squared error between the predicted and
 * the true pixels of the hidden patches, each patch normalized by its own mean and variance. No gradient flows to the
 * patches.
 *
 * @param predicted …×d: what the decoder says of each hidden patch.
 * @param patches …×d: the hidden patches' pixels.
 * @returns The mean over patches and their d numbers, a scalar; about 1 for a prediction of nothing but 0.
 * @throws TypeError If the shapes differ or there is no patch. RangeError if a patch of one number is to be normalized.
 */
export function reconstructionLoss(
  predicted: Tensor,
  patches: Tensor,
  options: ReconstructionLossOptions = {},
): Tensor {
  const { normalize = true } = options;
  if (predicted.size === 0 || describeShape(predicted) !== describeShape(patches)) {
    throw new TypeError(
      `reconstructionLoss: predicted is ${describeShape(predicted)} and patches are ` +
        `${describeShape(patches)}; ` +
        "expected two …×d tensors of the same shape, one row a hidden patch, and at least one row.",
    );
  }
  return mean(square(subtract(predicted, normalize ? normalizedPatches(patches) : patches.detach())));
}
