import { blurOfSize, type ImageBatch, leJepaViews } from "@splitmask/augmentation";
import {
  add,
  affine,
  concatenate,
  l2Normalize,
  mean,
  noGrad,
  normal,
  reshape,
  scope,
  slice,
  square,
  subtract,
  type Tensor,
} from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import { sigregLoss } from "@splitmask/losses";
import { type ForwardContext, Module } from "@splitmask/nn";
import type { CrossSampleLoss, HealthAlarm, TaskLoss, TrainingTask } from "@splitmask/trainer";
import type { VisionTransformer, VisionTransformerConfig } from "@splitmask/vit";
import { z } from "zod";
import { BatchNormMlp } from "./batchNormMlp.js";
import { componentLooks } from "./componentLooks.js";
import { encoderSpread, singleFeatureAlarm } from "./descriptorSpread.js";
import { encoderConfig, givenEncoder } from "./encoderSettings.js";
import { spreadFigures } from "./figureNotes.js";
import { checkJointViews, decideLocalSize } from "./jointViews.js";
import type { Method } from "./method.js";
import { pooledOutput } from "./pooledOutput.js";
import { contradiction } from "./settings/decisions.js";
import { type Decided, field } from "./settings/field.js";

/** Which directions are wanted. */
export interface SliceRequest {
  /** M, how many. */
  readonly slices: number;
  /** D, the width of the embeddings. */
  readonly width: number;
  /** The run's seed. */
  readonly seed: number;
  /** The training step. */
  readonly step: number;
}

/** Draws the directions along which embeddings are compared with a Gaussian: M×D, at unit length. */
export type SliceSampler = (device: Device, request: SliceRequest) => Tensor;

/** Uniformly random directions, which depend on seed and step alone. */
export const sampleSlices: SliceSampler = (device, { seed, slices, step, width }) =>
  l2Normalize(normal(device, [slices, width], { key: { seed, purpose: "lejepa.slices", step } }));

/** Options of `LeJepa`; the defaults are those of Balestriero and LeCun 2025 (arXiv 2511.08544) and of their code. */
export interface LeJepaConfig {
  /**
   * The encoder: a config (`vit("small", …)`), or an existing model. In a config, drop path defaults to 0.1. The
   * projector sees the mean of the patches' outputs, or that of the class token if the encoder has one.
   */
  readonly encoder: VisionTransformerConfig | VisionTransformer;
  /** λ, the share of SIGReg in the loss, from 0 to 1. Default 0.05. */
  readonly sigregWeight?: number;
  /** M, the number of directions along which embeddings are compared with a Gaussian. Default 1024. */
  readonly slices?: number;
  /** Draws the directions. Default `sampleSlices`. */
  readonly sliceSampler?: SliceSampler;
  /** Width of the projector's two hidden layers. Default 2048. */
  readonly hiddenWidth?: number;
  /** Width of the embeddings. Default 128. */
  readonly outWidth?: number;
  /** Draws the first weights. Default 0. */
  readonly seed?: number;
}

/** A config with its defaults filled in. */
export type ResolvedLeJepaConfig = Required<Omit<LeJepaConfig, "encoder">>;

/**
 * Fills in the defaults and checks the numbers.
 *
 * @throws RangeError If the weight is not from 0 to 1, or there is no direction.
 */
export function resolveLeJepaConfig({ encoder: _, ...given }: LeJepaConfig): ResolvedLeJepaConfig {
  const resolved: ResolvedLeJepaConfig = {
    ...{ sigregWeight: 0.05, slices: 1024, sliceSampler: sampleSlices },
    ...{ hiddenWidth: 2048, outWidth: 128, seed: 0 },
    ...given,
  };
  const { sigregWeight, slices } = resolved;
  if (!(sigregWeight >= 0 && sigregWeight <= 1))
    throw new RangeError(
      `LeJepa: sigregWeight is ${sigregWeight}; expected a number from 0 to 1, e.g. 0.05.`,
    );
  if (!(Number.isInteger(slices) && slices >= 1))
    throw new RangeError(`LeJepa: slices is ${slices}; expected a whole number from 1.`);
  return resolved;
}

/** LeJEPA's encoder and projector. Parameters: `encoder.*`, `projector.*`. */
export class LeJepaModel extends Module {
  /** The vision transformer that is trained. */
  readonly encoder: VisionTransformer;
  /** D → hidden → hidden → out. */
  readonly projector: BatchNormMlp;

  /** Puts a projector behind an encoder. */
  constructor(encoder: VisionTransformer, projector: BatchNormMlp) {
    super();
    this.encoder = encoder;
    this.projector = projector;
  }
}

