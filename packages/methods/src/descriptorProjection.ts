import type { Tensor } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import { Mlp, Module } from "@splitmask/nn";

/** What a `DescriptorProjection` takes. */
export interface DescriptorProjectionOptions {
  /** D, the width of the descriptors. */
  readonly width: number;
  /** Width of the hidden layer. */
  readonly hidden: number;
  /** Width of the output. */
  readonly output: number;
  /** Draws the first weights. */
  readonly seed: number;
}

/**
 * A head on the descriptors before they are matched, as contrastive methods have and the paper does not mention:
 * linear, GELU, linear.
 */
export class DescriptorProjection extends Module {
  /** Both layers. */
  readonly mlp: Mlp;

  /** Draws the weights. */
  constructor(device: Device, options: DescriptorProjectionOptions) {
    super();
    const { width, hidden, output, seed } = options;
    this.mlp = new Mlp(device, {
      width,
      hiddenWidth: hidden,
      outWidth: output,
      seed,
      purpose: "projection.mlp",
    });
  }

  /**
   * @param descriptors B×D.
   * @returns B×output.
   */
  forward(descriptors: Tensor): Tensor {
    return this.mlp.forward(descriptors);
  }
}
