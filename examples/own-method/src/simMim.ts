import * as autograd from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import {
  type CommonSettings,
  contradiction,
  type Decided,
  defineMethod,
  encoderConfig,
  field,
  paintedPanels,
} from "@splitmask/methods";
import * as nn from "@splitmask/nn";
import { VisionTransformer } from "@splitmask/vit";
import { z } from "zod";

const fields = {
  maskRatio: field(z.number().gt(0).lt(1), {
    description: "Share of the squares that are hidden. Default: 0.6",
    placeholder: "<share>",
  }),
  maskPatch: field(z.int().positive(), {
    description: "Side of a square that is hidden, in pixels. Default: about a seventh of the picture",
    placeholder: "<pixels>",
  }),
};
type Settings = CommonSettings & Decided<typeof fields>;

/** Hides squares, drawn from (seed, step, place in the batch) alone: the patches outside and inside, int32 B×K. */
function drawSquares(device: Device, pictures: number, settings: Settings, context: nn.ForwardContext) {
  const { imageSize, maskPatch, maskRatio, patch } = settings;
  const [columns, across, side] = [imageSize / patch, imageSize / maskPatch, maskPatch / patch];
  const square = (at: number) => Math.floor(at / columns / side) * across + Math.floor((at % columns) / side);
  const places = Array.from({ length: columns ** 2 }, (_, place) => place);
  const count = Math.min(Math.ceil(maskRatio * across ** 2), across ** 2 - 1);
  const drawn = Array.from({ length: pictures }, (_, picture) => {
    const key = { seed: context.seed, step: context.step, sample: (context.samples?.first ?? 0) + picture };
    const order = new autograd.RandomStream({ ...key, purpose: "simmim.squares" }).permutation(across ** 2);
    return new Set(order.subarray(0, count));
  });
  const those = (isHidden: boolean) => {
    const rows = drawn.map((hidden) => places.filter((place) => hidden.has(square(place)) === isHidden));
    return autograd.tensor(device, rows, undefined, { dtype: "int32" });
  };
  return { visible: those(false), hidden: those(true) };
}

/** The encoder, the token that stands for a hidden patch, and one linear layer that predicts its pixels. */
class SimMimModel extends nn.Module {
  readonly encoder: VisionTransformer;
  readonly mask_token: nn.Parameter;
  readonly decoder: nn.Linear;
  readonly settings: Settings;

  constructor(device: Device, settings: Settings) {
    super();
    const { patch, seed, width } = settings;
    const [draw, outFeatures] = [nn.truncatedNormalInitializer(0.02), 3 * patch ** 2];
    this.settings = settings;
    this.encoder = new VisionTransformer(device, encoderConfig(settings), { seed });
    this.mask_token = nn.Parameter.begin(device, () =>
      draw(device, [1, 1, width], { seed, purpose: "mask_token" }),
    );
    this.decoder = new nn.Linear(device, { inFeatures: width, outFeatures, seed, purpose: "decoder" });
  }

  /** B×3×S×S → patches B×N×3P², the places of those seen and hidden, and B×K×3P² predicted for the hidden ones. */
  forward(images: autograd.Tensor, context: nn.ForwardContext) {
    const places = drawSquares(images.device, images.shape[0]!, this.settings, context);
    const tokens = this.encoder.encodeMasked(images, { ...places, token: this.mask_token }, context);
    const predicted = this.decoder.forward(autograd.gatherTokens(tokens, places.hidden), context);
    return { ...places, predicted, patches: nn.patchify(images, this.settings.patch) };
  }
}

/** SimMIM: squares of a picture are hidden, and one linear layer behind the encoder predicts their pixels. */
export default defineMethod({
  ...{ name: "simmim", title: "SimMIM", paper: "Xie et al. 2022, arXiv 2111.09886", fields },
  recipe: {
    learningRate: { value: 8e-4, batch: 2048, width: 768 }, // section 4.1 of the paper, and its code for ViT-B
    ...{ peakToMinimum: Number.POSITIVE_INFINITY, warmupShare: 20 / 800, betas: [0.9, 0.999] },
    ...{ weightDecay: 0.05, clip: 5, dropPath: 0.1, cropScale: 0.67, colorsForFew: false },
  },
  decide(given, { imageSize, patch }, decisions) {
    const possible = [1, 2, 4]
      .map((n) => n * patch)
      .filter((side) => side < imageSize && imageSize % side === 0);
    const far = (side: number) => Math.abs(side - imageSize / 7); // the paper hides 32 of 224 pixels
    const usual = possible.toSorted((a, b) => far(a) - far(b))[0] ?? imageSize;
    const maskPatch = decisions.take("squares", given.maskPatch, usual, "near the paper's 32 of 224 pixels");
    const maskRatio = decisions.take("hidden", given.maskRatio, 0.6, "the paper's share");
    if (!possible.includes(maskPatch))
      throw contradiction("maskPatch", `${maskPatch} of ${imageSize} pixels; use ${possible.join(" or ")}`);
    return { maskRatio, maskPatch };
  },
  create(device, settings) {
    const model = new SimMimModel(device, settings);
    return {
      ...{ name: "simmim", model },
      loss({ views: [images] }, context) {
        const { hidden, patches, predicted } = model.forward(images!, context);
        const pixels = autograd.mean(
          autograd.absolute(autograd.subtract(predicted, autograd.gatherTokens(patches, hidden))),
        );
        return { total: pixels, parts: { pixels } };
      },
    };
  },
  figures: { pixels: { title: "Error of the hidden pixels", caption: "Mean absolute error." } },
  look: ({ model }, request) => ({
    title: "Hidden squares, and the pixels predicted for them",
    lead: "The encoder sees a token in place of each hidden patch, and predicts the pixels of the patch.",
    note: "One linear layer predicts each patch, so that edges of patches show.",
    words: null,
    panels: paintedPanels(request, (images, context) => {
      const { patches, ...painting } = model.forward(images, context);
      return { ...painting, seen: autograd.gatherTokens(patches, painting.visible) };
    }),
  }),
});
