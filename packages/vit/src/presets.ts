/** What a preset fixes. */
export interface VisionTransformerShape {
  /** D, the width of a token. */
  readonly width: number;
  /** How many transformer blocks. */
  readonly depth: number;
  /** Attention heads; a divisor of the width. */
  readonly heads: number;
}

/** Width, depth and heads of the usual models. */
export const visionTransformerPresets: Readonly<Record<VisionTransformerPreset, VisionTransformerShape>> = {
  /** ViT-Ti: about 5.5 million parameters. */
  tiny: { width: 192, depth: 12, heads: 3 },
  /** ViT-S: about 22 million parameters. */
  small: { width: 384, depth: 12, heads: 6 },
  /** ViT-B: about 86 million parameters. */
  base: { width: 768, depth: 12, heads: 12 },
};

/** The name of a preset. */
export type VisionTransformerPreset = "tiny" | "small" | "base";
