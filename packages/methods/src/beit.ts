import type { ImageBatch } from "@splitmask/augmentation";
import { gatherIntegers, gatherTokens, mean, noGrad, scope, slice, type Tensor } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import { inpaintLossFromTokens } from "@splitmask/losses";
import type { ForwardContext } from "@splitmask/nn";
import type { Tokenizer } from "@splitmask/tokenizer";
import type { HealthAlarm, TaskLoss, TrainingTask } from "@splitmask/trainer";
import type { VisionTransformer, VisionTransformerConfig } from "@splitmask/vit";
import { z } from "zod";
import { BeitModel } from "./beitModel.js";
import {
  type BlockOptions,
  beitBlocks,
  type DrawRequest,
  drawPatchSets,
  resolveBlocks,
} from "./blockMask.js";
import { descriptorSpread, singleFeatureAlarm } from "./descriptorSpread.js";
import { encoderConfig, encoderView, givenEncoder } from "./encoderSettings.js";
import { spreadFigures, wordFigures } from "./figureNotes.js";
import {
  type BranchPrediction,
  encoderAndTokenizerViews,
  mostProbableWords,
  varietyAlarm,
  withPreparedWords,
  wordsOf,
  wordVariety,
} from "./hiddenWords.js";
import type { CommonSettings, Method } from "./method.js";
import { contradiction } from "./settings/decisions.js";
import { type Decided, field } from "./settings/field.js";
import { decideTokenizer } from "./tokenizerDecisions.js";
import { tokenizerFields } from "./tokenizerFields.js";
import { tokenizerPreparation, tokenizerView } from "./tokenizerPreparation.js";
import { examineTokenizer } from "./tokenizerReference.js";
import { wordLooks } from "./wordLooks.js";

/** BEiT's block-wise mask. */
export interface BeitMaskOptions extends BlockOptions {
  /** Share of the patches that is masked, in (0, 0.5]. Default 75/196, "approximately 40 %" in BEiT's paper. */
  readonly ratio?: number;
}

/** Mask options with every number filled in. */
export interface ResolvedBeitMaskOptions extends Required<BeitMaskOptions> {
  /** Patches in a column of the grid. */
  readonly rows: number;
  /** Patches in a row of the grid. */
  readonly columns: number;
  /** How many patches of each picture are masked. */
  readonly hiddenCount: number;
}

/** The patches of each picture that the encoder sees, and those that it does not. */
export interface PatchMasks {
  /** int32 B×(N−M), rising. */
  readonly visible: Tensor;
  /** int32 B×M, rising. */
  readonly hidden: Tensor;
}

/** Draws masks; give your own to `Beit` for fixed ones. */
export type MaskSampler = (
  device: Device,
  request: DrawRequest & { readonly mask: ResolvedBeitMaskOptions },
) => PatchMasks;

/** BEiT's options. */
export interface BeitConfig {
  /**
   * The encoder: a config (`vit("base", …)`), or a model made before. In a config, drop path defaults to 0.1 and the
   * first weights are BEiT's. For the paper's words: learned positions and a class token; for those of BEiT's code:
   * `{ classToken: true, positions: "none", relativePositionBias: "shared", layerScale: 0.1 }`.
   */
  readonly encoder: VisionTransformerConfig | VisionTransformer;
  /** Gives the words of the patches; its view of the pictures has `grid × patchSize` pixels. */
  readonly tokenizer: Tokenizer;
  /** How many patches are masked, and in which blocks. */
  readonly mask?: BeitMaskOptions;
  /** Draws the masks. Default `sampleBlockMasks`. */
  readonly maskSampler?: MaskSampler;
  /** Label smoothing. Default 0. */
  readonly smoothing?: number;
  /** Draws the first weights. Default 0. */
  readonly seed?: number;
}

/** A config with the plain defaults filled in; encoder and mask are resolved against each other by `Beit`. */
export type ResolvedBeitConfig = Required<Omit<BeitConfig, "encoder" | "mask">>;

