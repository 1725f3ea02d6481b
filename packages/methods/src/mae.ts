import type { ImageBatch } from "@splitmask/augmentation";
import {
  add,
  affine,
  divide,
  gatherTokens,
  mean,
  multiply,
  noGrad,
  relu,
  scatterTokens,
  scope,
  slice,
  square,
  subtract,
  type Tensor,
} from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import { normalizedPatches, patchStatistics, reconstructionLoss } from "@splitmask/losses";
import { type ForwardContext, patchify, unpatchify } from "@splitmask/nn";
import type { HealthAlarm, TaskLoss, TrainingTask } from "@splitmask/trainer";
import type { VisionTransformer, VisionTransformerConfig, VisionTransformerShape } from "@splitmask/vit";
import { z } from "zod";
import { descriptorSpread, singleFeatureAlarm } from "./descriptorSpread.js";
import { encoderConfig, givenEncoder } from "./encoderSettings.js";
import { spreadFigures } from "./figureNotes.js";
import type { LookRequest, Looks } from "./looks.js";
import { MaskedAutoencoderModel, resolveMaskedAutoencoderDecoder } from "./maeModel.js";
import type { CommonSettings, Method } from "./method.js";
import { paintedPanels } from "./paintedPanels.js";
import { contradiction } from "./settings/decisions.js";
import { type Decided, field } from "./settings/field.js";
import {
  type ResolvedPatchSplitOptions,
  resolvePatchSplitOptions,
  type SplitSampler,
  sampleSplits,
} from "./splits.js";

/** Options of `MaskedAutoencoder`; the defaults are those of He et al. 2021 (arXiv 2111.06377). */
export interface MaskedAutoencoderConfig {
  /**
   * The encoder: a config (`vit("small", …)`), or a model made before. In a config, positions default to MAE's fixed
   * sine-cosine ones (`"sincos"`); the paper's class token is an option of it (`classToken: true`), and off by default.
   */
  readonly encoder: VisionTransformerConfig | VisionTransformer;
  /** The decoder's width, depth and heads. Default: see `resolveMaskedAutoencoderDecoder`. */
  readonly decoder?: Partial<VisionTransformerShape>;
  /** Share of the patches that the encoder sees, in (0, 0.5]. Default 0.25: 75 % are hidden. */
  readonly visible?: number;
  /** Draws the patches: the first branch of what it gives is seen. Default `sampleSplits`, uniformly. */
  readonly splitSampler?: SplitSampler;
  /** Whether each hidden patch is predicted at mean 0 and variance 1 (the paper's better variant). Default true. */
  readonly normalizePixels?: boolean;
  /** Draws the first weights. Default 0. */
  readonly seed?: number;
}

/** A config with the plain defaults filled in; encoder and decoder are resolved against each other by the task. */
export type ResolvedMaskedAutoencoderConfig = Required<Omit<MaskedAutoencoderConfig, "encoder" | "decoder">>;

/**
 * Fills in the defaults and checks the numbers.
 *
 * @throws RangeError If the visible share is out of range.
 */
export function resolveMaskedAutoencoderConfig(
  config: MaskedAutoencoderConfig,
): ResolvedMaskedAutoencoderConfig {
  const { encoder: _encoder, decoder: _decoder, ...rest } = config;
  const resolved: ResolvedMaskedAutoencoderConfig = {
    visible: 0.25,
    splitSampler: sampleSplits,
    normalizePixels: true,
    seed: 0,
    ...rest,
  };
  const { visible } = resolved;
  if (!(visible > 0 && visible <= 0.5)) {
    throw new RangeError(
      `MaskedAutoencoder: visible is ${visible}; ` +
        "expected a number in (0, 0.5], the share of the patches that the encoder sees, e.g. 0.25.",
    );
  }
  return resolved;
}

const alarms: readonly HealthAlarm[] = [
  {
    figure: "descriptorVariance",
    // Nothing in the loss spreads these descriptors: healthy runs have 0.02 on photographs, and 0.0005 at first on
    // sketches; one with 200 times too large a learning rate has 4e-6.
    below: 1e-5,
    advice:
      "The encoder's mean outputs are the same for all pictures: it tells pictures apart no more. " +
      "Try a lower learning rate or a longer warm-up.",
  },
  singleFeatureAlarm(1.2, "Try a lower learning rate, a longer run, or larger crops."),
  {
    figure: "explainedVariance",
    below: 0,
    advice:
      "The predictions of the hidden patches are no better than one and the same patch everywhere. " +
      "Try a higher or lower learning rate, a longer run, or a larger share of visible patches.",
  },
];

