import { blurOfSize, dinoViews, type ImageBatch } from "@splitmask/augmentation";
import {
  affine,
  concatenate,
  exp,
  log,
  logSoftmax,
  mean,
  multiply,
  noGrad,
  scope,
  slice,
  softmax,
  sum,
  type Tensor,
} from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import { distillationLoss } from "@splitmask/losses";
import type { ForwardContext } from "@splitmask/nn";
import { updateAverages } from "@splitmask/optim";
import type { HealthAlarm, TaskLoss, TrainingTask } from "@splitmask/trainer";
import type { VisionTransformer, VisionTransformerConfig } from "@splitmask/vit";
import { z } from "zod";
import { componentLooks } from "./componentLooks.js";
import { encoderSpread, singleFeatureAlarm } from "./descriptorSpread.js";
import { type DinoHeadOptions, DinoModel } from "./dinoModel.js";
import { encoderConfig, givenEncoder } from "./encoderSettings.js";
import { spreadFigures } from "./figureNotes.js";
import { checkJointViews, decideLocalSize } from "./jointViews.js";
import type { Method } from "./method.js";
import { type Decided, field } from "./settings/field.js";
import { formatCount } from "./settings/formatCount.js";
import { risingMomentum } from "./teacher.js";

/** Options of `Dino`; the defaults are those of Caron et al. 2021 (arXiv 2104.14294) and of its code. */
export interface DinoConfig extends Partial<DinoHeadOptions> {
  /**
   * The student's encoder: a config (`vit("small", …)`), or an existing model. The teacher starts as a copy of it. In a
   * config, drop path defaults to 0.1. The head sees the mean of the patches' outputs, or that of the class token if
   * the encoder has one (`classToken: true`), as in the paper.
   */
  readonly encoder: VisionTransformerConfig | VisionTransformer;
  /** What the student's cosines are divided by. Default 0.1. */
  readonly studentTemperature?: number;
  /** What the teacher's centered cosines are divided by. Default 0.07. */
  readonly teacherTemperature?: number;
  /** The teacher's temperature at the first step, from which it changes linearly. Default 0.04. */
  readonly firstTeacherTemperature?: number;
  /** Share of the run after which it is `teacherTemperature`. Default 0.1: 30 of 300 epochs. */
  readonly temperatureWarmup?: number;
  /** Share of the teacher's weights that is kept at the first step; it rises to 1 along a cosine. Default 0.996. */
  readonly teacherMomentum?: number;
  /** Share of the center that is kept at a step. Default 0.9. */
  readonly centerMomentum?: number;
  /**
   * Number of steps at the start of the run, at most a tenth of it, in which the prototypes are not trained; in the
   * paper one epoch. Default 0.
   */
  readonly freezeLastLayer?: number;
  /** Draws the first weights. Default 0. */
  readonly seed?: number;
}

/** A config with its defaults filled in. */
export type ResolvedDinoConfig = Required<Omit<DinoConfig, "encoder">>;

/** The share of a run after which the prototypes are trained at the latest. */
const longestFreeze = 0.1;

/**
 * Fills in the defaults and checks the numbers.
 *
 * @throws RangeError If a temperature is not positive, or a share or momentum not from 0 to 1.
 */
export function resolveDinoConfig({ encoder: _, ...given }: DinoConfig): ResolvedDinoConfig {
  const resolved: ResolvedDinoConfig = {
    ...{ hiddenWidth: 2048, bottleneckWidth: 256, prototypes: 65_536 },
    ...{ studentTemperature: 0.1, teacherTemperature: 0.07, firstTeacherTemperature: 0.04 },
    ...{ temperatureWarmup: 0.1, teacherMomentum: 0.996, centerMomentum: 0.9, freezeLastLayer: 0, seed: 0 },
    ...given,
  };
  for (const name of ["studentTemperature", "teacherTemperature", "firstTeacherTemperature"] as const) {
    if (!(resolved[name] > 0))
      throw new RangeError(`Dino: ${name} is ${resolved[name]}; expected a positive number, e.g. 0.04.`);
  }
  for (const name of ["temperatureWarmup", "teacherMomentum", "centerMomentum"] as const) {
    if (!(resolved[name] >= 0 && resolved[name] <= 1))
      throw new RangeError(`Dino: ${name} is ${resolved[name]}; expected a number from 0 to 1.`);
  }
  return resolved;
}

