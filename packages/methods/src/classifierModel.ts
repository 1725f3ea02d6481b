import { mean, noGrad, scope, slice, type Tensor } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import {
  type ForwardContext,
  inference,
  LayerNorm,
  Linear,
  Module,
  truncatedNormalInitializer,
} from "@splitmask/nn";
import type { VisionTransformer } from "@splitmask/vit";
import { pooledOutput } from "./pooledOutput.js";

/** What a classifier has behind its encoder. */
export interface ClassifierHeadOptions {
  /** C, the number of classes. */
  readonly classes: number;
  /**
   * Standard deviation of the head's first weights (normal); the bias begins at 0. BEiT's is 0.02 · 0.001, DeiT's 0.02.
   * Default 0.02 · 0.001.
   */
  readonly headDeviation?: number;
  /** Draws the head's first weights. Default 0. */
  readonly seed?: number;
}

/**
 * A vision transformer that classifies pictures. Behind an encoder without a last norm, as BEiT is fine-tuned, are the
 * mean of the patches' tokens, a layer norm (`fc_norm`) and a linear `head`. Behind one with a last norm, as DeiT is
 * trained, are its class token, or without one the mean of the patches' tokens, and the `head`. timm's
 * `VisionTransformer` has the same parameters but for the prefix `encoder.`: with `global_pool="avg"`, else with
 * `"token"` or `fc_norm=False`.
 */
export class ClassifierModel extends Module {
  /** The vision transformer. */
  readonly encoder: VisionTransformer;
  /** The norm of the pooled token; null: the encoder's last norm is before pooling. */
  readonly fc_norm: LayerNorm | null;
  /** D → C. */
  readonly head: Linear;
  readonly #device: Device;

  /**
   * Puts norm and head behind an encoder.
   *
   * @throws RangeError If there are fewer than two classes.
   */
  constructor(device: Device, encoder: VisionTransformer, options: ClassifierHeadOptions) {
    super();
    const { classes, headDeviation = 2e-5, seed = 0 } = options;
    if (!Number.isInteger(classes) || classes < 2) {
      throw new RangeError(`ClassifierModel: classes is ${classes}; expected a whole number of at least 2.`);
    }
    const { width, epsilon } = encoder.config;
    this.#device = device;
    this.encoder = encoder;
    this.fc_norm = encoder.norm === null ? new LayerNorm(device, { width, epsilon }) : null;
    this.head = new Linear(device, {
      ...{ inFeatures: width, outFeatures: classes, seed, purpose: "head" },
      initializer: truncatedNormalInitializer(headDeviation),
    });
  }

  /**
   * Scores of the classes.
   *
   * @param images B×3×H×W, normalized as in training. Another size than the encoder's is interpolated in the positions.
   * @param context Default: inference.
   * @returns B×C logits.
   */
  forward(images: Tensor, context: ForwardContext = inference): Tensor {
    return this.head.forward(this.#pooled(images, context), { packed: context.packed });
  }

  #pooled(images: Tensor, context: ForwardContext): Tensor {
    if (this.fc_norm === null) return pooledOutput(this.encoder, images, context);
    const tokens = this.encoder.forward(images, context);
    const prefix = this.encoder.prefixTokens;
    const patches = prefix === 0 ? tokens : slice(tokens, 1, prefix);
    return this.fc_norm.forward(mean(patches, { axes: [1] }));
  }

  /**
   * Scores of the classes for use rather than training: no graph is recorded, and nothing is kept but the result.
   *
   * @param images B×3×H×W.
   * @param options In which number format the products are formed, and weights packed for inference.
   * @returns B×C logits.
   */
  classify(images: Tensor, options: Pick<ForwardContext, "precision" | "packed"> = {}): Tensor {
    return noGrad(this.#device, () =>
      scope(this.#device, () => this.forward(images, { ...inference, ...options })),
    );
  }
}
