import {
  type Augmentation,
  blurOfSize,
  type ImageDataset,
  ImageLoader,
  type ImageLoaderOptions,
  MixedBatches,
  splitMaskAugmentation,
} from "@splitmask/data";
import type { Device } from "@splitmask/kernels";
import {
  classifierMethod,
  type DiscreteVae,
  discreteVaeMethod,
  type EncoderTask,
  encoderView,
  labelledAugmentation,
  type Method,
  type NamedView,
  type Recipe,
  type Supervision,
} from "@splitmask/methods";
import type { TrainingOptimizer, TrainingSchedule, TrainOptions } from "@splitmask/trainer";
import type { VisionTransformerConfig } from "@splitmask/vit";
import { type TrainingCost, trainingCost } from "../estimate/trainingCost.js";
import type { MachineFacts } from "../settings/facts.js";
import { anyColors, type Normalization } from "../settings/normalization.js";
import type { LoopSettings, ShapeSetting, TokenizerRunSettings } from "../settings/runSettings.js";
import {
  type ClassificationStep,
  type CostOf,
  type StepSettings,
  stepKey,
} from "../settings/stepSettings.js";

/** What a run's settings say of its steps, however many there are. */
type StepLoop = Omit<LoopSettings, "steps" | "seconds" | "checkpointEvery" | ShapeSetting>;

/** What a step is made of: a run trains with it, and an estimate counts it. */
export interface RunStep<Settings> {
  /** Decay rates of AdamW's moments; the optimizer's own when undefined. */
  readonly betas: Recipe["betas"];
  /** Number of classes; 0: no labels. */
  classes(settings: Settings & Normalization): number;
  /** What a batch holds. */
  views(settings: Settings & Normalization): readonly NamedView[];
  /** The batches, and where decoded pictures are kept. */
  batches(
    device: Device,
    dataset: ImageDataset,
    settings: Settings & Normalization,
    options?: Pick<ImageLoaderOptions, "cacheBytes" | "cache">,
  ): ImageLoader | MixedBatches;
  /** Something of the shapes of what the method prepares. */
  standIn(device: Device, settings: Settings & Normalization): unknown;
  create(device: Device, settings: Settings & Normalization, parts: unknown): EncoderTask;
}

/** The crop, flip and colors of pre-training. */
export function trainingAugmentation(settings: StepSettings): Augmentation {
  const { blur: gaussianBlur, colorJitter, cropScale, flip, grayscale, solarize } = settings;
  const { imageSize, jitterStrength } = settings;
  return splitMaskAugmentation({
    crop: { scale: [cropScale, 1], horizontalFlip: flip },
    jitter: {
      brightness: 0.4 * jitterStrength,
      contrast: 0.4 * jitterStrength,
      saturation: 0.2 * jitterStrength,
      hue: Math.min(0.5, 0.1 * jitterStrength),
    },
    ...{ colorJitter, grayscale, gaussianBlur, solarize },
    blur: blurOfSize(imageSize),
    colors: true,
  });
}

/** The batches of a loader; where classes are learned, pictures are repeated and mixed. */
function batchesOf(options: ImageLoaderOptions, supervision?: Supervision): ImageLoader | MixedBatches {
  if (supervision === undefined) return new ImageLoader(options);
  const { classes, cutmix: cutmixAlpha, labelSmoothing, mixup: mixupAlpha, repeats } = supervision;
  const loader = new ImageLoader({ ...options, repeats });
  if (mixupAlpha + cutmixAlpha === 0) return loader;
  const mixup = { classes, mixupAlpha, cutmixAlpha, labelSmoothing };
  return new MixedBatches({ device: options.device, loader, seed: options.seed!, mixup });
}

/** Steps of pre-training. */
export function pretrainingStep(method: Method): RunStep<StepSettings> {
  const views = (settings: StepSettings & Normalization) =>
    method.views?.(settings) ?? [encoderView(settings)];
  return {
    betas: method.recipe.betas,
    classes: (settings) => method.supervision?.(settings).classes ?? 0,
    views,
    batches: (device, dataset, settings, options) =>
      batchesOf(
        {
          ...{ dataset, device, batchSize: settings.batch, views: [...views(settings)], seed: settings.seed },
          augmentation: trainingAugmentation(settings),
          ...options,
        },
        method.supervision?.(settings),
      ),
    standIn: (device, settings) => method.preparation?.standIn(device, settings),
    create: (device, settings, parts) => method.create(device, settings, parts),
  };
}