/** Fills in the plain defaults. */
export function resolveBeitConfig({
  encoder: _encoder,
  mask: _mask,
  ...given
}: BeitConfig): ResolvedBeitConfig {
  return { maskSampler: sampleBlockMasks, smoothing: 0, seed: 0, ...given };
}

/** The share of the patches that BEiT masks. */
const usualRatio = beitBlocks.masked / beitBlocks.patches;

/** How many patches are masked. */
function countHidden(patches: number, ratio: number): number {
  return Math.min(Math.floor(patches / 2), Math.round(patches * ratio));
}

/**
 * Fills in the defaults of a mask for a grid.
 *
 * @throws RangeError If the grid cannot be masked so; the text says which option to change.
 */
export function resolveBeitMaskOptions(
  options: BeitMaskOptions,
  grid: readonly [rows: number, columns: number],
): ResolvedBeitMaskOptions {
  const [rows, columns] = grid;
  const patches = rows * columns;
  const { ratio = usualRatio } = options;
  if (!(ratio > 0 && ratio <= 0.5)) {
    throw new RangeError(
      `Beit: mask.ratio is ${ratio}; expected a number in (0, 0.5], the share of the patches that is masked.`,
    );
  }
  const hiddenCount = countHidden(patches, ratio);
  if (hiddenCount < 1) {
    throw new RangeError(
      `Beit: ${ratio} of ${patches} patches would be masked, which is less than one. ` +
        "Use larger pictures, smaller patches or a larger ratio.",
    );
  }
  return {
    ratio,
    ...resolveBlocks("Beit: mask", options, patches, hiddenCount),
    ...{ rows, columns, hiddenCount },
  };
}

/**
 * Draws the block-wise masks of a batch from (seed, step, place in the batch) alone. BEiT's code stops where no block
 * fits any more, with at most as many patches as are wanted; here single patches make up for the rest, so that all
 * pictures have as many.
 */
export const sampleBlockMasks: MaskSampler = (device, { mask, ...request }) => {
  const options = { ...mask, mode: "block", size: mask.hiddenCount } as const;
  const { inside, outside } = drawPatchSets(device, "beit.masks", options, request);
  // The kernel draws two sets; the second is of no use here.
  const first = (both: Tensor) => slice(both, 0, 0, request.batch);
  return { visible: first(outside), hidden: first(inside) };
};

// Runs of 300 and 375 steps of a small encoder on photographs: variance at least 0.17 and rank at least 2.0; with a
// learning rate 60 times too high, where the same word is predicted everywhere, at most 0.07 and 1.5.
const alarms: readonly HealthAlarm[] = [
  {
    figure: "descriptorVariance",
    below: 0.05,
    advice:
      "The encoder's mean outputs are nearly the same for all pictures: it tells pictures apart no more. " +
      "Try a lower learning rate, a longer warm-up or a smaller clip.",
  },
  singleFeatureAlarm(1.5, "Try a lower learning rate, a longer warm-up or a longer run."),
  varietyAlarm,
];

/** A batch after the forward pass. */
interface MaskedOutputs extends PatchMasks {
  /** B×N×D: the encoder's outputs at all patches. */
  readonly patches: Tensor;
  /** B×M×D: those at the hidden places. */
  readonly hiddenTokens: Tensor;
  /** int32 B×M: the tokenizer's words of the hidden patches. */
  readonly targets: Tensor;
}

/**
 * BEiT (Bao et al. 2021, arXiv 2106.08254): blocks of patches are masked, a mask token stands for their embeddings, all
 * tokens go through the encoder, and a linear head predicts the visual words of the hidden patches.
 *
 * A batch has two views of the same crop: `views[0]` for the encoder, B×3×S×S, and `views[1]` for the tokenizer, in
 * [−1, 1] and `grid × tokenizer.patchSize` pixels a side.
 */
export class Beit implements TrainingTask<ImageBatch> {
  /** `"beit"`. */
  readonly name = "beit";
  /** What is trained and saved. */
  readonly model: BeitModel;
  /** The config with its defaults filled in. */
  readonly config: ResolvedBeitConfig;
  /** How patches are masked, with every number filled in. */
  readonly mask: ResolvedBeitMaskOptions;
  /** Signs of collapse. */
  readonly alarms: readonly HealthAlarm[] = alarms;
  readonly #device: Device;

