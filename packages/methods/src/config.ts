import type { Tokenizer } from "@splitmask/tokenizer";
import type { VisionTransformer, VisionTransformerConfig } from "@splitmask/vit";
import { type PatchSplitOptions, type SplitSampler, sampleSplits } from "./splits.js";

/** The decoder's open points. */
export interface SplitMaskDecoderOptions {
  /** Transformer blocks. Default 2, the paper's. */
  readonly depth?: number;
  /** Attention heads. Default: the encoder's; the paper does not say. */
  readonly heads?: number;
  /** Hidden width of the MLPs as a multiple of the width. Default: the encoder's. */
  readonly mlpRatio?: number;
  /** `"shared"`: mask tokens carry the encoder's positions; `"own"`: a table of the decoder's. Default `"shared"`. */
  readonly positions?: "shared" | "own";
  /** Add positions to the visible tokens once more, as MAE does. Default false. */
  readonly addPositionsToVisible?: boolean;
  /** LayerScale's first value; null: none. Default: the encoder's. */
  readonly layerScale?: number | null;
  /** Drop path of the last block. Default 0: the encoder's is inherited from BEiT, which has no decoder. */
  readonly dropPath?: number;
  /** Last layer norm, before the vocabulary head and the descriptor. Default true. */
  readonly finalNorm?: boolean;
}

/** Sizes of a projection head. */
export interface SplitMaskProjectionOptions {
  /** Width of the hidden layer. */
  readonly hidden: number;
  /** Width of what is matched. */
  readonly output: number;
}

/**
 * SplitMask's options. Where the paper (arXiv 2112.10740) is silent, the default is this project's decision and another
 * reading is one option away.
 */
export interface SplitMaskConfig {
  /**
   * The encoder: a config (`vit("small", …)`), or a model made before. In a config, drop path defaults to 0.1 (BEiT's),
   * no class token, no LayerScale, learned positions, a final norm.
   */
  readonly encoder: VisionTransformerConfig | VisionTransformer;
  /** Gives the words of the patches; its view of the pictures has `grid × patchSize` pixels. */
  readonly tokenizer: Tokenizer;
  /** The decoder. */
  readonly decoder?: SplitMaskDecoderOptions;
  /** How patches are split between the branches. */
  readonly split?: PatchSplitOptions;
  /** Draws the splits. Default `sampleSplits`. */
  readonly splitSampler?: SplitSampler;
  /** Factor of the inpainting loss. Default 1. */
  readonly inpaintWeight?: number;
  /** Factor of the matching loss; 0 leaves it out. Default 1. */
  readonly matchWeight?: number;
  /**
   * `"patches"`: mean over all hidden patches of both branches; `"branches"`: mean of the two branches' means. They
   * differ where the branches differ in length. Default `"patches"`.
   */
  readonly inpaintAverage?: "patches" | "branches";
  /** τ of InfoNCE. Default 0.2, the paper's. */
  readonly temperature?: number;
  /** Bring descriptors to unit length before they are matched. Default true. */
  readonly normalizeDescriptors?: boolean;
  /** Negatives: `"other"` branch of the other pictures (N − 1), or `"both"` branches (2N − 2). Default `"other"`. */
  readonly negatives?: "other" | "both";
  /** A projection head on the descriptors: linear, GELU, linear; null: none. Default null. */
  readonly projection?: SplitMaskProjectionOptions | null;
  /** Label smoothing of the inpainting loss. Default 0. */
  readonly smoothing?: number;
  /** Draws the first weights. Default 0. */
  readonly seed?: number;
}

/**
 * A config with the plain defaults filled in; encoder, decoder and split are resolved against each other by
 * `SplitMask`.
 */
export type ResolvedSplitMaskConfig = Required<Omit<SplitMaskConfig, "encoder" | "decoder" | "split">>;

/**
 * Fills in the defaults and checks the numbers.
 *
 * @throws RangeError If a weight is negative, both are 0, or an option has an unknown value.
 */
export function resolveSplitMaskConfig(config: SplitMaskConfig): ResolvedSplitMaskConfig {
  const { encoder: _encoder, decoder: _decoder, split: _split, ...rest } = config;
  const resolved: ResolvedSplitMaskConfig = {
    splitSampler: sampleSplits,
    inpaintWeight: 1,
    matchWeight: 1,
    inpaintAverage: "patches",
    temperature: 0.2,
    normalizeDescriptors: true,
    negatives: "other",
    projection: null,
    smoothing: 0,
    seed: 0,
    ...rest,
  };
  const { inpaintWeight, matchWeight, inpaintAverage, negatives } = resolved;
  if (!(inpaintWeight >= 0 && matchWeight >= 0 && inpaintWeight + matchWeight > 0)) {
    throw new RangeError(
      `SplitMask: inpaintWeight is ${inpaintWeight} and matchWeight is ${matchWeight}; ` +
        "expected numbers ≥ 0, one of them positive.",
    );
  }
  if (inpaintAverage !== "patches" && inpaintAverage !== "branches") {
    throw new RangeError(
      `SplitMask: inpaintAverage is "${inpaintAverage}"; expected "patches" or "branches".`,
    );
  }
  if (negatives !== "other" && negatives !== "both") {
    throw new RangeError(`SplitMask: negatives is "${negatives}"; expected "other" or "both".`);
  }
  return resolved;
}
