import type { Device } from "@splitmask/kernels";
import { Linear, Module, Parameter, truncatedNormalInitializer } from "@splitmask/nn";
import type { VisionTransformer } from "@splitmask/vit";

/** What a `BeitModel` has behind its encoder. */
export interface BeitHeadOptions {
  /** V, how many visual words there are. */
  readonly vocabularySize: number;
  /** Draws the first weights. */
  readonly seed: number;
}

/**
 * Everything that BEiT trains: `encoder.*` is what is wanted afterwards, `mask_token` and `lm_head.*` (the names of
 * BEiT's code) serve the pretext task.
 */
export class BeitModel extends Module {
  /** The vision transformer that is pre-trained. */
  readonly encoder: VisionTransformer;
  /** 1×1×D: what stands for the embedding of a hidden patch. */
  readonly mask_token: Parameter;
  /** D → V. */
  readonly lm_head: Linear;

  /** Puts token and head beside an encoder, drawn from N(0, 0.02²) cut at ±0.02; the head's bias begins at 0. */
  constructor(device: Device, encoder: VisionTransformer, { vocabularySize, seed }: BeitHeadOptions) {
    super();
    const { width } = encoder.config;
    const initializer = truncatedNormalInitializer(0.02, 0.02);
    this.encoder = encoder;
    this.mask_token = Parameter.begin(device, () =>
      initializer(device, [1, 1, width], { seed, purpose: "mask_token" }),
    );
    this.lm_head = new Linear(device, {
      ...{ inFeatures: width, outFeatures: vocabularySize },
      ...{ initializer, seed, purpose: "lm_head" },
    });
  }
}
