import {
  type Conv2dOptions,
  type ConvTranspose2dOptions,
  conv2d,
  convTranspose2d,
  type Shape,
  type Tensor,
  uniform,
  zeros,
} from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import type { DrawnOptions } from "./linear.js";
import { Module } from "./module.js";
import { Parameter } from "./parameter.js";

/** Sizes of a `Conv2d`. */
export interface ConvolutionLayerOptions extends Omit<DrawnOptions, "initializer"> {
  /** Channels of the input. */
  readonly inChannels: number;
  /** Channels of the output. */
  readonly outChannels: number;
  /** Rows and columns of the kernel. */
  readonly kernelSize: number;
  /** Rows and columns from one place of the kernel to the next. Default 1. */
  readonly stride?: number;
  /** Zeros on each side of the input. Default 0. */
  readonly padding?: number;
  /** Whether a bias is added. Default true. */
  readonly bias?: boolean;
  /**
   * How the weight begins; the bias then begins at 0. Default: PyTorch's, weight and bias uniform in ±1/√fan-in, where
   * the fan-in is the number of weights of the second axis and the kernel.
   */
  readonly initializer?: DrawnOptions["initializer"];
}

/** Sizes of a `ConvTranspose2d`. */
export interface ConvTransposeLayerOptions extends ConvolutionLayerOptions {
  /** Rows and columns that are added below and to the right of the output; less than the stride. Default 0. */
  readonly outputPadding?: number;
}

/** Weight and bias of a convolution in either direction. */
abstract class ConvolutionLayer extends Module {
  /** outChannels×inChannels×kernelSize×kernelSize; of a transposed convolution inChannels×outChannels×…. */
  readonly weight: Parameter;
  /** outChannels, or null. */
  readonly bias: Parameter | null;

  protected constructor(device: Device, options: ConvolutionLayerOptions, channels: Shape) {
    super();
    const { inChannels, outChannels, kernelSize, bias = true, seed, purpose, initializer } = options;
    for (const [name, value] of Object.entries({ inChannels, outChannels, kernelSize })) {
      if (!Number.isInteger(value) || value < 1) {
        throw new RangeError(
          `${new.target.name} ${purpose}: ${name} is ${value}; expected a whole number ≥ 1.`,
        );
      }
    }
    const bound = 1 / Math.sqrt(channels[1]! * kernelSize ** 2);
    const drawn = (shape: Shape, name: string) =>
      uniform(device, shape, { low: -bound, high: bound, key: { seed, purpose: `${purpose}.${name}` } });
    const shape = [...channels, kernelSize, kernelSize];
    this.weight = Parameter.begin(
      device,
      () => initializer?.(device, shape, { seed, purpose: `${purpose}.weight` }) ?? drawn(shape, "weight"),
    );
    const beginBias = () =>
      initializer === undefined ? drawn([outChannels], "bias") : zeros(device, [outChannels]);
    this.bias = bias ? Parameter.begin(device, beginBias) : null;
  }
}

/**
 * A convolution as PyTorch's `Conv2d`: B×C×H×W → B×O×H′×W′. Parameters: `weight` O×C×k×k, `bias` O.
 */
export class Conv2d extends ConvolutionLayer {
  readonly #options: Conv2dOptions;

  /** Draws weight and bias. */
  constructor(device: Device, options: ConvolutionLayerOptions) {
    super(device, options, [options.outChannels, options.inChannels]);
    const { stride = 1, padding = 0 } = options;
    this.#options = { stride, padding };
  }

  /**
   * @param x B×C×H×W.
   * @param options An activation in the same kernel.
   * @returns B×O×H′×W′, as `conv2d` says.
   */
  forward(x: Tensor, options: Pick<Conv2dOptions, "activation"> = {}): Tensor {
    return conv2d(x, this.weight, this.bias, { ...this.#options, ...options });
  }
}

/**
 * A transposed convolution as PyTorch's `ConvTranspose2d`: B×C×H×W → B×O×H′×W′. Parameters: `weight` C×O×k×k, `bias`
 * O.
 */
export class ConvTranspose2d extends ConvolutionLayer {
  readonly #options: ConvTranspose2dOptions;

  /** Draws weight and bias. */
  constructor(device: Device, options: ConvTransposeLayerOptions) {
    super(device, options, [options.inChannels, options.outChannels]);
    const { stride = 1, padding = 0, outputPadding = 0 } = options;
    this.#options = { stride, padding, outputPadding };
  }

  /**
   * @param x B×C×H×W.
   * @param options An activation in the same kernel.
   * @returns B×O×H′×W′, as `convTranspose2d` says.
   */
  forward(x: Tensor, options: Pick<ConvTranspose2dOptions, "activation"> = {}): Tensor {
    return convTranspose2d(x, this.weight, this.bias, { ...this.#options, ...options });
  }
}
