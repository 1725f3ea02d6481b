import { affine, mlp, multiply, scope, sigmoid, type Tensor } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import { type ForwardContext, inference } from "./forwardContext.js";
import { Linear, outputOptions, type ResidualOptions } from "./linear.js";
import { Module } from "./module.js";

/**
 * What is between the two layers of an `Mlp`: the exact `"gelu"` (Hendrycks & Gimpel 2016), or `"quickGelu"`, its
 * approximation x·σ(1.702·x), which OpenAI's CLIP was trained with.
 */
export type Activation = "gelu" | "quickGelu";

/** Sizes of an `Mlp`. */
export interface MlpOptions extends ResidualOptions {
  /** D. */
  readonly width: number;
  /** Width between the two layers. Default 4·D. */
  readonly hiddenWidth?: number;
  /** Width of the output. Default D. */
  readonly outWidth?: number;
  /** Between the two layers. Default `"gelu"`. */
  readonly activation?: Activation;
}

/**
 * Two linear layers with an activation between them: …×D → …×out. Parameters: `fc1.weight`, `fc1.bias`, `fc2.weight`,
 * `fc2.bias`.
 */
export class Mlp extends Module {
  /** D → hidden. */
  readonly fc1: Linear;
  /** hidden → out. */
  readonly fc2: Linear;
  /** Between the two. */
  readonly activation: Activation;

  /** Draws the weights. */
  constructor(device: Device, options: MlpOptions) {
    super();
    const { width, hiddenWidth = 4 * width, outWidth = width, purpose, activation = "gelu" } = options;
    this.activation = activation;
    this.fc1 = new Linear(device, {
      ...options,
      inFeatures: width,
      outFeatures: hiddenWidth,
      purpose: `${purpose}.fc1`,
    });
    this.fc2 = new Linear(device, {
      ...outputOptions(options),
      inFeatures: hiddenWidth,
      outFeatures: outWidth,
      purpose: `${purpose}.fc2`,
    });
  }

  /**
   * @param x …×D.
   * @param context Default: inference.
   * @param residual Added to the result in the same kernel, …×out.
   * @returns …×out.
   */
  forward(x: Tensor, context: ForwardContext = inference, residual: Tensor | null = null): Tensor {
    const { precision, packed } = context;
    if (this.activation === "quickGelu") {
      return scope(x.device, () => {
        const hidden = this.fc1.forward(x, { precision, packed });
        const activated = multiply(hidden, sigmoid(affine(hidden, 1.702, 0)));
        return this.fc2.forward(activated, { residual, precision, packed });
      });
    }
    // Without a backward pass nobody needs the pre-activation, and packed products apply GELU in their kernel.
    if (packed?.of(this.fc1.weight) !== undefined) {
      const activated = this.fc1.forward(x, { outputActivation: "gelu", packed });
      return this.fc2.forward(activated, { residual, precision, packed });
    }
    return mlp(x, this.fc1, this.fc2, { residual, precision });
  }
}
