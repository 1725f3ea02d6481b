import { blurOfSize, dinoViews, type ImageBatch } from "@splitmask/augmentation";
import {
  add,
  argmaxProduct,
  concatenate,
  equalShare,
  l2Normalize,
  noGrad,
  scope,
  slice,
  type Tensor,
  tensor,
} from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import { contrastiveLoss } from "@splitmask/losses";
import type { ForwardContext } from "@splitmask/nn";
import type { CrossSampleLoss, HealthAlarm, TaskLoss, TrainingTask } from "@splitmask/trainer";
import type { VisionTransformer, VisionTransformerConfig } from "@splitmask/vit";
import { z } from "zod";
import { componentLooks } from "./componentLooks.js";
import { encoderSpread, singleFeatureAlarm } from "./descriptorSpread.js";
import { encoderConfig, givenEncoder } from "./encoderSettings.js";
import { spreadFigures } from "./figureNotes.js";
import { checkJointViews } from "./jointViews.js";
import type { CommonSettings, Method } from "./method.js";
import { type MocoV3HeadName, type MocoV3HeadOptions, MocoV3Model, statisticsName } from "./mocoV3Model.js";
import { pooledOutput } from "./pooledOutput.js";
import { contradiction } from "./settings/decisions.js";
import { type Decided, field } from "./settings/field.js";
import { risingMomentum } from "./teacher.js";

/** Options of `MocoV3`; the defaults are those of Chen et al. 2021 (arXiv 2104.02057) and of its code. */
export interface MocoV3Config extends Partial<MocoV3HeadOptions> {
  /**
   * The encoder: a config (`vit("small", …)`), or an existing model. In a config, positions default to MoCo v3's fixed
   * sine-cosine ones (`"sincosRowFirst"`). The projector sees the mean of the patches' outputs, or that of the class
   * token if the encoder has one (`classToken: true`), as in the paper.
   */
  readonly encoder: VisionTransformerConfig | VisionTransformer;
  /** Width of the heads' hidden layers. Default: 16 times the encoder's, at most the paper's 4096. */
  readonly hiddenWidth?: number;
  /** τ, what cosine similarities are divided by. Default 0.2. */
  readonly temperature?: number;
  /** Share of the momentum encoder's weights kept at the first step; it rises to 1 along a cosine. Default 0.99. */
  readonly teacherMomentum?: number;
  /** Whether the patch projection keeps its random first weights, for stability. Default true. */
  readonly freezePatches?: boolean;
  /** Draws the first weights. Default 0. */
  readonly seed?: number;
}

/** A config with its defaults filled in, but for the hidden width, which depends on the encoder. */
export type ResolvedMocoV3Config = Required<Omit<MocoV3Config, "encoder" | "hiddenWidth">>;

/**
 * Fills in the defaults and checks the numbers.
 *
 * @throws RangeError If the temperature is not positive, or the momentum not from 0 to 1.
 */
export function resolveMocoV3Config({
  encoder: _encoder,
  hiddenWidth: _hiddenWidth,
  ...given
}: MocoV3Config): ResolvedMocoV3Config {
  const resolved: ResolvedMocoV3Config = {
    ...{ outWidth: 256, temperature: 0.2, teacherMomentum: 0.99, freezePatches: true, seed: 0 },
    ...given,
  };
  const { teacherMomentum, temperature } = resolved;
  if (!(temperature > 0))
    throw new RangeError(`MocoV3: temperature is ${temperature}; expected a positive number, e.g. 0.2.`);
  if (!(teacherMomentum >= 0 && teacherMomentum <= 1))
    throw new RangeError(`MocoV3: teacherMomentum is ${teacherMomentum}; expected a number from 0 to 1.`);
  return resolved;
}

const alarms: readonly HealthAlarm[] = [
  singleFeatureAlarm(1.2, "Try a lower learning rate, a longer warm-up or a larger batch."),
];

/** The heads' outputs for both views, B×out each, and the statistics of their batch norms. */
interface ComparedViews {
  readonly queries: readonly Tensor[];
  readonly keys: readonly Tensor[];
  readonly statistics: Readonly<Record<string, Tensor>>;
}

/**
 * MoCo v3 (Chen et al. 2021, arXiv 2104.02057): the query of each view of a picture should find the key of its other
 * view among the keys of the batch. Queries come from the encoder, a projector and a predictor, keys from the moving
 * average of encoder and projector.
 *
 * A batch has two views, B×3×S×S each, B ≥ 2.
 */
