import type { ImageBatch } from "@splitmask/augmentation";
import { argmax, equalShare, noGrad, type Tensor, tensor } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import { classificationLoss } from "@splitmask/losses";
import type { ForwardContext } from "@splitmask/nn";
import type { TaskLoss, TrainingTask } from "@splitmask/trainer";
import { VisionTransformer, type VisionTransformerConfig } from "@splitmask/vit";
import { type ClassifierHeadOptions, ClassifierModel } from "./classifierModel.js";

/**
 * A batch of labeled pictures, perhaps mixed with each other: what `ImageLoader` and `MixedBatches` of
 * `@splitmask/data` give.
 */
export interface LabelledBatch extends ImageBatch {
  /** B×classes: how much of each class a mixed picture shows. Left out: `labels` tell. */
  readonly targets?: Tensor;
}

/** Options of `Classifier`. */
export interface ClassifierConfig extends ClassifierHeadOptions {
  /**
   * The encoder: a config, which gets no last norm, or a model made before; `ClassifierModel` says what its last norm
   * means.
   */
  readonly encoder: VisionTransformerConfig | VisionTransformer;
  /** Label smoothing for pictures that are not mixed, in [0, 1); mixed ones have it in their targets. Default 0.1. */
  readonly smoothing?: number;
}

/**
 * Supervised training of a vision transformer, from a pre-trained encoder (fine-tuning) or from the first weights. The
 * model is BEiT's: mean of the patches' tokens, layer norm, linear head; see
 * `ClassifierModel`. `views[0]` of a batch is used.
 */
export class Classifier implements TrainingTask<LabelledBatch> {
  /** Its name in checkpoints. */
  readonly name: string = "classifier";
  /** What is trained and saved. */
  readonly model: ClassifierModel;
  /** C, the number of classes. */
  readonly classes: number;
  /** Where the model lives. */
  protected readonly device: Device;
  readonly #smoothing: number;

  /**
   * Makes the encoder (unless one is given), the norm and the head.
   *
   * @throws RangeError If an option is out of range.
   */
  constructor(device: Device, config: ClassifierConfig) {
    const { encoder, smoothing = 0.1, seed = 0, classes } = config;
    this.device = device;
    this.#smoothing = smoothing;
    this.classes = classes;
    const made =
      encoder instanceof VisionTransformer
        ? encoder
        : new VisionTransformer(device, { ...encoder, finalNorm: false }, { seed });
    this.model = new ClassifierModel(device, made, config);
  }

  /**
   * The cross-entropy of a batch.
   *
   * @returns `total`; for pictures that are not mixed also `parts.accuracy`, the share that is classified rightly.
   * @throws RangeError If a picture has no label, or one that is not a class.
   * @throws TypeError If there is no view.
   */
  loss(batch: LabelledBatch, context: ForwardContext): TaskLoss {
    const [images] = batch.views;
    if (images === undefined) {
      throw new TypeError("Classifier: the batch has no view; expected one, B×3×H×W.");
    }
    const logits = this.model.forward(images, context);
    if (batch.targets !== undefined) {
      return { total: classificationLoss(logits, batch.targets), parts: {} };
    }
    const wrong = batch.labels.findIndex((label) => label < 0 || label >= this.classes);
    if (wrong >= 0) {
      throw new RangeError(
        `Classifier: picture ${batch.indices[wrong]} has the label ${batch.labels[wrong]}; ` +
          `expected 0 to ${this.classes - 1}. ` +
          (batch.labels[wrong] === -1
            ? "−1 is a picture without a label: leave such pictures out with subset()."
            : "The model was made for fewer classes than the data set has."),
      );
    }
    const labels = tensor(this.device, Int32Array.from(batch.labels));
    const accuracy = noGrad(this.device, () => equalShare(argmax(logits), labels));
    return {
      total: classificationLoss(logits, labels, { smoothing: this.#smoothing }),
      parts: { accuracy },
    };
  }
}
