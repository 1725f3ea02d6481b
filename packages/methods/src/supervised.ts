import type { Tensor } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import type { ForwardContext } from "@splitmask/nn";
import type { HealthAlarm } from "@splitmask/trainer";
import { Classifier, type ClassifierConfig, type LabelledBatch } from "./classifier.js";
import { componentLooks } from "./componentLooks.js";
import { encoderSpread, singleFeatureAlarm } from "./descriptorSpread.js";
import { encoderConfig, encoderView, givenEncoder } from "./encoderSettings.js";
import { spreadFigures } from "./figureNotes.js";
import { fineTuningRecipes } from "./fineTuningRecipes.js";
import type { Method } from "./method.js";
import { contradiction } from "./settings/decisions.js";
import { decideSupervision, labelledAugmentation } from "./supervision.js";
import { type SupervisionSettings, supervisionFields } from "./supervisionFields.js";

const alarms: readonly HealthAlarm[] = [
  singleFeatureAlarm(1.2, "Try a lower learning rate, a longer warm-up or a longer run."),
];

const { deit } = fineTuningRecipes;

/**
 * Supervised pre-training (DeiT, Touvron et al. 2021, arXiv 2012.12877, without distillation): a linear head classifies
 * the class token's output where the encoder has one (`classToken: true`), as in the paper, else the mean of the
 * patches' outputs.
 *
 * A batch has one view, B×3×S×S, and the classes of the pictures, or what mixing made of them.
 */
export class Supervised extends Classifier {
  /** `"supervised"`. */
  override readonly name = "supervised";
  /** Signs of trouble. */
  readonly alarms: readonly HealthAlarm[] = alarms;

  /**
   * Makes encoder (unless one is given) and head.
   *
   * @param device Where the model lives.
   * @param config As for `Classifier`, but the encoder has a last norm, and a config's drop path defaults to 0.1. The
   *   head's weights are drawn with DeiT's deviation, 0.02, unless another is given.
   * @throws RangeError If an option is out of range.
   */
  constructor(device: Device, config: ClassifierConfig) {
    const { seed = 0 } = config;
    super(device, {
      headDeviation: deit.headDeviation,
      ...config,
      encoder: givenEncoder(device, config.encoder, { dropPath: deit.dropPath }, { seed }),
    });
  }

  /**
   * How well it goes.
   *
   * @returns `descriptorVariance` and `effectiveRank` of the encoder's outputs (see `encoderSpread`).
   */
  health({ views }: LabelledBatch, context: ForwardContext): Readonly<Record<string, Tensor>> {
    return encoderSpread(this.model.encoder, views[0]!, context);
  }
}

/** Supervised pre-training's own settings, decided, and how many classes there are. */
export type SupervisedSettings = SupervisionSettings & {
  /** How many classes there are. */
  readonly classCount: number;
};

/** Supervised pre-training as a row of the table of methods; the recipe is DeiT's, which `fineTuningRecipes` has. */
export const supervisedMethod: Method<typeof supervisionFields, SupervisedSettings, undefined, Supervised> = {
  name: "supervised",
  title: "Supervised training",
  paper: "Touvron et al. 2021 (DeiT), arXiv 2012.12877",
  fields: supervisionFields,
  recipe: {
    learningRate: { value: deit.learningRate, batch: deit.batch, width: 768 },
    peakToMinimum: deit.learningRate / deit.minimumLearningRate,
    warmupShare: deit.warmupEpochs / deit.epochs,
    weightDecay: deit.weightDecay,
    clip: deit.clip,
    dropPath: deit.dropPath,
    cropScale: deit.cropScale,
    colorsForFew: false,
    ownColors: "RandAugment, color jitter and erasing",
  },
  decide(given, { batch, classes }, decisions) {
    if (classes < 2) {
      throw contradiction(
        "method",
        `supervised learns the classes of the pictures, and they have ${classes === 0 ? "none" : "only one"}: put ` +
          "the pictures of each class in a folder of its own, give another source with labels, or choose a method " +
          "that learns without labels, such as splitmask",
      );
    }
    return { ...decideSupervision(given, deit, "DeiT's recipe", batch, decisions), classCount: classes };
  },
  views: (settings) => [{ ...encoderView(settings), augmentation: labelledAugmentation(settings) }],
  supervision: (settings) => ({ ...settings, classes: settings.classCount }),
  create(device, settings) {
    const { classCount: classes, headDeviation, labelSmoothing: smoothing, seed } = settings;
    return new Supervised(device, {
      encoder: encoderConfig(settings),
      ...{ classes, headDeviation, smoothing, seed },
    });
  },
  chance: ({ classCount }) => Math.log(classCount),
  figures: {
    ...spreadFigures,
    accuracy: {
      title: "Accuracy of a batch",
      caption:
        "Share of the augmented pictures that are classified rightly; of mixed pictures there is none.",
    },
  },
  look: ({ model }, request) => componentLooks(model.encoder, request),
};