/** What a masked autoencoder makes of pictures that it sees a part of; for reports. */
export interface Reconstruction {
  /** int32 B×K: the patches that the encoder saw, rising. */
  readonly visible: Tensor;
  /** int32 B×(N−K): the others, rising. */
  readonly hidden: Tensor;
  /** B×C×S×S, in the scale of the pictures given: hidden patches as predicted, visible ones as they are. */
  readonly pictures: Tensor;
  /**
   * B: the share of the variance of the picture's hidden patches, about their mean, that is predicted; see `health`.
   */
  readonly explained: Tensor;
}

/** The places of a batch's patches. */
type Places = Pick<Reconstruction, "visible" | "hidden">;

/** A batch after the forward pass. */
interface PredictedPatches extends Places {
  /** B×N×(C·P²): the pixels of all patches. */
  readonly patches: Tensor;
  /** B×(N−K)×(C·P²): what the decoder says of the hidden ones. */
  readonly predicted: Tensor;
}

/**
 * MAE (He et al. 2021, arXiv 2111.06377): the encoder sees a random quarter of a picture's patches; a small decoder,
 * given a mask token for each of the others, predicts their pixels, and the loss is the mean squared error there.
 *
 * A batch has one view, B×C×S×S.
 */
export class MaskedAutoencoder implements TrainingTask<ImageBatch> {
  /** `"mae"`. */
  readonly name = "mae";
  /** What is trained and saved. */
  readonly model: MaskedAutoencoderModel;
  /** The config with its defaults filled in. */
  readonly config: ResolvedMaskedAutoencoderConfig;
  /** How patches are drawn, with every number filled in; the first branch is what the encoder sees. */
  readonly split: ResolvedPatchSplitOptions;
  /** Signs of collapse. */
  readonly alarms: readonly HealthAlarm[] = alarms;
  readonly #device: Device;

  /**
   * Makes encoder (unless one is given) and decoder, their linear weights Xavier-uniform, as in MAE's code.
   *
   * @param device Where the model lives.
   * @param config See `MaskedAutoencoderConfig`.
   * @throws RangeError If an option is out of range or does not fit the encoder.
   */
  constructor(device: Device, config: MaskedAutoencoderConfig) {
    this.#device = device;
    this.config = resolveMaskedAutoencoderConfig(config);
    const { seed, visible } = this.config;
    const encoder = givenEncoder(
      device,
      config.encoder,
      { positions: "sincos" },
      { seed, initialization: "mae" },
    );
    const [rows, columns] = encoder.grid;
    if (rows * columns * visible < 1) {
      throw new RangeError(
        `MaskedAutoencoder: ${visible} of ${rows}×${columns} patches is less than one. ` +
          "Use larger pictures, smaller patches or a larger visible share.",
      );
    }
    this.split = resolvePatchSplitOptions({ mode: "uniform", visible }, encoder.grid);
    const shape = resolveMaskedAutoencoderDecoder(config.decoder ?? {}, encoder.config);
    this.model = new MaskedAutoencoderModel(device, encoder, shape, { seed });
  }

