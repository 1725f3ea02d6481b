import {
  add,
  concatenate,
  gatherTokens,
  reshape,
  scatterTokens,
  slice,
  type Tensor,
  truncatedNormal,
} from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import {
  type ForwardContext,
  forwardTransformer,
  type Initializer,
  inference,
  LayerNorm,
  Linear,
  Module,
  Parameter,
  type TransformerBlock,
  transformerBlocks,
} from "@splitmask/nn";
import { type InpaintingDecoderConfig, resolveInpaintingDecoderConfig } from "./config.js";

/** What an `InpaintingDecoder` reads. */
export interface InpaintingDecoderInput {
  /** B×(C+K)×D: the encoder's tokens of the visible patches, after C class and register tokens, which pass through. */
  readonly tokens: Tensor;
  /** int32 B×K: the visible patches' places. */
  readonly visible: Tensor;
  /** int32 B×(N−K): the hidden patches' places; together with `visible` every place once. */
  readonly hidden: Tensor;
  /** N×D: positions, e.g. the encoder's, for `positions: "shared"`. */
  readonly positions?: Tensor;
}

/**
 * The shallow decoder of SplitMask (arXiv 2112.10740, section 3): the encoder's outputs for the patches that a branch
 * saw are completed with mask tokens that carry the
 * positions of the others, and a few transformer blocks make tokens of all N places; a linear head predicts visual
 * words from those at hidden places.
 *
 * With the pixels of a patch instead of words it is MAE's decoder (He et al. 2021).
 *
 * Parameters: `mask_token` 1×1×D, perhaps `pos_embed` 1×N×D, `blocks.…`, `norm.…`, `head.weight` V×D, `head.bias` V.
 */
export class InpaintingDecoder extends Module {
  /** The config with its defaults filled in. */
  readonly config: Required<InpaintingDecoderConfig>;
  /** 1×1×D: stands where a patch is hidden. */
  readonly mask_token: Parameter;
  /** 1×N×D: own positions, or null. */
  readonly pos_embed: Parameter | null;
  /** The transformer blocks. */
  readonly blocks: readonly TransformerBlock[];
  /** The last layer norm, or null. */
  readonly norm: LayerNorm | null;
  /**
   * D → V: scores of the visual words, or pixels. `forward` does not call it: see `inpaintLossFromTokens` of
   * `@splitmask/losses`.
   */
  readonly head: Linear;

  /**
   * Draws the weights: linear ones, positions and the mask token from N(0, 0.02²), biases 0, norms 1.
   *
   * @param device Where the decoder lives.
   * @param config Its shape.
   * @param options `seed`: the same seed gives the same weights, default 0; `initializer`: draws the linear weights.
   * @throws RangeError If the config's numbers do not fit each other.
   */
  constructor(
    device: Device,
    config: InpaintingDecoderConfig,
    options: { readonly seed?: number; readonly initializer?: Initializer } = {},
  ) {
    super();
    const { seed = 0, ...drawn } = options;
    const resolved = resolveInpaintingDecoderConfig(config);
    const { width, patches, outFeatures, positions } = resolved;
    this.config = resolved;
    const draw = (shape: number[], name: string) => {
      const key = { seed, purpose: `decoder.${name}` };
      return Parameter.begin(device, () => truncatedNormal(device, shape, { standardDeviation: 0.02, key }));
    };
    this.mask_token = draw([1, 1, width], "mask_token");
    this.pos_embed = positions === "own" ? draw([1, patches, width], "pos_embed") : null;
    this.blocks = transformerBlocks(device, { ...resolved, ...drawn, seed, purpose: "decoder.blocks" });
    this.norm = resolved.finalNorm ? new LayerNorm(device, { width, epsilon: resolved.epsilon }) : null;
    this.head = new Linear(device, {
      inFeatures: width,
      outFeatures,
      seed,
      ...drawn,
      purpose: "decoder.head",
    });
  }

  /**
   * Tokens of every place of each picture, visible and hidden.
   *
   * @param input The encoder's tokens and where they belong.
   * @param context Default: inference.
   * @returns B×(C+N)×D after the last norm, class and register tokens first.
   * @throws RangeError If the shapes do not fit each other or the config.
   */
  forward(input: InpaintingDecoderInput, context: ForwardContext = inference): Tensor {
    return forwardTransformer(input.tokens.device, this, () => this.#complete(input), context);
  }

  /** Visible tokens and mask tokens, each at its place. */
  #complete({ tokens, visible, hidden, positions }: InpaintingDecoderInput): Tensor {
    const { width, patches, addPositionsToVisible } = this.config;
    const [batch = 0, length = 0] = tokens.shape;
    const [, count = 0] = visible.shape;
    const prefix = length - count;
    if (
      tokens.rank !== 3 ||
      tokens.shape[2] !== width ||
      visible.rank !== 2 ||
      hidden.rank !== 2 ||
      visible.shape[0] !== batch ||
      hidden.shape[0] !== batch ||
      count + hidden.shape[1]! !== patches ||
      prefix < 0
    ) {
      throw new RangeError(
        `InpaintingDecoder: tokens are ${tokens.shape.join("×")}, ` +
          `visible ${visible.shape.join("×")} and hidden ${hidden.shape.join("×")}; ` +
          `expected B×K×${width} (with class and register tokens before them B×(C+K)×${width}), B×K and ` +
          `B×(${patches}−K).`,
      );
    }
    const table = this.#positionTable(positions);
    const masks = add(gatherTokens(table, hidden), this.mask_token);
    let seen = prefix === 0 ? tokens : slice(tokens, 1, prefix, length);
    if (addPositionsToVisible) seen = add(seen, gatherTokens(table, visible));
    const completed = add(scatterTokens(seen, visible, patches), scatterTokens(masks, hidden, patches));
    return prefix === 0 ? completed : concatenate([slice(tokens, 1, 0, prefix), completed], 1);
  }

  #positionTable(given: Tensor | undefined): Tensor {
    const { width, patches } = this.config;
    if (this.pos_embed !== null) return reshape(this.pos_embed, [patches, width]);
    if (given === undefined || given.rank !== 2 || given.shape[0] !== patches || given.shape[1] !== width) {
      throw new RangeError(
        `InpaintingDecoder: positions are ${given?.shape.join("×") ?? "missing"}; ` +
          `expected a table ${patches}×${width}, e.g. encoder.patchPositions(), ` +
          'because this decoder shares it. For a table of its own make it with positions: "own".',
      );
    }
    return given;
  }
}