/** Entropies of a teacher's outputs for a batch. */
interface TeacherEntropies {
  /** In bits: the mean over the pictures of the entropy of each one's output. */
  readonly ofPictures: Tensor;
  /** In bits: the entropy of the mean output. */
  readonly ofMean: Tensor;
}

/** Entropies of the rows' softmax, R×K. */
function entropiesOf(logits: Tensor): TeacherEntropies {
  const logarithms = logSoftmax(logits);
  const probabilities = exp(logarithms);
  const used = mean(probabilities, { axes: [0] });
  const bits = (sums: Tensor, rows: number) => affine(sums, -1 / (rows * Math.LN2), 0);
  return {
    ofPictures: bits(sum(multiply(probabilities, logarithms)), logits.shape[0]!),
    // Without 0·ln 0.
    ofMean: bits(sum(multiply(used, log(affine(used, 1, 1e-30)))), 1),
  };
}

/** Signs of the two ways to collapse, and of few features. */
function alarmsFor(prototypes: number): readonly HealthAlarm[] {
  const advice = "Try a lower learning rate, a longer warm-up, or another teacherTemperature.";
  return [
    {
      figure: "teacherEntropy",
      above: 0.98 * Math.log2(prototypes),
      advice: `The teacher's output is nearly uniform for every picture: there is nothing to learn. ${advice}`,
    },
    {
      figure: "prototypeEntropy",
      below: 0.5,
      advice: `The teacher's output is the same for nearly all pictures: one prototype is left. ${advice}`,
    },
    singleFeatureAlarm(1.2, advice),
  ];
}

/**
 * DINO (Caron et al. 2021, arXiv 2104.14294): for every view of a picture, a student predicts a teacher's output for
 * another, global view. The teacher is the moving average of the student. Its outputs are centered (a moving mean is
 * subtracted) and sharpened (divided by a low temperature), which together prevent collapse.
 *
 * A batch has two global views, B×3×S×S, and any number of local ones, B×3×s×s of one smaller size in whole patches;
 * the encoder interpolates its positions for them.
 */
export class Dino implements TrainingTask<ImageBatch> {
  /** `"dino"`. */
  readonly name = "dino";
  /** What is trained and saved. */
  readonly model: DinoModel;
  /** The config with its defaults filled in. */
  readonly config: ResolvedDinoConfig;
  /** Signs of collapse. */
  readonly alarms: readonly HealthAlarm[];
  readonly #device: Device;

  /**
   * Makes the student, and the teacher as its copy.
   *
   * @param device Where the model lives.
   * @param config See `DinoConfig`.
   * @throws RangeError If a number is out of range.
   */
  constructor(device: Device, config: DinoConfig) {
    this.#device = device;
    this.config = resolveDinoConfig(config);
    const { seed } = this.config;
    const encoder = givenEncoder(device, config.encoder, { dropPath: dinoMethod.recipe.dropPath }, { seed });
    this.model = new DinoModel(device, encoder, this.config);
    this.alarms = alarmsFor(this.config.prototypes);
  }

  /** What the teacher's centered cosines are divided by when a share `progress` of the run, 0 to 1, is done. */
  teacherTemperature(progress: number): number {
    const { firstTeacherTemperature: first, teacherTemperature: last, temperatureWarmup } = this.config;
    return progress >= temperatureWarmup ? last : first + (last - first) * (progress / temperatureWarmup);
  }