  /**
   * The mean squared error of the hidden patches of a batch.
   *
   * @param batch One view.
   * @param context Training or not, and the seed and step that masks and drop path are drawn from.
   * @returns `total`, which is the one part `reconstruction` too.
   */
  loss(batch: ImageBatch, context: ForwardContext): TaskLoss {
    const reconstruction = scope(this.#device, () => {
      const { hidden, patches, predicted } = this.#run(batch, context);
      const normalize = this.config.normalizePixels;
      return reconstructionLoss(predicted, gatherTokens(patches, hidden), { normalize });
    });
    return { total: reconstruction, parts: { reconstruction } };
  }

  /**
   * Pictures with what the model predicts painted over their hidden patches, at each patch's own brightness and
   * contrast, for reports. Records no graph.
   *
   * @param batch One view.
   * @param context Seed and step choose the patches; `training` should be false.
   */
  reconstruct(batch: ImageBatch, context: ForwardContext): Reconstruction {
    return noGrad(this.#device, () =>
      scope(this.#device, () => {
        const { visible, hidden, patches, predicted } = this.#run(batch, context);
        const places = patches.shape[1]!;
        const pixels = gatherTokens(patches, hidden);
        const painted = this.#asPixels(predicted, pixels);
        const all = add(
          scatterTokens(gatherTokens(patches, visible), visible, places),
          scatterTokens(painted, hidden, places),
        );
        const { config, grid } = this.model.encoder;
        return {
          ...{ visible, hidden, pictures: unpatchify(all, grid, config.patchSize) },
          explained: explainedVariance(predicted, this.#targets(pixels), [1]),
        };
      }),
    );
  }

  /** What is to be predicted of hidden patches. */
  #targets(pixels: Tensor): Tensor {
    return this.config.normalizePixels ? normalizedPatches(pixels) : pixels;
  }

  /** Predictions in the scale of the pictures. */
  #asPixels(predicted: Tensor, patches: Tensor): Tensor {
    if (!this.config.normalizePixels) return predicted;
    const { deviation, mean: means } = patchStatistics(patches);
    return add(multiply(predicted, deviation), means);
  }

  /**
   * How well it goes.
   *
   * @returns `descriptorVariance` and `effectiveRank` of the encoder's mean outputs for the whole pictures (see
   * `descriptorSpread`), and `explainedVariance` of the hidden patches: 1 − squared error / variance about their mean
   * patch; 0 or less where predictions do not tell patches apart.
   */
  health(batch: ImageBatch, context: ForwardContext): Readonly<Record<string, Tensor>> {
    return noGrad(this.#device, () =>
      scope(this.#device, () => {
        const { hidden, patches, predicted } = this.#run(batch, context);
        const targets = this.#targets(gatherTokens(patches, hidden));
        const { precision } = context;
        const descriptors = this.model.encoder.encode(
          batch.views[0]!,
          precision === undefined ? {} : { precision },
        );
        const spread = descriptorSpread(descriptors);
        return {
          descriptorVariance: spread.variance,
          effectiveRank: spread.effectiveRank,
          explainedVariance: explainedVariance(predicted, targets, [0, 1]),
        };
      }),
    );
  }

  /** The encoder sees its share of each picture, and the decoder says what the rest is. */
  #run(batch: ImageBatch, context: ForwardContext): PredictedPatches {
    const images = this.#images(batch);
    const places = this.#places(images.shape[0]!, context);
    const predicted = this.model.forward(images, places.visible, places.hidden, context);
    return { ...places, patches: patchify(images, this.model.encoder.config.patchSize), predicted };
  }

  #places(pictures: number, { seed, step, samples }: ForwardContext): Places {
    const [group] = this.config.splitSampler(this.#device, {
      batch: pictures,
      split: this.split,
      seed,
      step,
      firstSample: samples?.first ?? 0,
    });
    const { visible, hidden } = group!;
    return { visible: slice(visible, 0, 0, pictures), hidden: slice(hidden, 0, 0, pictures) };
  }

  #images(batch: ImageBatch): Tensor {
    const [images] = batch.views;
    const { channels, imageSize } = this.model.encoder.config;
    const expected = [channels, ...imageSize].join("×");
    if (images === undefined || images.shape.slice(1).join("×") !== expected) {
      throw new TypeError(
        `MaskedAutoencoder: views[0] is ${images?.shape.join("×") ?? "missing"}; ` +
          `expected B×${expected}, the encoder's picture size.`,
      );
    }
    return images;
  }
}

/**
 * 1 − squared error / variance about the mean patch.
 *
 * @param predicted B×K×d.
 * @param targets B×K×d.
 * @param places The axes of the patches that have one mean and one figure together.
 */
function explainedVariance(predicted: Tensor, targets: Tensor, places: readonly number[]): Tensor {
  const meanPatch = mean(targets, { axes: places, keepDimensions: true });
  const axes = [...places, 2];
  const variance = mean(square(subtract(targets, meanPatch)), { axes });
  const error = mean(square(subtract(predicted, targets)), { axes });
  // Patches that are all the same have no variance to explain.
  return affine(divide(error, affine(variance, 1, 1e-6)), -1, 1);
}

/**
 * What a report shows of MAE: the patches that the encoder sees, and the picture painted from them.
 *
 * @param task The trained method.
 * @param request The pictures.
 */
