import { linear, reshape, type Tensor, uniform } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import { type ForwardContext, type Initializer, inference, Module, Parameter } from "@splitmask/nn";

/** What a `PatchEmbedding` takes. */
export interface PatchEmbeddingOptions {
  /** D, the width of a token. */
  readonly width: number;
  /** C, the channels of a picture. */
  readonly channels: number;
  /** P, the side of a patch in pixels. */
  readonly patchSize: number;
  /** Draws the first weights. */
  readonly seed: number;
  /** How the weight begins, as a D×(C·P²) matrix. Default: uniform in ±1/√fan-in, as PyTorch begins convolutions. */
  readonly initializer?: Initializer;
  /** How the bias begins. Default: uniform in ±1/√fan-in too. */
  readonly biasInitializer?: Initializer;
}

/**
 * The convolution of patch embeddings as a linear map of flattened patches, with timm's `proj.weight` D×C×P×P and
 * `proj.bias` D.
 */
export class PatchEmbedding extends Module {
  /** The convolution's weight and bias. */
  readonly proj: PatchProjection;

  /** Draws weight and bias. */
  constructor(device: Device, options: PatchEmbeddingOptions) {
    super();
    this.proj = new PatchProjection(device, options);
  }

  /**
   * @param patches B×K×(C·P²), as `patchify` gives them.
   * @param context Default: inference.
   * @returns B×K×D.
   */
  forward(patches: Tensor, context: ForwardContext = inference): Tensor {
    const { weight, bias } = this.proj;
    const [width, channels, height, columns] = weight.shape as readonly [number, number, number, number];
    const { precision, packed } = context;
    const matrix = packed?.of(weight) ?? reshape(weight, [width, channels * height * columns]);
    return linear(patches, matrix, bias, { precision });
  }
}

/** Weight and bias of a patch embedding. */
export class PatchProjection extends Module {
  /** D×C×P×P. */
  readonly weight: Parameter;
  /** D. */
  readonly bias: Parameter;

  /** Draws weight and bias. */
  constructor(device: Device, options: PatchEmbeddingOptions) {
    super();
    const { width, channels, patchSize, seed } = options;
    const inputs = channels * patchSize * patchSize;
    const bound = inputs ** -0.5;
    const asConvolutions: Initializer = (on, shape, key) =>
      uniform(on, shape, { low: -bound, high: bound, key });
    const { initializer = asConvolutions, biasInitializer = asConvolutions } = options;
    const key = (name: string) => ({ seed, purpose: `encoder.patch_embed.proj.${name}` });
    this.weight = Parameter.begin(device, () =>
      reshape(initializer(device, [width, inputs], key("weight")), [width, channels, patchSize, patchSize]),
    );
    this.bias = Parameter.begin(device, () => biasInitializer(device, [width], key("bias")));
  }

  override get linearWeights(): readonly Parameter[] {
    return [this.weight];
  }
}