  /**
   * The mean cross-entropy of all pairs of a global view, which the teacher sees, and another one, which the student
   * sees.
   *
   * @param batch Two global views, then the local ones.
   * @param context `progress` determines the teacher's temperature, and with `step` whether prototypes are trained.
   * @returns `total`, the same as `parts.distillation`, and for `afterStep` the mean of the teacher's outputs.
   */
  loss(batch: ImageBatch, context: ForwardContext): TaskLoss {
    const { progress = 0, step } = context;
    const { freezeLastLayer, studentTemperature } = this.config;
    const { statistics, student, teacher } = scope(this.#device, () => {
      const { global, local, pictures } = this.#views(batch);
      const taught = this.model.teach(global, this.teacherTemperature(progress), context);
      const trained = step >= freezeLastLayer || progress >= longestFreeze;
      const options = { pictures, temperature: studentTemperature, trained };
      return {
        student: this.model.study(global, local, options, context),
        teacher: noGrad(this.#device, () => {
          const distributions = softmax(taught.logits);
          return [0, 1].map((view) => slice(distributions, 0, view * pictures, (view + 1) * pictures));
        }),
        statistics: { center: taught.mean },
      };
    });
    const distillation = distillationLoss(student, teacher);
    return { total: distillation, parts: { distillation }, statistics };
  }

  /** Updates the teacher with the student's weights, and the center with the mean of the teacher's outputs. */
  afterStep({ progress = 0 }: ForwardContext, statistics: Readonly<Record<string, Tensor>>): void {
    const { centerMomentum, teacherMomentum } = this.config;
    this.model.follow(risingMomentum(teacherMomentum, progress));
    updateAverages([{ average: this.model.center, value: statistics.center! }], centerMomentum);
  }

  /**
   * How well it goes.
   *
   * @returns `descriptorVariance` and `effectiveRank` of the teacher's encoder (see `encoderSpread`),
   *   `teacherEntropy`, the mean entropy of the teacher's output for a picture, and `prototypeEntropy`, the entropy of
   *   its mean output, both in bits and at the final temperature.
   */
  health(batch: ImageBatch, context: ForwardContext): Readonly<Record<string, Tensor>> {
    return noGrad(this.#device, () =>
      scope(this.#device, () => {
        const { global } = this.#views(batch);
        const { ofMean, ofPictures } = entropiesOf(
          this.model.teach(global, this.config.teacherTemperature, context).logits,
        );
        return {
          ...encoderSpread(this.model.encoder, batch.views[0]!, context),
          teacherEntropy: ofPictures,
          prototypeEntropy: ofMean,
        };
      }),
    );
  }

  /** The views, concatenated by size: (2·B)×3×S×S, (L·B)×3×s×s, and B. */
  #views({ views }: ImageBatch): {
    readonly global: Tensor;
    readonly local: Tensor | null;
    readonly pictures: number;
  } {
    checkJointViews("Dino", views, this.model.encoder);
    const [first, second, ...others] = views;
    return {
      global: concatenate([first!, second!], 0),
      local: others.length === 0 ? null : concatenate(others, 0),
      pictures: first!.shape[0]!,
    };
  }
}

/** DINO's own settings. */
export const dinoFields = {
  localCrops: field(z.int().min(0).max(32), {
    description: "Number of local crops of a picture, besides the two global ones. Default: 8",
    placeholder: "<n>",
  }),
  localSize: field(z.int().positive(), {
    description:
      "Side of a local crop in pixels, a multiple of the patch. Default: three sevenths of the image size, in whole " +
      "patches (the paper's 96 of 224)",
    placeholder: "<pixels>",
  }),
  localScale: field(z.number().gt(0).max(1), {
    description:
      "Smallest area of a local crop, as a share of the picture; the largest is the crop scale. Default: 0.05",
    placeholder: "<share>",
  }),
  prototypes: field(z.int().min(2), {
    description:
      "Number of prototypes, the outputs of DINO's head. Default: the largest power of two that is no more than the " +
      "number of pictures, at most the paper's 65,536",
    placeholder: "<n>",
  }),
  teacherTemperature: field(z.number().positive(), {
    description: "Temperature of the teacher, reached from 0.04 in the first tenth of the run. Default: 0.07",
    placeholder: "<value>",
  }),
  teacherMomentum: field(z.number().min(0).max(1), {
    description:
      "Share of the teacher's weights that is kept at the first step; it rises to 1 along a cosine. Default: 0.996",
    placeholder: "<share>",
  }),
  freezeLastLayer: field(z.int().min(0), {
    description:
      "Steps at the start of the run in which the prototypes are not trained, at most a tenth of it. Default: one " +
      "epoch",
    placeholder: "<steps>",
  }),
};

