import type { Activation } from "@splitmask/nn";
import { type VisionTransformerPreset, visionTransformerPresets } from "./presets.js";

/** The shape of a `VisionTransformer`. */
export interface VisionTransformerConfig {
  /**
   * Side of the pictures in pixels, or [height, width]; multiples of the patch size. Other sizes can be given to
   * `forward`: positions are interpolated.
   */
  readonly imageSize: number | readonly [height: number, width: number];
  /** P, the side of a patch in pixels. */
  readonly patchSize: number;
  /** D, the width of a token. */
  readonly width: number;
  /** How many transformer blocks. */
  readonly depth: number;
  /** Attention heads; a divisor of the width. */
  readonly heads: number;
  /** Hidden width of the MLPs as a multiple of the width. Default 4. */
  readonly mlpRatio?: number;
  /** Channels of the pictures. Default 3. */
  readonly channels?: number;
  /** Whether a learned class token goes first. Default false. */
  readonly classToken?: boolean;
  /**
   * R, how many learned tokens without a place go between the class token and the patches (Darcet et al. 2024), as in
   * DINOv2 with registers; their outputs are looked at by nobody but the blocks. Default 0.
   */
  readonly registerTokens?: number;
  /**
   * Which of the tokens before those of the patches have an entry in `pos_embed`: the `"class"` token; `"all"`,
   * register tokens too (as a distilled DeiT's second token); or `"none"` (timm's `no_embed_class`). Default `"class"`.
   */
  readonly prefixPositions?: "class" | "all" | "none";
  /** Whether the embedded tokens get a layer norm before the first block, as in CLIP. Default false. */
  readonly preNorm?: boolean;
  /** The activation of the MLPs. Default `"gelu"`. */
  readonly activation?: Activation;
  /** First value of the blocks' LayerScale, e.g. 0.1; null: none. Default null. */
  readonly layerScale?: number | null;
  /**
   * Drop path (stochastic depth) of the last block; it rises linearly from 0 at the first (so that a single block has
   * none, as in timm). Default 0.
   */
  readonly dropPath?: number;
  /** Whether query, key and value have biases. Default true. */
  readonly qkvBias?: boolean;
  /** Added to the variance in layer norms. Default 1e-6. */
  readonly epsilon?: number;
  /**
   * `"learned"` positions (normal, standard deviation 0.02), or fixed sine-cosine ones: `"sincos"`, MAE's, or
   * `"sincosRowFirst"`, MoCo v3's; or `"none"`, as BEiT's code has beside a relative position bias. All but none are
   * saved alike, so that a model with learned ones goes on from fixed ones. Default `"learned"`.
   */
  readonly positions?: "learned" | "sincos" | "sincosRowFirst" | "none";
  /**
   * `"shared"`: a learned number for each head and each distance between two patches is added to the scores of every
   * block's attention, as in BEiT's pre-training; see `RelativePositionBias`. Such attention is composed of several
   * operations and keeps heads×N×N probabilities a picture and block for the backward pass. Default `"none"`.
   */
  readonly relativePositionBias?: "none" | "shared";
  /** Whether the tokens get a last layer norm. Default true. */
  readonly finalNorm?: boolean;
}

/** A config with every default filled in. */
export type ResolvedVisionTransformerConfig = Required<VisionTransformerConfig> & {
  /** [height, width] in pixels. */
  readonly imageSize: readonly [height: number, width: number];
};

/**
 * The config of a usual model: `vit("small", { imageSize: 64, patchSize: 8 })`.
 *
 * @param preset `"tiny"`, `"small"` or `"base"`.
 * @param options Anything else, or other values than the preset's. Image size 224 and patch size 16 unless given.
 * @throws RangeError If there is no such preset.
 */
export function vit(
  preset: VisionTransformerPreset,
  options: Partial<VisionTransformerConfig> = {},
): VisionTransformerConfig {
  const shape = visionTransformerPresets[preset];
  if (shape === undefined) {
    throw new RangeError(
      `vit: there is no preset "${preset}"; ` +
        `expected one of ${Object.keys(visionTransformerPresets).join(", ")}. ` +
        "For another size write the config { width, depth, heads, … } itself.",
    );
  }
  return { imageSize: 224, patchSize: 16, ...shape, ...options };
}