/** Steps that learn classes, with augmented and mixed pictures. */
export function classificationStep(encoder: VisionTransformerConfig, classes: number) {
  return {
    betas: undefined,
    classes: () => classes,
    views: (settings) => [encoderView(settings)],
    batches: (device, dataset, settings, options) =>
      batchesOf(
        {
          ...{ dataset, device, batchSize: settings.batch, views: [encoderView(settings)] },
          ...{ seed: settings.seed, augmentation: labelledAugmentation(settings) },
          ...options,
        },
        { ...settings, classes },
      ),
    standIn: () => undefined,
    create: (device: Device, settings: ClassificationStep) => {
      const { dropPath, imageSize } = settings;
      const shape = { ...encoder, imageSize, dropPath };
      return classifierMethod.create(device, { ...settings, classes, encoder: shape });
    },
  } satisfies RunStep<ClassificationStep>;
}

/** Steps that train a tokenizer: crops and flips of pictures in [−1, 1]. */
export const tokenizerStep = {
  betas: undefined,
  classes: () => 0,
  views: (settings) => [encoderView(settings)],
  batches(device, dataset, settings, options) {
    const { batch: batchSize, cropScale, flip: horizontalFlip, seed } = settings;
    const augmentation = splitMaskAugmentation({ crop: { scale: [cropScale, 1], horizontalFlip } });
    const views = [encoderView(settings)];
    return new ImageLoader({ ...{ dataset, device, batchSize, views, seed, augmentation }, ...options });
  },
  standIn: () => undefined,
  create: (device: Device, settings): DiscreteVae => discreteVaeMethod.create(device, settings),
} satisfies RunStep<TokenizerRunSettings>;

/** The options of `train` that a run's settings say. */
export function trainingLoop(settings: StepLoop, { betas }: { readonly betas?: Recipe["betas"] }) {
  const { accumulate, clip, clipMode, ema, freeze, onNan, precision, recompute, seed } = settings;
  return {
    schedule: scheduleOf(settings),
    optimizer: optimizerOf(settings, betas),
    ...{ freeze, clipNorm: clip, clipMode, accumulate, seed, precision, recompute },
    ema: ema ? { decay: ema, warmup: {} } : null,
    nonFinite: { action: onNan },
  } satisfies Partial<TrainOptions<never>>;
}

function scheduleOf(settings: StepLoop): TrainingSchedule {
  const { decayEvery, decayFactor: factor, milestones, minimumLearningRate: minimum, schedule } = settings;
  const warmupSteps = settings.warmup ?? ((steps: number) => Math.round(settings.warmupShare * steps));
  const warm = { base: settings.learningRate, warmupSteps };
  switch (schedule) {
    case "step":
      return { kind: "step", ...warm, every: decayEvery!, factor };
    case "multi-step":
      return { kind: "multiStep", ...warm, milestones: milestones!, factor };
    case "constant":
      return { kind: "constant", ...warm };
    default:
      return { kind: schedule, ...warm, minimum };
  }
}

function optimizerOf(settings: StepLoop, betas: Recipe["betas"]): TrainingOptimizer {
  const { layerDecay, momentum, optimizer, weightDecay, weightDecayEnd } = settings;
  const treatment = { weightDecay, layerDecay, ...(weightDecayEnd === null ? {} : { weightDecayEnd }) };
  return optimizer === "adamw"
    ? { kind: "adamw", ...treatment, ...(betas === undefined ? {} : { betas }) }
    : { kind: optimizer, momentum, ...treatment };
}

/** What a step costs does not depend on how fast it learns. */
const anyRate = { learningRate: 1e-3, minimumLearningRate: 0, warmup: 0 };

/** What steps take on a machine; each is counted once, however often it is asked for. */
export function costsOf<Settings extends Omit<StepLoop, keyof typeof anyRate>>(
  step: RunStep<Settings>,
  { rates }: Pick<MachineFacts, "rates">,
): CostOf<Settings> {
  const counted = new Map<string, Promise<TrainingCost>>();
  const count = (given: Settings) => {
    const settings = { ...given, ...anyColors };
    return trainingCost(
      {
        standIn: (device) => step.standIn(device, settings),
        create: (device, parts) => step.create(device, settings, parts),
        batches: (device, dataset, { batch, cacheBytes }) =>
          step.batches(device, dataset, { ...settings, batch }, { cacheBytes }),
        loop: trainingLoop({ ...given, ...anyRate }, step),
        batch: given.batch,
        classes: step.classes(settings),
      },
      rates,
    );
  };
  return (given) => {
    const key = stepKey(given);
    const known = counted.get(key) ?? count(given);
    counted.set(key, known);
    return known;
  };
}

/**
 * What steps of a method take on a machine.
 *
 * @param method The method.
 * @param machine How fast it is.
 */
export function pretrainingCosts(method: Method, machine: Pick<MachineFacts, "rates">): CostOf {
  return costsOf(pretrainingStep(method), machine);
}