function maeLooks(task: MaskedAutoencoder, request: LookRequest<CommonSettings>): Looks {
  const panels = paintedPanels(request, (_, context) => {
    const { explained, hidden, pictures, visible } = task.reconstruct(request.batch, context);
    const { patchSize } = task.model.encoder.config;
    // A share is at least 0, and predictions may be worse than that.
    const share = { name: "explained", values: relu(explained) };
    const patches = patchify(pictures, patchSize);
    const [seen, predicted] = [gatherTokens(patches, visible), gatherTokens(patches, hidden)];
    return { visible, hidden, seen, predicted, share };
  });
  const scale = task.config.normalizePixels
    ? "at their true brightness and contrast, of which nothing is predicted"
    : "as they were predicted";
  return {
    title: "Pictures painted from a few of their patches",
    lead:
      "The encoder sees a few patches of a picture, drawn by chance, " +
      "and the decoder predicts the pixels of all others; here they are painted.",
    note:
      `Patches that were seen are shown as they are, the others ${scale}. ` +
      "“Explained” is the share of the variance of the hidden patches that the predictions explain: " +
      "0 % where they are no better than one and the same patch.",
    panels,
    words: null,
  };
}

/** MAE's own settings. */
export const maeFields = {
  visible: field(z.number().gt(0).max(0.5), {
    description: "Share of the patches that the encoder sees. Default: 0.25, which hides 75 %",
    placeholder: "<share>",
  }),
  normalizePixels: field(z.boolean(), {
    description:
      "Normalize the pixels of each hidden patch to mean 0 and variance 1 before they are predicted. Default: " +
      "true",
  }),
  decoderWidth: field(z.int().positive(), {
    description:
      "Width of the decoder's tokens, a multiple of 4. Default: two thirds of the encoder's, at most 512",
    placeholder: "<n>",
  }),
  decoderDepth: field(z.int().positive(), {
    description: "Number of decoder blocks. Default: two thirds of the encoder's, at most 8",
    placeholder: "<n>",
  }),
};

/** MAE's own settings, decided; null: as the encoder's size has it. */
export type MaeSettings = Decided<typeof maeFields, "decoderWidth" | "decoderDepth">;

function maeEncoder(settings: CommonSettings): VisionTransformerConfig {
  return encoderConfig(settings, { positions: "sincos" });
}

/** MAE as a row of the table of methods; the recipe is table 8 of the paper. */
export const maeMethod: Method<typeof maeFields, MaeSettings, undefined, MaskedAutoencoder> = {
  name: "mae",
  title: "MAE",
  paper: "He et al. 2021, arXiv 2111.06377",
  fields: maeFields,
  recipe: {
    learningRate: { value: 2.4e-3, batch: 4096, width: 768 },
    peakToMinimum: Number.POSITIVE_INFINITY,
    warmupShare: 40 / 800,
    betas: [0.9, 0.95],
    weightDecay: 0.05,
    clip: 0,
    dropPath: 0,
    cropScale: 0.2,
    colorsForFew: false,
  },
  decide(given, { patches }, decisions) {
    const visible = given.visible ?? 0.25;
    const seen = Math.floor(visible * patches);
    if (seen < 1)
      throw contradiction(
        "visible",
        `${visible} of ${patches} patches is less than one; use more, or a smaller patch`,
      );
    decisions.note(
      "mask",
      `${patches - seen} of ${patches} patches hidden`,
      given.visible === undefined ? "the paper's 75 %, drawn uniformly" : "given",
    );
    return {
      visible,
      normalizePixels: given.normalizePixels ?? true,
      decoderWidth: given.decoderWidth ?? null,
      decoderDepth: given.decoderDepth ?? null,
    };
  },
  encoder: maeEncoder,
  create(device, settings) {
    const { decoderDepth: depth, decoderWidth: width, normalizePixels, seed, visible } = settings;
    return new MaskedAutoencoder(device, {
      encoder: maeEncoder(settings),
      decoder: { ...(width === null ? {} : { width }), ...(depth === null ? {} : { depth }) },
      ...{ visible, normalizePixels, seed },
    });
  },
  figures: {
    ...spreadFigures,
    reconstruction: {
      title: "Error of the hidden patches",
      caption:
        "Mean squared error of the pixels; where patches are normalized, 1 for predictions of nothing but 0.",
    },
    explainedVariance: {
      title: "Explained variance",
      caption:
        "Of the hidden patches: 1 if predicted exactly, 0 if no better than one and the same patch everywhere.",
    },
  },
  look: maeLooks,
};