/**
 * Fills in the defaults and checks that everything fits.
 *
 * @throws RangeError If a number is out of range, the picture is no multiple of the patch, or the heads do not divide
 *   the width.
 */
export function resolveVisionTransformerConfig(
  config: VisionTransformerConfig,
): ResolvedVisionTransformerConfig {
  const { imageSize, ...rest } = config;
  const resolved: ResolvedVisionTransformerConfig = {
    mlpRatio: 4,
    channels: 3,
    classToken: false,
    registerTokens: 0,
    prefixPositions: "class",
    preNorm: false,
    activation: "gelu",
    layerScale: null,
    dropPath: 0,
    qkvBias: true,
    epsilon: 1e-6,
    positions: "learned",
    relativePositionBias: "none",
    finalNorm: true,
    ...rest,
    imageSize: typeof imageSize === "number" ? [imageSize, imageSize] : imageSize,
  };
  const { patchSize, width, depth, heads, channels, dropPath, positions, relativePositionBias } = resolved;
  const { activation, prefixPositions, registerTokens } = resolved;
  for (const [name, value] of Object.entries({ patchSize, width, depth, heads, channels })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new RangeError(`VisionTransformer: ${name} is ${value}; expected a whole number from 1.`);
    }
  }
  gridOf(resolved.imageSize, patchSize);
  if (width % heads !== 0) {
    throw new RangeError(
      `VisionTransformer: the width ${width} is no multiple of the ${heads} heads. ` +
        "Choose heads that divide the width, e.g. width / 64.",
    );
  }
  if (!(dropPath >= 0 && dropPath < 1)) {
    throw new RangeError(`VisionTransformer: dropPath is ${dropPath}; expected a number in [0, 1).`);
  }
  if (!["learned", "sincos", "sincosRowFirst", "none"].includes(positions)) {
    throw new RangeError(
      `VisionTransformer: positions are "${positions}"; expected "learned", "sincos", "sincosRowFirst" or "none".`,
    );
  }
  if (relativePositionBias !== "none" && relativePositionBias !== "shared") {
    throw new RangeError(
      `VisionTransformer: relativePositionBias is "${relativePositionBias}"; expected "none" or "shared".`,
    );
  }
  if (!(Number.isInteger(registerTokens) && registerTokens >= 0)) {
    throw new RangeError(
      `VisionTransformer: registerTokens is ${registerTokens}; expected a whole number from 0.`,
    );
  }
  if (registerTokens > 0 && relativePositionBias !== "none") {
    throw new RangeError(
      "VisionTransformer: register tokens have no place, and a relative position bias has no distances for them. " +
        'Leave out registerTokens, or use relativePositionBias: "none".',
    );
  }
  if (!["class", "all", "none"].includes(prefixPositions)) {
    throw new RangeError(
      `VisionTransformer: prefixPositions is ${JSON.stringify(prefixPositions)}; expected "class", "all" or "none".`,
    );
  }
  if (activation !== "gelu" && activation !== "quickGelu") {
    throw new RangeError(
      `VisionTransformer: activation is ${JSON.stringify(activation)}; expected "gelu" or "quickGelu".`,
    );
  }
  if (positions.startsWith("sincos") && width % 4 !== 0) {
    throw new RangeError(
      `VisionTransformer: sincos positions need a width that is a multiple of 4, and it is ${width}.`,
    );
  }
  return resolved;
}

/**
 * How many patches a picture has: [rows, columns].
 *
 * @throws RangeError If height or width is no multiple of the patch size.
 */
export function gridOf(
  imageSize: readonly [height: number, width: number],
  patchSize: number,
): readonly [rows: number, columns: number] {
  const [height, width] = imageSize;
  if (!(height >= patchSize && width >= patchSize) || height % patchSize !== 0 || width % patchSize !== 0) {
    const nearest = (side: number) => Math.max(1, Math.round(side / patchSize)) * patchSize;
    throw new RangeError(
      `VisionTransformer: pictures of ${height}×${width} pixels are not made of whole patches of ` +
        `${patchSize}×${patchSize}. The nearest size that is: ${nearest(height)}×${nearest(width)}.`,
    );
  }
  return [height / patchSize, width / patchSize];
}
