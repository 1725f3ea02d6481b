import type { InpaintingDecoder } from "@splitmask/decoder";
import { Module } from "@splitmask/nn";
import type { VisionTransformer } from "@splitmask/vit";
import type { DescriptorProjection } from "./descriptorProjection.js";

/**
 * Everything that SplitMask trains: `encoder.*` is what is wanted afterwards, `decoder.*` (and `projection.*`) serve
 * the pretext task.
 */
export class SplitMaskModel extends Module {
  /** The vision transformer that is pre-trained. */
  readonly encoder: VisionTransformer;
  /** The shallow transformer that predicts hidden words, with the vocabulary head. */
  readonly decoder: InpaintingDecoder;
  /** The head on the descriptors, or null. */
  readonly projection: DescriptorProjection | null;

  /** Puts the parts together. */
  constructor(
    encoder: VisionTransformer,
    decoder: InpaintingDecoder,
    projection: DescriptorProjection | null,
  ) {
    super();
    this.encoder = encoder;
    this.decoder = decoder;
    this.projection = projection;
  }
}