const alarms: readonly HealthAlarm[] = [
  singleFeatureAlarm(1.2, "Try a lower learning rate, a longer warm-up or a larger sigregWeight."),
];

/**
 * LeJEPA (Balestriero and LeCun 2025, arXiv 2511.08544): the embeddings of all views of a picture should be near the
 * mean of those of its global views, and the embeddings of each view should be distributed as an isotropic Gaussian
 * over the pictures (SIGReg), so that they do not collapse. There is no teacher, and no gradient is stopped.
 *
 * A batch has two global views, B×3×S×S, and any number of local ones, B×3×s×s of one smaller size in whole patches.
 */
export class LeJepa implements TrainingTask<ImageBatch> {
  /** `"lejepa"`. */
  readonly name = "lejepa";
  /** What is trained and saved. */
  readonly model: LeJepaModel;
  /** The config with its defaults filled in. */
  readonly config: ResolvedLeJepaConfig;
  /** Signs of collapse. */
  readonly alarms: readonly HealthAlarm[] = alarms;
  /**
   * With `accumulate`, the encoder runs on micro-batches, and the projector on the whole batch: its batch norms and
   * SIGReg see all pictures.
   */
  readonly crossSampleLoss: CrossSampleLoss<ImageBatch> = {
    embed: (batch, context) => ({ descriptors: this.#embed(batch, context), ownLoss: () => null }),
    loss: (descriptors, context) => this.#compare(descriptors, context),
  };
  readonly #device: Device;

  /**
   * Makes the encoder (unless one is given) and the projector.
   *
   * @param device Where the model lives.
   * @param config See `LeJepaConfig`.
   * @throws RangeError If a number is out of range.
   */
  constructor(device: Device, config: LeJepaConfig) {
    this.#device = device;
    this.config = resolveLeJepaConfig(config);
    const { hiddenWidth, outWidth, seed } = this.config;
    const encoder = givenEncoder(
      device,
      config.encoder,
      { dropPath: leJepaMethod.recipe.dropPath },
      { seed },
    );
    const widths = [encoder.config.width, hiddenWidth, hiddenWidth, outWidth];
    const projector = new BatchNormMlp(device, { widths, lastNorm: false, seed, purpose: "projector" });
    this.model = new LeJepaModel(encoder, projector);
  }

  /**
   * (1 − λ)·prediction + λ·SIGReg.
   *
   * @param batch Two global views, then the local ones.
   * @param context Seed and step choose the directions of SIGReg.
   * @returns `total`; `parts.prediction`, the mean squared distance of embeddings from the mean of the global ones, and
   *   `parts.sigreg`; and as `statistics` the batch statistics of the projector's batch norms.
   */
  loss(batch: ImageBatch, context: ForwardContext): TaskLoss {
    return this.#compare(this.#embed(batch, context), context);
  }

  /** Updates the running statistics with those of the batch. */
  afterStep(_: ForwardContext, statistics: Readonly<Record<string, Tensor>>): void {
    this.model.projector.updateNorms(
      this.model.projector.norms.map((_norm, layer) => statistics[nameOf(layer)]!),
    );
  }

  /**
   * How well it goes.
   *
   * @returns `descriptorVariance` and `effectiveRank` of the encoder's mean outputs (see `encoderSpread`).
   */
  health(batch: ImageBatch, context: ForwardContext): Readonly<Record<string, Tensor>> {
    return encoderSpread(this.model.encoder, batch.views[0]!, context);
  }

  /** The encoder's output for each view, B×D; views of one size run through it together. */
  #embed({ views }: ImageBatch, context: ForwardContext): Tensor[] {
    checkJointViews("LeJepa", views, this.model.encoder);
    const pictures = views[0]!.shape[0]!;
    return scope(this.#device, () =>
      [views.slice(0, 2), views.slice(2)]
        .filter((group) => group.length > 0)
        .flatMap((group) => {
          const encoded = pooledOutput(this.model.encoder, concatenate([...group], 0), context);
          return group.map((_, view) => slice(encoded, 0, view * pictures, (view + 1) * pictures));
        }),
    );
  }

  #compare(encoded: readonly Tensor[], context: ForwardContext): TaskLoss {
    const { outWidth: width, sigregWeight, sliceSampler, slices } = this.config;
    return scope(this.#device, () => {
      const { output, statistics } = this.model.projector.forward(concatenate([...encoded], 0), context);
      const pictures = encoded[0]!.shape[0]!;
      const all = reshape(output, [encoded.length, pictures, width]);
      const center = mean(slice(all, 0, 0, 2), { axes: [0], keepDimensions: true });
      const prediction = mean(square(subtract(all, center)));
      const { seed, step } = context;
      const directions = noGrad(this.#device, () =>
        sliceSampler(this.#device, { slices, width, seed, step }),
      );
      const distances = encoded.map((_, view) =>
        sigregLoss(slice(output, 0, view * pictures, (view + 1) * pictures), directions),
      );
      const sum = distances.reduce((total, each) => add(total, each));
      const sigreg = affine(sum, 1 / distances.length, 0);
      return {
        total: add(affine(prediction, 1 - sigregWeight, 0), affine(sigreg, sigregWeight, 0)),
        parts: { prediction, sigreg },
        statistics: Object.fromEntries(statistics.map((measured, layer) => [nameOf(layer), measured])),
      };
    });
  }
}

