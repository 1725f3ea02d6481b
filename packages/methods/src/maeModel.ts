import { gatherTokens, reshape, scope, slice, type Tensor } from "@splitmask/autograd";
import { InpaintingDecoder } from "@splitmask/decoder";
import type { Device } from "@splitmask/kernels";
import { type ForwardContext, Linear, Module, type Parameter, xavierUniform } from "@splitmask/nn";
import { fixedPositions, type VisionTransformer, type VisionTransformerShape } from "@splitmask/vit";

/** Width of a head of the paper's decoder: 512 / 16. */
const headWidth = 32;

/** The paper's decoder, 512 wide and 8 deep, whatever the encoder: ours is never larger. */
const paperDecoder = { width: 512, depth: 8 } as const;

/**
 * Fills in the decoder's shape.
 *
 * The paper has 512×8 with 16 heads behind ViT-B (768×12), and behind ViT-L and ViT-H too. Ours is two thirds of the
 * encoder both ways, with heads 32 wide, and at most that: the paper's own decoder behind ViT-B and larger ones, and
 * behind a small encoder one of the same share of the work. It sees all patches and the encoder a quarter, so that
 * 512×8 behind a small encoder would take most of a step.
 *
 * @param options What is given.
 * @param encoder The encoder's shape.
 * @throws RangeError If the width is no multiple of 4 (sine-cosine positions) or of the heads.
 */
export function resolveMaskedAutoencoderDecoder(
  options: Partial<VisionTransformerShape>,
  encoder: VisionTransformerShape,
): VisionTransformerShape {
  const twoThirds = (whole: number, step: number) => Math.max(1, Math.round((2 * whole) / (3 * step))) * step;
  const width = options.width ?? Math.min(paperDecoder.width, twoThirds(encoder.width, headWidth));
  const depth = options.depth ?? Math.min(paperDecoder.depth, twoThirds(encoder.depth, 1));
  const heads = options.heads ?? Math.max(1, Math.floor(width / headWidth));
  if (width % 4 !== 0 || width % heads !== 0) {
    throw new RangeError(
      `MaskedAutoencoder: the decoder is ${width} wide with ${heads} heads; ` +
        "expected a multiple of 4, for its sine-cosine positions, and of the heads.",
    );
  }
  return { width, depth, heads };
}

/**
 * Everything that a masked autoencoder trains: `encoder.*` is what is wanted afterwards, the rest serves the pretext
 * task. Parameters: `encoder.*` (timm's names), `decoder_embed.*` D → width, `decoder_pos_embed` 1×N×width (not
 * trained), `decoder.*` (see `InpaintingDecoder`; its head reads a patch channel by channel, MAE's own pixel by pixel).
 */
export class MaskedAutoencoderModel extends Module {
  /** The vision transformer that is pre-trained. */
  readonly encoder: VisionTransformer;
  /** The encoder's width to the decoder's. */
  readonly decoder_embed: Linear;
  /** 1×N×width: the decoder's fixed sine-cosine positions, of visible and of hidden places. */
  readonly decoder_pos_embed: Parameter;
  /** The transformer that predicts hidden pixels. */
  readonly decoder: InpaintingDecoder;

  /**
   * Draws the decoder's weights as MAE does: linear ones Xavier-uniform, the mask token from N(0, 0.02²).
   *
   * @param device Where the model lives.
   * @param encoder The encoder.
   * @param shape The decoder's width, depth and heads.
   * @param options `seed`: the same seed gives the same weights.
   */
  constructor(
    device: Device,
    encoder: VisionTransformer,
    shape: VisionTransformerShape,
    { seed }: { readonly seed: number },
  ) {
    super();
    const { channels, patchSize, mlpRatio, qkvBias, epsilon, width } = encoder.config;
    const initializer = xavierUniform;
    this.encoder = encoder;
    this.decoder_embed = new Linear(device, {
      inFeatures: width,
      outFeatures: shape.width,
      seed,
      purpose: "decoder_embed",
      initializer,
    });
    this.decoder_pos_embed = fixedPositions(device, encoder.grid, shape.width);
    this.decoder = new InpaintingDecoder(
      device,
      {
        ...shape,
        mlpRatio,
        qkvBias,
        epsilon,
        patches: encoder.grid[0] * encoder.grid[1],
        outFeatures: channels * patchSize ** 2,
        addPositionsToVisible: true,
      },
      { seed, initializer },
    );
  }

  /**
   * What the model makes of the patches that it does not see.
   *
   * @param images B×C×H×W.
   * @param visible int32 B×K: the patches that the encoder sees.
   * @param hidden int32 B×(N−K): the others.
   * @param context Seed, step and precision.
   * @returns B×(N−K)×(C·P²): the hidden patches, in the scale that the loss compares.
   */
  forward(images: Tensor, visible: Tensor, hidden: Tensor, context: ForwardContext): Tensor {
    const { precision } = context;
    return scope(images.device, () => {
      const seen = this.encoder.encodeTokens(images, visible, context);
      const tokens = this.decoder_embed.forward(seen, { precision });
      const [, patches, width] = this.decoder_pos_embed.shape as readonly [number, number, number];
      const positions = reshape(this.decoder_pos_embed, [patches, width]);
      const completed = this.decoder.forward({ tokens, visible, hidden, positions }, context);
      const prefix = this.encoder.prefixTokens;
      // A class token takes part in the attention only.
      const places = prefix === 0 ? completed : slice(completed, 1, prefix);
      return this.decoder.head.forward(gatherTokens(places, hidden), { precision });
    });
  }
}
