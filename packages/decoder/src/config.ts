/** The shape of an `InpaintingDecoder`. */
export interface InpaintingDecoderConfig {
  /** D, the width of the tokens that it is given; the encoder's in SplitMask, so that no projection is needed. */
  readonly width: number;
  /** Attention heads, usually the encoder's. */
  readonly heads: number;
  /** N, how many patches a picture has. */
  readonly patches: number;
  /** V, how many numbers are predicted for a place: a score for each visual word, or the pixels of a patch. */
  readonly outFeatures: number;
  /** How many transformer blocks. Default 2, the paper's. */
  readonly depth?: number;
  /** Hidden width of the MLPs as a multiple of the width. Default 4. */
  readonly mlpRatio?: number;
  /**
   * Whether a mask token carries a position table that `forward` is given, e.g. the encoder's (`"shared"`), or a
   * learned one of the decoder's (`"own"`). The paper does not say. Default `"shared"`.
   */
  readonly positions?: "shared" | "own";
  /**
   * Whether positions are added to the visible tokens once more, as MAE does. The paper gives them to the mask tokens
   * only. Default false.
   */
  readonly addPositionsToVisible?: boolean;
  /** First value of the blocks' LayerScale; null: none. Default null. */
  readonly layerScale?: number | null;
  /** Drop path of the last block, rising linearly from 0 at the first (so that a single block has none). Default 0. */
  readonly dropPath?: number;
  /** Whether query, key and value have biases. Default true. */
  readonly qkvBias?: boolean;
  /** Added to the variance in layer norms. Default 1e-6. */
  readonly epsilon?: number;
  /** Whether the tokens get a last layer norm before the head and the descriptor. Default true. */
  readonly finalNorm?: boolean;
}

/**
 * Fills in the defaults and checks the numbers.
 *
 * @throws RangeError If a number is out of range or the heads do not divide the width.
 */
export function resolveInpaintingDecoderConfig(
  config: InpaintingDecoderConfig,
): Required<InpaintingDecoderConfig> {
  const resolved = {
    depth: 2,
    mlpRatio: 4,
    positions: "shared",
    addPositionsToVisible: false,
    layerScale: null,
    dropPath: 0,
    qkvBias: true,
    epsilon: 1e-6,
    finalNorm: true,
    ...config,
  } as const;
  const { width, heads, patches, outFeatures, depth, dropPath } = resolved;
  for (const [name, value] of Object.entries({ width, heads, patches, outFeatures, depth })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new RangeError(`InpaintingDecoder: ${name} is ${value}; expected a whole number from 1.`);
    }
  }
  if (width % heads !== 0) {
    throw new RangeError(
      `InpaintingDecoder: the width ${width} is no multiple of the ${heads} heads. ` +
        "Choose heads that divide the width, e.g. the encoder's.",
    );
  }
  if (!(dropPath >= 0 && dropPath < 1)) {
    throw new RangeError(`InpaintingDecoder: dropPath is ${dropPath}; expected a number in [0, 1).`);
  }
  return resolved;
}
