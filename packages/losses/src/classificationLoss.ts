import { crossEntropy, type Tensor } from "@splitmask/autograd";
import { describeShape } from "./describeShape.js";

/** Options of `classificationLoss`. */
export interface ClassificationLossOptions {
  /**
   * Label smoothing in [0, 1): this share of each target is spread evenly over all classes. mixup's targets are
   * smoothed already. Default 0.
   */
  readonly smoothing?: number;
}

/**
 * The loss of supervised training: the mean over the pictures of the cross-entropy between the predicted distribution
 * over classes and the target. timm's `LabelSmoothingCrossEntropy` for classes and `SoftTargetCrossEntropy` for the
 * distributions that mixup and CutMix make.
 *
 * @param logits B×C: scores of the C classes, one row a picture.
 * @param targets One class a picture, int32 B, or a distribution over the classes, B×C. A class out of range is
 * reported at the next `await`.
 * @returns The mean loss in nats, a scalar; ln C for a prediction that knows nothing.
 * @throws TypeError If the shapes do not fit.
 */
export function classificationLoss(
  logits: Tensor,
  targets: Tensor,
  options: ClassificationLossOptions = {},
): Tensor {
  const [pictures = 0, classes = 0] = logits.shape;
  const soft = targets.dtype !== "int32";
  const fits = targets.shape[0] === pictures && targets.shape.length === (soft ? 2 : 1);
  if (logits.shape.length !== 2 || logits.size === 0 || !fits || (soft && targets.shape[1] !== classes)) {
    throw new TypeError(
      `classificationLoss: logits are ${describeShape(logits)} and targets are ${targets.dtype} ` +
        `${describeShape(targets)}; ` +
        "expected B×C logits and one class a picture (int32 B) or one distribution a picture (float32 B×C).",
    );
  }
  const { smoothing = 0 } = options;
  return crossEntropy(logits, targets, { smoothing });
}