  /**
   * Makes the encoder (unless one is given), the mask token and the head.
   *
   * @param device Where the model lives.
   * @param config See `BeitConfig`.
   * @throws RangeError If an option is out of range or does not fit the encoder's grid.
   */
  constructor(device: Device, config: BeitConfig) {
    this.#device = device;
    this.config = resolveBeitConfig(config);
    const { seed, tokenizer } = this.config;
    const encoder = givenEncoder(
      device,
      config.encoder,
      { dropPath: beitMethod.recipe.dropPath },
      { seed, initialization: "beit" },
    );
    this.mask = resolveBeitMaskOptions(config.mask ?? {}, encoder.grid);
    this.model = new BeitModel(device, encoder, { vocabularySize: tokenizer.vocabularySize, seed });
  }

  /** What the tokenizer takes for a picture apart from the device, in seconds. */
  get secondsToPrepare(): number {
    const [rows, columns] = this.model.encoder.grid;
    return rows * columns * (this.config.tokenizer.secondsPerWord ?? 0);
  }

  /** Puts words in the place of the tokenizer's view, where the tokenizer cannot be asked within a step. */
  prepare(batch: ImageBatch): Promise<ImageBatch> {
    return withPreparedWords(batch, this.config.tokenizer);
  }

  /**
   * The cross-entropy of the hidden patches' words.
   *
   * @param batch Two views of the same crops.
   * @param context Training or not, and the seed and step that masks and drop path are drawn from.
   * @returns `total`, and the same as `parts.inpaint`, as SplitMask calls it.
   */
  loss(batch: ImageBatch, context: ForwardContext): TaskLoss {
    const { hiddenTokens, targets } = scope(this.#device, () => {
      // Of the outputs at all patches nothing is needed any more.
      const { patches: _patches, ...needed } = this.#run(batch, context);
      return needed;
    });
    const { weight, bias } = this.model.lm_head;
    const options = { smoothing: this.config.smoothing, precision: context.precision };
    const inpaint = inpaintLossFromTokens(hiddenTokens, weight, bias, targets, options);
    return { total: inpaint, parts: { inpaint } };
  }

  /**
   * What is predicted for the hidden patches, for reports. Records no graph.
   *
   * @param batch Two views of the same crops.
   * @param context Seed and step choose the masks; `training` should be false.
   */
  predictWords(batch: ImageBatch, context: ForwardContext): BranchPrediction {
    return noGrad(this.#device, () =>
      scope(this.#device, () => {
        const { hidden, hiddenTokens, targets, visible } = this.#run(batch, context);
        return {
          visible,
          hidden,
          predicted: mostProbableWords(hiddenTokens, this.model.lm_head, context),
          targets,
        };
      }),
    );
  }

  /**
   * How well it goes, from a batch.
   *
   * @returns `descriptorVariance` and `effectiveRank` of the mean outputs at all patches (see `descriptorSpread`),
   *   `tokenEntropy` of the predicted words in bits, `targetEntropy` of the tokenizer's words at the same places, and
   *   `tokenEntropyShare`, the first by the second.
   */
  health(batch: ImageBatch, context: ForwardContext): Readonly<Record<string, Tensor>> {
    return noGrad(this.#device, () =>
      scope(this.#device, () => {
        const { hiddenTokens, patches, targets } = this.#run(batch, context);
        const { effectiveRank, variance } = descriptorSpread(mean(patches, { axes: [1] }));
        const predicted = mostProbableWords(hiddenTokens, this.model.lm_head, context);
        return {
          descriptorVariance: variance,
          effectiveRank,
          ...wordVariety(predicted, targets, this.config.tokenizer.vocabularySize),
        };
      }),
    );
  }

  /** A batch with masks through the encoder, and what should be predicted. */
  #run(batch: ImageBatch, context: ForwardContext): MaskedOutputs {
    const { encoder, mask_token: token } = this.model;
    const [images] = encoderAndTokenizerViews("Beit", batch, encoder);
    const words = wordsOf("Beit", batch, this.config.tokenizer, encoder, context);
    const { visible, hidden } = this.config.maskSampler(this.#device, {
      batch: images.shape[0]!,
      mask: this.mask,
      seed: context.seed,
      step: context.step,
      firstSample: context.samples?.first ?? 0,
    });
    const tokens = encoder.encodeMasked(images, { visible, hidden, token }, context);
    const patches = encoder.prefixTokens === 0 ? tokens : slice(tokens, 1, encoder.prefixTokens);
    return {
      ...{ visible, hidden, patches },
      hiddenTokens: gatherTokens(patches, hidden),
      targets: gatherIntegers(words, hidden),
    };
  }
}

