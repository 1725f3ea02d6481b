import type { Tensor, WeightFormat } from "@splitmask/autograd";
import { PackedParameters } from "@splitmask/nn";
import type { EncodeLayersOptions, EncodeOptions, VisionTransformer } from "./visionTransformer.js";

/** Options of an `InferenceEncoder`. */
export interface InferenceEncoderOptions {
  /**
   * How the weights of the linear layers are stored and multiplied: `"float32"` gives the same results as the encoder,
   * bit for bit; `"bfloat16"` takes half the memory and is faster where the CPU multiplies it (AVX512-BF16); `"int8"`
   * takes a quarter and is faster still where the CPU multiplies bytes (AVX512-VNNI). Default `"float32"`.
   */
  readonly weights?: WeightFormat;
}

/**
 * An encoder for inference: the weights of its linear layers are packed once, in the order in which matrix products
 * read them, and kept until `dispose`, besides the encoder's own. All other parameters are read from the encoder in
 * each call.
 *
 * The weights are not packed again when they change: after a weight was written to, `encode` throws. Make another
 * `InferenceEncoder` then.
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

  /** Frees the memory of the packed weights; the encoder stays as it is. */
  dispose(): void {
    this.packed.dispose();
  }
}