/** DINO's own settings, decided. */
export type DinoSettings = Decided<typeof dinoFields>;

const entropyChart = {
  title: "Entropy of the teacher's outputs",
  caption: "In bits, of the output for a picture, and of the mean output over pictures.",
};

/** DINO as a row of the table of methods; the recipe is that of the paper for ViT-S, in 300 epochs. */
export const dinoMethod: Method<typeof dinoFields, DinoSettings, undefined, Dino> = {
  name: "dino",
  title: "DINO",
  paper: "Caron et al. 2021, arXiv 2104.14294",
  fields: dinoFields,
  recipe: {
    learningRate: { value: 2e-3, batch: 1024, width: 384 },
    peakToMinimum: 2000,
    warmupShare: 10 / 300,
    weightDecay: 0.04,
    weightDecayEnd: 0.4,
    clip: 3,
    clipMode: "tensor",
    dropPath: 0.1,
    cropScale: 0.4,
    colorsForFew: false,
    ownColors: "jitter 0.8, gray 0.2, blur 1, 0.1 and (local) 0.5, solarize 0, 0.2 and 0",
  },
  decide(given, facts, decisions) {
    const { batch, count } = facts;
    const most = 2 ** Math.floor(Math.log2(Math.max(2, Math.min(65_536, count))));
    const reason = `a power of two that is no more than the ${formatCount(count)} pictures; the paper has 65,536`;
    return {
      localCrops: given.localCrops ?? 8,
      localSize: decideLocalSize(given, { localCrops: 8, share: 3 / 7 }, facts, decisions),
      localScale: given.localScale ?? 0.05,
      prototypes: decisions.take("prototypes", given.prototypes, most, reason, formatCount),
      teacherTemperature: given.teacherTemperature ?? 0.07,
      teacherMomentum: given.teacherMomentum ?? 0.996,
      freezeLastLayer: given.freezeLastLayer ?? Math.max(1, Math.floor(count / batch)),
    };
  },
  views({ cropScale, flip, imageSize, localCrops, localScale, localSize, mean, std }) {
    return dinoViews({
      ...{ mean, std, localCrops, localSize },
      globalSize: imageSize,
      globalScale: [cropScale, 1],
      localScale: [Math.min(localScale, cropScale), cropScale],
      horizontalFlip: flip,
      blur: blurOfSize(imageSize),
    }).map((view, index) => ({ ...view, name: index < 2 ? `global ${index + 1}` : `local ${index - 1}` }));
  },
  create(device, settings) {
    const { freezeLastLayer, prototypes, seed, teacherMomentum, teacherTemperature } = settings;
    return new Dino(device, {
      encoder: encoderConfig(settings),
      ...{ freezeLastLayer, prototypes, seed, teacherMomentum, teacherTemperature },
    });
  },
  chance: ({ prototypes }) => Math.log(prototypes),
  figures: {
    ...spreadFigures,
    distillation: {
      title: "Distillation loss",
      caption: "Cross-entropy of the student's output for a view with the teacher's for another.",
    },
    teacherEntropy: {
      title: "Entropy of the teacher's outputs",
      caption: "In bits, of the output for a picture: how unsure the teacher is.",
      shared: { ...entropyChart, line: "of a picture" },
    },
    prototypeEntropy: {
      title: "Entropy of the prototypes",
      caption: "In bits, of the mean output over pictures: how many prototypes are in use.",
      shared: { ...entropyChart, line: "of their mean" },
    },
  },
  look: ({ model }, request) => componentLooks(model.encoder, request),
};