/** BEiT's own settings. */
export const beitFields = {
  ...tokenizerFields,
  maskRatio: field(z.number().gt(0).max(0.5), {
    description: "Share of the patches that is masked. Default: 75 of 196, as in the paper",
    placeholder: "<share>",
  }),
  relativePositionBias: field(z.enum(["none", "shared"]), {
    description:
      "none: learned absolute positions; shared: instead of them a relative position bias in the attention, as " +
      "in BEiT's code. Default: none",
    placeholder: "<which>",
  }),
};

/** BEiT's own settings, decided. */
export type BeitSettings = Decided<typeof beitFields>;

function beitEncoder(settings: BeitSettings & CommonSettings): VisionTransformerConfig {
  const { relativePositionBias } = settings;
  return encoderConfig(
    settings,
    relativePositionBias === "shared" ? { relativePositionBias, positions: "none" } : {},
  );
}

/** BEiT as a row of the table of methods. */
export const beitMethod: Method<typeof beitFields, BeitSettings, Tokenizer, Beit> = {
  name: "beit",
  title: "BEiT",
  paper: "Bao et al. 2021, arXiv 2106.08254",
  fields: beitFields,
  // Table 12 of the paper, but its color jitter of 0.4, which BEiT's public code does not have.
  recipe: {
    learningRate: { value: 1.5e-3, batch: 2048, width: 768 },
    peakToMinimum: 150,
    warmupShare: 10 / 800,
    betas: [0.9, 0.999],
    weightDecay: 0.05,
    clip: 3,
    dropPath: 0.1,
    cropScale: 0.08,
    colorsForFew: false,
  },
  examine: examineTokenizer,
  decide(given, facts, decisions) {
    const { patches } = facts;
    const maskRatio = given.maskRatio ?? usualRatio;
    const hidden = countHidden(patches, maskRatio);
    if (hidden < 1) {
      throw contradiction(
        "maskRatio",
        `${Number(maskRatio.toPrecision(3))} of ${patches} patches is less than one; use more, or a smaller patch`,
      );
    }
    decisions.note(
      "mask",
      `${hidden} of ${patches} patches, in blocks`,
      given.maskRatio === undefined ? "the paper's share, 75 of 196" : "given",
    );
    return {
      ...decideTokenizer(given, facts, decisions),
      maskRatio,
      relativePositionBias: decisions.take(
        "relative position bias",
        given.relativePositionBias,
        "none",
        "learned absolute positions, as in the paper; the bias of its code takes more memory",
      ),
    };
  },
  encoder: beitEncoder,
  views: (settings) => [encoderView(settings), tokenizerView(settings)],
  preparation: tokenizerPreparation,
  create: (device, settings, tokenizer) =>
    new Beit(device, {
      encoder: beitEncoder(settings),
      tokenizer,
      mask: { ratio: settings.maskRatio },
      seed: settings.seed,
    }),
  chance: ({ vocabulary }) => Math.log(vocabulary),
  figures: { ...spreadFigures, ...wordFigures },
  look: async (beit, request) => {
    return {
      title: "Masked patches, and the words predicted for them",
      lead:
        "Blocks of patches are masked, and a mask token stands for each. The encoder sees the others, " +
        "and predicts the visual word of every masked patch; here they are filled in.",
      ...(await wordLooks(beit.config.tokenizer, request, (context) => ({
        "the encoder": beit.predictWords(request.batch, context),
      }))),
    };
  },
};