export class MocoV3 implements TrainingTask<ImageBatch> {
  /** `"mocov3"`. */
  readonly name = "mocov3";
  /** What is trained and saved. */
  readonly model: MocoV3Model;
  /** The config with its defaults filled in. */
  readonly config: ResolvedMocoV3Config;
  /** Signs of collapse. */
  readonly alarms: readonly HealthAlarm[] = alarms;
  /**
   * With `accumulate`, encoders run on micro-batches, and heads on the whole batch: batch norms and the loss see all
   * pictures.
   */
  readonly crossSampleLoss: CrossSampleLoss<ImageBatch> = {
    embed: (batch, context) => ({ descriptors: this.#embed(batch, context), ownLoss: () => null }),
    loss: (descriptors, context) => this.#compare(descriptors, context),
  };
  readonly #device: Device;

  /**
   * Makes the encoder (unless one is given), the heads, and the momentum encoder as a copy of the encoder.
   *
   * @param device Where the model lives.
   * @param config See `MocoV3Config`.
   * @throws RangeError If a number is out of range.
   */
  constructor(device: Device, config: MocoV3Config) {
    this.#device = device;
    this.config = resolveMocoV3Config(config);
    const { seed } = this.config;
    // MoCo v3's linear weights are Xavier-uniform, as MAE's are.
    const encoder = givenEncoder(
      device,
      config.encoder,
      { positions: "sincosRowFirst" },
      { seed, initialization: "mae" },
    );
    const hiddenWidth = config.hiddenWidth ?? Math.min(4096, 16 * encoder.config.width);
    this.model = new MocoV3Model(device, encoder, { ...this.config, hiddenWidth });
  }

  /**
   * The contrastive loss, of each view's queries with the other's keys.
   *
   * @param batch Two views.
   * @param context Seed and step.
   * @returns `total`, the same as `parts.contrast`, and as `statistics` the batch statistics of all batch norms.
   */
  loss(batch: ImageBatch, context: ForwardContext): TaskLoss {
    return this.#compare(this.#embed(batch, context), context);
  }

  /** Updates the momentum encoder with the encoder's weights, and running statistics with those of the batch. */
  afterStep({ progress = 0 }: ForwardContext, statistics: Readonly<Record<string, Tensor>>): void {
    this.model.follow(risingMomentum(this.config.teacherMomentum, progress));
    this.model.updateNorms(statistics, 2);
  }

  /**
   * How well it goes; batch norms use their running statistics.
   *
   * @returns `descriptorVariance` and `effectiveRank` of the encoder's mean outputs (see `encoderSpread`), and
   *   `foundShare`, the share of the first view's queries that are nearest to their own picture's key.
   */
  health(batch: ImageBatch, context: ForwardContext): Readonly<Record<string, Tensor>> {
    return noGrad(this.#device, () =>
      scope(this.#device, () => {
        const encoded = this.#embed(batch, context);
        const { keys, queries } = this.#heads(encoded, { ...context, training: false });
        const own = Int32Array.from({ length: queries[0]!.shape[0]! }, (_, picture) => picture);
        return {
          ...encoderSpread(this.model.encoder, batch.views[0]!, context),
          foundShare: equalShare(
            argmaxProduct(l2Normalize(queries[0]!), l2Normalize(keys[1]!), null),
            tensor(this.#device, own),
          ),
        };
      }),
    );
  }

  /** Outputs of both encoders for the two views, B×D each: the encoder's, then the momentum encoder's. */
  #embed({ views }: ImageBatch, context: ForwardContext): Tensor[] {
    const { encoder, teacher } = this.model;
    checkJointViews("MocoV3", views, encoder, 2);
    return scope(this.#device, () => {
      const images = concatenate([...views], 0);
      const pictures = views[0]!.shape[0]!;
      const halves = (both: Tensor) => [slice(both, 0, 0, pictures), slice(both, 0, pictures, 2 * pictures)];
      const queries = halves(pooledOutput(encoder, images, context));
      const keys = noGrad(this.#device, () =>
        halves(pooledOutput(teacher.encoder, images, { ...context, training: false })),
      );
      return [...queries, ...keys];
    });
  }

