import { type LayerNormOptions, layerNorm, ones, type Tensor, zeros } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import { Module } from "./module.js";
import { Parameter } from "./parameter.js";

/** Sizes of a `LayerNorm`. */
export interface LayerNormLayerOptions {
  /** D, the width of the rows. */
  readonly width: number;
  /** Added to the variance. Default 1e-6, as in vision transformers. */
  readonly epsilon?: number;
}

/** Normalizes each row, then scales and shifts it: …×D → …×D. Parameters: `weight` D (ones), `bias` D (zeros). */
export class LayerNorm extends Module {
  /** D. */
  readonly weight: Parameter;
  /** D. */
  readonly bias: Parameter;
  /** Added to the variance. */
  readonly epsilon: number;

  /** Begins as the plain normalization. */
  constructor(device: Device, options: LayerNormLayerOptions) {
    super();
    this.weight = Parameter.begin(device, () => ones(device, [options.width]));
    this.bias = Parameter.begin(device, () => zeros(device, [options.width]));
    this.epsilon = options.epsilon ?? 1e-6;
  }

  /**
   * @param x …×D.
   * @param dtype The dtype of the result. Default: that of x.
   * @returns …×D.
   */
  forward(x: Tensor, dtype?: LayerNormOptions["dtype"]): Tensor {
    return layerNorm(x, this.weight, this.bias, { epsilon: this.epsilon, dtype });
  }
}
