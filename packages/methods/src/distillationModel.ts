import type { Device } from "@splitmask/kernels";
import { Mlp, Module } from "@splitmask/nn";
import type { VisionTransformer } from "@splitmask/vit";

/** What a `DistillationModel` has behind its encoder. */
export interface DistillationHeadOptions {
  /** Width of the heads' hidden layer. */
  readonly hiddenWidth: number;
  /** Width of the teacher's features. */
  readonly outWidth: number;
  /** Whether there is a head for patches. */
  readonly withPatches: boolean;
  /** Draws the first weights. */
  readonly seed: number;
}

/** The student: `encoder.*` is what is wanted, `head.*` and `patch_head.*` predict the teacher's features. */
export class DistillationModel extends Module {
  /** The vision transformer that learns. */
  readonly encoder: VisionTransformer;
  /** The feature of the whole picture: D → hidden → the teacher's width. */
  readonly head: Mlp;
  /** The same for the tokens of patches; null: they are not learned. */
  readonly patch_head: Mlp | null;

  /** Puts the heads behind an encoder. */
  constructor(device: Device, encoder: VisionTransformer, options: DistillationHeadOptions) {
    super();
    const { hiddenWidth, outWidth, seed, withPatches } = options;
    const makeHead = (purpose: string) =>
      new Mlp(device, { width: encoder.config.width, hiddenWidth, outWidth, seed, purpose });
    this.encoder = encoder;
    this.head = makeHead("head");
    this.patch_head = withPatches ? makeHead("patch_head") : null;
  }
}