  #compare(descriptors: readonly Tensor[], context: ForwardContext): TaskLoss {
    const { temperature } = this.config;
    const { contrast, statistics } = scope(this.#device, () => {
      const { keys, queries, statistics: measured } = this.#heads(descriptors, context);
      const directions = queries.map((query, view) => contrastiveLoss(query, keys[1 - view]!, temperature));
      return { contrast: add(directions[0]!, directions[1]!), statistics: measured };
    });
    return { total: contrast, parts: { contrast }, statistics };
  }

  #heads(descriptors: readonly Tensor[], context: ForwardContext): ComparedViews {
    const statistics: Record<string, Tensor> = {};
    const through = (name: MocoV3HeadName, input: Tensor, view: number) => {
      const { output, statistics: measured } = this.model.head(name).forward(input, context);
      for (const [layer, each] of measured.entries()) statistics[statisticsName(name, view, layer)] = each;
      return output;
    };
    const [first, second, ...taught] = descriptors;
    const queries = [first!, second!].map((encoded, view) =>
      through("predictor", through("projector", encoded, view), view),
    );
    const keys = noGrad(this.#device, () => taught.map((encoded, view) => through("teacher", encoded, view)));
    return { queries, keys, statistics };
  }
}

/** MoCo v3's own settings. */
export const mocoV3Fields = {
  temperature: field(z.number().positive(), {
    description: "Temperature τ, which cosine similarities are divided by. Default: 0.2",
    placeholder: "<value>",
  }),
  teacherMomentum: field(z.number().min(0).max(1), {
    description:
      "Share of the momentum encoder's weights that is kept at the first step; it rises to 1 along a cosine. " +
      "Default: 0.99",
    placeholder: "<share>",
  }),
  headWidth: field(z.int().positive(), {
    description:
      "Width of the hidden layers of projector and predictor. Default: 16 times the encoder's, at most 4096",
    placeholder: "<n>",
  }),
  outWidth: field(z.int().positive(), {
    description: "Width of queries and keys. Default: 256",
    placeholder: "<n>",
  }),
  freezePatches: field(z.boolean(), {
    description: "Do not train the random patch projection, which makes training stable. Default: true",
  }),
};

/** MoCo v3's own settings, decided; `headWidth` null: chosen by the encoder's width. */
export type MocoV3Settings = Decided<typeof mocoV3Fields, "headWidth">;

function mocoV3Encoder(settings: CommonSettings): VisionTransformerConfig {
  return encoderConfig(settings, { positions: "sincosRowFirst" });
}

/** MoCo v3 as a row of the table of methods; the recipe is that of the paper for ViT-B. */
export const mocoV3Method: Method<typeof mocoV3Fields, MocoV3Settings, undefined, MocoV3> = {
  name: "mocov3",
  title: "MoCo v3",
  paper: "Chen et al. 2021, arXiv 2104.02057",
  fields: mocoV3Fields,
  recipe: {
    learningRate: { value: 2.4e-3, batch: 4096, width: 768 },
    peakToMinimum: Number.POSITIVE_INFINITY,
    warmupShare: 40 / 300,
    weightDecay: 0.1,
    clip: 0,
    dropPath: 0,
    cropScale: 0.08,
    colorsForFew: false,
    ownColors: "jitter 0.8, gray 0.2, blur 1 and 0.1, solarize 0 and 0.2",
  },
  decide(given, { batch }, decisions) {
    if (batch < 2) {
      throw contradiction(
        "batch",
        `${batch}, but pictures of one batch are compared with each other: use 2 or more`,
      );
    }
    const freezePatches = given.freezePatches ?? true;
    decisions.note(
      "patch projection",
      freezePatches ? "random, not trained" : "trained",
      given.freezePatches === undefined ? "as in the paper, for stability" : "given",
    );
    return {
      temperature: given.temperature ?? 0.2,
      teacherMomentum: given.teacherMomentum ?? 0.99,
      headWidth: given.headWidth ?? null,
      outWidth: given.outWidth ?? 256,
      freezePatches,
    };
  },
  encoder: mocoV3Encoder,
  views({ cropScale, flip, imageSize, mean, std }) {
    return dinoViews({
      ...{ mean, std, localCrops: 0, globalSize: imageSize, horizontalFlip: flip },
      globalScale: [cropScale, 1],
      blur: blurOfSize(imageSize),
    });
  },
  create(device, settings) {
    const { freezePatches, headWidth, outWidth, seed, teacherMomentum, temperature } = settings;
    return new MocoV3(device, {
      encoder: mocoV3Encoder(settings),
      ...(headWidth === null ? {} : { hiddenWidth: headWidth }),
      ...{ freezePatches, outWidth, seed, teacherMomentum, temperature },
    });
  },
  chance: ({ batch, temperature }) => 4 * temperature * Math.log(batch),
  figures: {
    ...spreadFigures,
    contrast: {
      title: "Contrastive loss",
      caption:
        "2τ times the cross-entropy of finding a picture's other view in the batch, both directions together.",
    },
    foundShare: {
      title: "Pictures that are found",
      caption: "Share of the queries that are nearest to the key of their own picture.",
    },
  },
  look: ({ model }, request) => componentLooks(model.encoder, request),
};
