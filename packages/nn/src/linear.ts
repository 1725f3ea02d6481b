import { type LinearOptions, linear, type Tensor, zeros } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import { type Initializer, truncatedNormalInitializer } from "./initializers.js";
import { Module } from "./module.js";
import type { PackedParameters } from "./packedParameters.js";
import { Parameter } from "./parameter.js";

/** What every layer with drawn weights takes. */
export interface DrawnOptions {
  /** The run's seed. */
  readonly seed: number;
  /**
   * The layer's dotted name in the model, e.g. `blocks.0.attn.qkv`: makes its numbers differ from those of other
   * layers.
   */
  readonly purpose: string;
  /** How weights begin. Default: `truncatedNormalInitializer()`, standard deviation 0.02. Biases begin at 0. */
  readonly initializer?: Initializer;
}

/** What every layer takes whose last linear map is added to the tokens: attention, MLP, and the block of both. */
export interface ResidualOptions extends DrawnOptions {
  /** How the weights of that map (`proj` of an attention, `fc2` of an MLP) begin. Default: `initializer`. */
  readonly outputInitializer?: Initializer;
}

/**
 * Options of the linear map at the end of a layer.
 *
 * @returns Its own initializer where there is one, else the layer's.
 */
export function outputOptions({
  seed,
  purpose,
  initializer,
  outputInitializer,
}: ResidualOptions): DrawnOptions {
  const chosen = outputInitializer ?? initializer;
  return { seed, purpose, ...(chosen === undefined ? {} : { initializer: chosen }) };
}

/** Sizes of a `Linear` layer. */
export interface LinearLayerOptions extends DrawnOptions {
  /** Width of the input. */
  readonly inFeatures: number;
  /** Width of the output. */
  readonly outFeatures: number;
  /** Whether a bias is added. Default true. */
  readonly bias?: boolean;
}

/** Options of `Linear.forward`. */
export interface LinearForwardOptions extends LinearOptions {
  /** Used in place of this layer's weight if they contain it. Default: none. */
  readonly packed?: PackedParameters | undefined;
}

/** x·Wᵀ + b: …×in → …×out. Parameters: `weight` out×in, `bias` out. */
export class Linear extends Module {
  /** out×in. */
  readonly weight: Parameter;
  /** out, or null. */
  readonly bias: Parameter | null;

  /** Draws the weight; the bias is 0. */
  constructor(device: Device, options: LinearLayerOptions) {
    super();
    const { inFeatures, outFeatures, bias = true, seed, purpose } = options;
    for (const [name, value] of Object.entries({ inFeatures, outFeatures })) {
      if (!Number.isInteger(value) || value < 1) {
        throw new RangeError(`Linear ${purpose}: ${name} is ${value}; expected a whole number ≥ 1.`);
      }
    }
    const initializer = options.initializer ?? truncatedNormalInitializer();
    this.weight = Parameter.begin(device, () =>
      initializer(device, [outFeatures, inFeatures], { seed, purpose: `${purpose}.weight` }),
    );
    this.bias = bias ? Parameter.begin(device, () => zeros(device, [outFeatures])) : null;
  }

  override get linearWeights(): readonly Parameter[] {
    return [this.weight];
  }

  /**
   * @param x …×in.
   * @param options Activations and a skip connection in the same kernel, and packed weights.
   * @returns …×out.
   */
  forward(x: Tensor, { packed, ...options }: LinearForwardOptions = {}): Tensor {
    return linear(x, packed?.of(this.weight) ?? this.weight, this.bias, options);
  }
}
