import { attention, attentionProbabilities, type Tensor } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import { biasedAttention, biasedProbabilities } from "./biasedAttention.js";
import { type ForwardContext, inference } from "./forwardContext.js";
import { Linear, outputOptions, type ResidualOptions } from "./linear.js";
import { Module } from "./module.js";

/** Sizes of an `Attention` layer. */
export interface AttentionLayerOptions extends ResidualOptions {
  /** D. */
  readonly width: number;
  /** The number of heads; D has to be a multiple of it. */
  readonly heads: number;
  /** Whether queries, keys and values have a bias. Default true. */
  readonly qkvBias?: boolean;
  /** Whether the output projection has a bias. Default true. */
  readonly projBias?: boolean;
}

/**
 * Multi-head self-attention: B×N×D → B×N×D. Parameters: `qkv.weight` 3D×D, `qkv.bias` 3D, `proj.weight` D×D,
 * `proj.bias` D (timm's names).
 */
export class Attention extends Module {
  /** D → 3D: queries, keys, values. */
  readonly qkv: Linear;
  /** D → D. */
  readonly proj: Linear;
  /** The number of heads. */
  readonly heads: number;

  /**
   * Draws the weights.
   *
   * @throws RangeError If the width is not a multiple of the heads.
   */
  constructor(device: Device, options: AttentionLayerOptions) {
    super();
    const { width, heads, qkvBias = true, projBias = true, purpose } = options;
    if (!Number.isInteger(heads) || heads < 1 || width % heads !== 0) {
      throw new RangeError(
        `Attention ${purpose}: width is ${width} and heads is ${heads}; the width has to be a multiple of the heads.`,
      );
    }
    const drawn = { ...options, inFeatures: width };
    this.qkv = new Linear(device, {
      ...drawn,
      outFeatures: 3 * width,
      bias: qkvBias,
      purpose: `${purpose}.qkv`,
    });
    this.proj = new Linear(device, {
      ...outputOptions(options),
      inFeatures: width,
      outFeatures: width,
      bias: projBias,
      purpose: `${purpose}.proj`,
    });
    this.heads = heads;
  }

  /**
   * @param x B×N×D.
   * @param context Default: inference.
   * @param residual Added to the result in the same kernel, B×N×D.
   * @param bias Added to the scores before the softmax, H×N×N or B×H×N×N. With one the probabilities of all heads are
   *   in memory, which the kernel for attention without a bias never writes.
   * @returns B×N×D.
   * @throws RangeError If the bias does not fit.
   */
  forward(
    x: Tensor,
    context: ForwardContext = inference,
    residual: Tensor | null = null,
    bias: Tensor | null = null,
  ): Tensor {
    const { precision, packed } = context;
    const { heads } = this;
    const qkv = this.qkv.forward(x, { precision, packed });
    const mixed =
      bias === null ? attention(qkv, { heads, precision }) : biasedAttention(qkv, bias, heads, precision);
    return this.proj.forward(mixed, { residual, precision, packed });
  }

  /**
   * The probabilities with which each token looks at each: for pictures and tests.
   *
   * @param x B×N×D.
   * @param bias As in `forward`.
   * @returns B×H×N×N.
   */
  probabilities(x: Tensor, bias: Tensor | null = null): Tensor {
    const { heads } = this;
    const qkv = this.qkv.forward(x);
    return bias === null ? attentionProbabilities(qkv, { heads }) : biasedProbabilities(qkv, bias, heads);
  }
}