/** The name of a batch norm's entry in the loss's `statistics`. */
function nameOf(layer: number): string {
  return `projector.norms.${layer}`;
}

/** LeJEPA's own settings. */
export const leJepaFields = {
  localCrops: field(z.int().min(0).max(32), {
    description: "Number of local crops of a picture, besides the two global ones. Default: 6",
    placeholder: "<n>",
  }),
  localSize: field(z.int().positive(), {
    description:
      "Side of a local crop in pixels, a multiple of the patch. Default: seven sixteenths of the image size, in " +
      "whole patches (the paper's 98 of 224)",
    placeholder: "<pixels>",
  }),
  localScale: field(z.number().gt(0).max(1), {
    description:
      "Smallest area of a local crop, as a share of the picture; the largest is the crop scale. Default: 0.05",
    placeholder: "<share>",
  }),
  sigregWeight: field(z.number().min(0).max(1), {
    description: "Weight λ of SIGReg in the loss; the prediction loss has the weight 1 − λ. Default: 0.05",
    placeholder: "<share>",
  }),
  slices: field(z.int().positive(), {
    description:
      "Number of random directions a step, along which SIGReg compares embeddings with a Gaussian. Default: 1024",
    placeholder: "<n>",
  }),
  outWidth: field(z.int().positive(), {
    description: "Width of the embeddings. Default: 128",
    placeholder: "<n>",
  }),
};

/** LeJEPA's own settings, decided. */
export type LeJepaSettings = Decided<typeof leJepaFields>;

/** LeJEPA as a row of the table of methods; the recipe is that of the authors' code for vision transformers. */
export const leJepaMethod: Method<typeof leJepaFields, LeJepaSettings, undefined, LeJepa> = {
  name: "lejepa",
  title: "LeJEPA",
  paper: "Balestriero and LeCun 2025, arXiv 2511.08544",
  fields: leJepaFields,
  recipe: {
    // The authors recommend one rate for all models; taken as that of ViT-S at the batch size of their example.
    learningRate: { value: 5e-4, batch: 256, width: 384 },
    peakToMinimum: 1000,
    warmupShare: 0.05,
    weightDecay: 0.05,
    clip: 0,
    dropPath: 0.1,
    cropScale: 0.3,
    colorsForFew: false,
    ownColors: "jitter 0.8, gray 0.2, blur 0.5, solarize 0.2",
  },
  decide(given, facts, decisions) {
    if (facts.batch < 2) {
      throw contradiction(
        "batch",
        `${facts.batch}, but the embeddings of a batch are compared with a distribution: use 2 or more`,
      );
    }
    return {
      localCrops: given.localCrops ?? 6,
      localSize: decideLocalSize(given, { localCrops: 6, share: 7 / 16 }, facts, decisions),
      localScale: given.localScale ?? 0.05,
      sigregWeight: decisions.take("sigreg weight", given.sigregWeight, 0.05, "the paper's; the only weight"),
      slices: given.slices ?? 1024,
      outWidth: given.outWidth ?? 128,
    };
  },
  views({ cropScale, flip, imageSize, localCrops, localScale, localSize, mean: center, std }) {
    return leJepaViews({
      ...{ mean: center, std, localCrops, localSize },
      globalSize: imageSize,
      globalScale: [cropScale, 1],
      localScale: [Math.min(localScale, cropScale), cropScale],
      horizontalFlip: flip,
      blur: blurOfSize(imageSize),
    });
  },
  create(device, settings) {
    const { outWidth, seed, sigregWeight, slices } = settings;
    return new LeJepa(device, { encoder: encoderConfig(settings), outWidth, seed, sigregWeight, slices });
  },
  figures: {
    ...spreadFigures,
    prediction: {
      title: "Prediction loss",
      caption: "Mean squared distance of the embeddings of all views from the mean of the global ones.",
    },
    sigreg: {
      title: "SIGReg",
      caption: "How far the embeddings of a view are from an isotropic Gaussian, along random directions.",
    },
  },
  look: ({ model }, request) => componentLooks(model.encoder, request),
};
