import { attention, type Tensor } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import { type ForwardContext, inference } from "./forwardContext.js";
import { type DrawnOptions, Linear } from "./linear.js";
import { Module } from "./module.js";

/** Sizes of an `Attention` layer. */
export interface AttentionLayerOptions extends DrawnOptions {
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
      ...drawn,
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
   * @returns B×N×D.
   */
  forward(x: Tensor, context: ForwardContext = inference, residual: Tensor | null = null): Tensor {
    const { precision } = context;
    const mixed = attention(this.qkv.forward(x, { precision }), { heads: this.heads });
    return this.proj.forward(mixed, { residual, precision });
  }
}
