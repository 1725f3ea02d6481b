import type { Tensor, WeightFormat } from "@splitmask/autograd";
import { PackedParameters } from "@splitmask/nn";
import type { EncodeLayersOptions, EncodeOptions, VisionTransformer } from "./visionTransformer.js";

/** Options of an `InferenceEncoder`. */
export interface InferenceEncoderOptions {
  /**
   * How the weights of the linear layers are stored and multiplied: `"float32"` gives the same bits as the encoder,
   * `"bfloat16"` takes half the memory and is faster where the CPU multiplies it (AVX512-BF16), `"int8"` a quarter, and
   * is faster still where the CPU multiplies bytes (AVX512-VNNI). Default `"float32"`.
   */
  readonly weights?: WeightFormat;
}

/**
 * An encoder for use rather than training: the weights of its linear layers are packed once, as products read them, and
 * kept until `dispose`, beside the encoder's own. All else is the encoder's own and read in each call.
 *
 * Weights that change later are not packed again by themselves: to encode with packed weights that the encoder no
 * longer has is an error, which says so. Make another `InferenceEncoder` then.
 */
export class InferenceEncoder {
  /** The encoder whose weights were packed. */
  readonly encoder: VisionTransformer;
  /** The packed weights: the `packed` of `VisionTransformer.encode` and of a `ForwardContext`. */
  readonly packed: PackedParameters;

  /** Packs the weights as they are now. */
  constructor(encoder: VisionTransformer, { weights = "float32" }: InferenceEncoderOptions = {}) {
    this.encoder = encoder;
    this.packed = new PackedParameters(encoder, weights);
  }

  /**
   * As `VisionTransformer.encode`.
   *
   * @param images B×C×H×W, normalized as in training.
   * @returns B×D with pooling `"mean"` (default) or `"class"`; with `"none"` all tokens.
   * @throws Error If a weight was written to after it was packed, or the packed weights were disposed.
   */
  encode(images: Tensor, options: Omit<EncodeOptions, "packed" | "precision"> = {}): Tensor {
    return this.encoder.encode(images, { ...options, packed: this.packed });
  }

  /**
   * As `VisionTransformer.encodeLayers`.
   *
   * @param images B×C×H×W, normalized as in training.
   * @returns B×D for each layer.
   * @throws Error If a weight was written to after it was packed, or the packed weights were disposed.
   */
  encodeLayers(images: Tensor, options: Omit<EncodeLayersOptions, "packed"> = {}): Tensor[] {
    return this.encoder.encodeLayers(images, { ...options, packed: this.packed });
  }

  /** Gives the memory of the packed weights back; the encoder stays as it is. */
  dispose(): void {
    this.packed.dispose();
  }
}
