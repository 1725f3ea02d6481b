import { noGrad, scope } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import { patchify } from "@splitmask/nn";
import { discreteVaePatch } from "@splitmask/tokenizer";
import { DiscreteVae } from "./discreteVae.js";
import { discreteVaeFields } from "./discreteVaeFields.js";
import type { FigureNotes } from "./figureNotes.js";
import type { LookRequest, Looks } from "./looks.js";
import type { CommonSettings } from "./method.js";
import { contradiction, type Decisions } from "./settings/decisions.js";
import type { Decided, Given } from "./settings/field.js";

/** A discrete VAE's own settings, decided. */
export type DiscreteVaeSettings = Decided<typeof discreteVaeFields>;

const figures: FigureNotes = {
  reconstruction: {
    title: "Reconstruction loss",
    caption: "Per pixel and channel; a likelihood may be below 0.",
  },
  divergence: {
    title: "Divergence from the uniform prior",
    caption: "In nats per word, the mean over places; 0 if all words are equally probable everywhere.",
  },
  wordEntropy: {
    title: "Entropy of the words",
    caption: "In bits, of the most probable words of a batch.",
  },
  wordPerplexity: {
    title: "Perplexity of the words",
    caption: "As many words used equally often have the same entropy.",
  },
  pixelError: {
    title: "Error of the pixels",
    caption: "Root mean squared error of pictures made of their most probable words, in units of [−1, 1].",
  },
};

/** Pictures beside what the decoder makes of their words. */
function look(
  task: DiscreteVae,
  { batch, gallery, settings }: LookRequest<Pick<CommonSettings, "precision">>,
): Looks {
  const { device } = batch.views[0]!;
  const patches = noGrad(device, () =>
    scope(device, () => patchify(task.reconstruct(batch, settings).pictures, discreteVaePatch)),
  );
  return {
    title: "Pictures made of their words",
    lead: "The encoder gives each 8×8 pixels one word, and the decoder makes the picture of the words alone.",
    note: "A good tokenizer keeps shapes and colors; fine texture is lost.",
    panels: [{ caption: "reconstructed", patches, places: null, share: null }],
    words: { tokenizer: task.tokenizer, pictures: gallery.map(({ views }) => views[0]!) },
  };
}

/** What a discrete VAE trains with where nothing is given. */
export interface DiscreteVaeRecipe {
  /** The peak learning rate. */
  readonly learningRate: number;
  /** The peak learning rate over the one at the end. */
  readonly peakToMinimum: number;
  /** Warm-up as a share of the steps. */
  readonly warmupShare: number;
  /** AdamW's weight decay. */
  readonly weightDecay: number;
  /** Largest norm of the gradient. */
  readonly clip: number;
  /** Decay of the moving average of the weights. */
  readonly ema: number;
  /** Smallest area of the random resized crop, as a share of the picture. */
  readonly cropScale: number;
}

/** A method that trains a tokenizer. */
export interface TokenizerMethod {
  /** Its name in `config.json` and checkpoints. */
  readonly name: string;
  /** Its displayed name. */
  readonly title: string;
  /** Where it comes from. */
  readonly paper: string;
  /** Its own settings. */
  readonly fields: typeof discreteVaeFields;
  /** What it trains with where nothing is given. */
  readonly recipe: DiscreteVaeRecipe;
  /**
   * Decides its own settings.
   *
   * @param given The settings that are given.
   * @param facts The side of the crop, in pixels.
   * @param decisions Receives the decisions with their reasons.
   * @throws UsageError If the crop is no multiple of 8 pixels.
   */
  decide(
    given: Given<typeof discreteVaeFields>,
    facts: Pick<CommonSettings, "imageSize">,
    decisions: Decisions,
  ): DiscreteVaeSettings;
  /** The model with its initial weights, and its loss. */
  create(device: Device, settings: DiscreteVaeSettings & Pick<CommonSettings, "seed">): DiscreteVae;
  /** Titles and captions of its figures. */
  readonly figures: FigureNotes;
  /** What a report shows of it. */
  look(task: DiscreteVae, request: LookRequest<Pick<CommonSettings, "precision">>): Looks;
}

/** A discrete VAE: how the tokenizer of `splitmask tokenizer fit` is trained. */
export const discreteVaeMethod: TokenizerMethod = {
  name: "discrete-vae",
  title: "Discrete VAE",
  paper: "Ramesh et al. 2021, arXiv 2102.12092",
  fields: discreteVaeFields,
  recipe: {
    // The paper's 1e-4 is for 1,200,000 steps of 512 pictures; runs on a CPU have a thousandth of these.
    learningRate: 1e-3,
    peakToMinimum: 80,
    warmupShare: 0.02,
    weightDecay: 1e-4,
    clip: 1,
    ema: 0.999,
    cropScale: 0.2,
  },
  decide(given, { imageSize }, decisions) {
    if (imageSize % discreteVaePatch !== 0)
      throw contradiction(
        "imageSize",
        `${imageSize} is no multiple of ${discreteVaePatch}, the pixels of a word`,
      );
    return {
      vocabulary: decisions.take("vocabulary", given.vocabulary, 8192, "as in the paper"),
      hiddenWidth: decisions.take("hidden width", given.hiddenWidth, 32, "for a CPU; the paper has 256"),
      blocks: decisions.take("blocks", given.blocks, 2, "at each of four resolutions, as in the paper"),
      reconstruction: given.reconstruction ?? "logit-laplace",
      divergenceWeight: given.divergenceWeight ?? 6.6,
      divergenceShare: given.divergenceShare ?? 1 / 240,
      temperature: given.temperature ?? 1 / 16,
      temperatureShare: given.temperatureShare ?? 1 / 8,
    };
  },
  create(device, settings) {
    const { blocks, hiddenWidth: width, temperature, vocabulary: vocabularySize, ...others } = settings;
    const { divergenceShare, divergenceWeight, reconstruction, seed, temperatureShare } = others;
    return new DiscreteVae(device, {
      ...{ blocks, width, vocabularySize, reconstruction, seed },
      ...{ divergenceShare, divergenceWeight, temperature: [1, temperature], temperatureShare },
    });
  },
  figures,
  look,
};
