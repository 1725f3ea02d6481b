import { type ImageDataset, ImageLoader, type ImageLoaderOptions, type View } from "@splitmask/data";
import type { Device } from "@splitmask/kernels";
import type { TrainingOptimizer, TrainingSchedule, TrainOptions } from "@splitmask/trainer";
import type { RunDescription } from "../runs/description.js";
import { type ResolvedConfig, warmupSteps } from "../settings/resolve.js";
import { encoderView, tokenizerView, trainingAugmentation } from "./method.js";

/** What the settings say of the training loop. */
export function trainingOptions(
  config: ResolvedConfig,
): Pick<
  TrainOptions<never>,
  | "schedule"
  | "optimizer"
  | "clipNorm"
  | "clipMode"
  | "accumulate"
  | "ema"
  | "freeze"
  | "seed"
  | "precision"
  | "recompute"
> {
  const { ema } = config;
  return {
    schedule: scheduleOf(config),
    optimizer: optimizerOf(config),
    freeze: config.freeze,
    clipNorm: config.clip,
    clipMode: config.clipMode,
    accumulate: config.accumulate,
    ema: ema ? { decay: ema, warmup: {} } : null,
    seed: config.seed,
    precision: config.precision,
    recompute: config.recompute,
  };
}

function scheduleOf(config: ResolvedConfig): TrainingSchedule {
  const { decayEvery, decayFactor: factor, milestones, minimumLearningRate: minimum, schedule } = config;
  const warm = { base: config.learningRate, warmupSteps: config.warmup ?? warmupSteps };
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

function optimizerOf(config: ResolvedConfig): TrainingOptimizer {
  const { layerDecay, momentum, optimizer, weightDecay, weightDecayEnd } = config;
  const treatment = { weightDecay, layerDecay, ...(weightDecayEnd === null ? {} : { weightDecayEnd }) };
  return optimizer === "adamw"
    ? { kind: "adamw", ...treatment }
    : { kind: optimizer, momentum, ...treatment };
}

/** The views of a training batch: the encoder's and the tokenizer's. */
export function trainingViews(description: Pick<RunDescription, "config" | "mean" | "std">): View[] {
  return [encoderView(description), tokenizerView(description.config)];
}

/**
 * The batches of training: both views of each picture, with the settings' crops and flips.
 *
 * @param device Where they go.
 * @param dataset The pictures.
 * @param description The settings, and the pictures' mean and standard deviation.
 * @param options Where decoded pictures are kept, and what ends the loader; the loader's defaults when not given.
 */
export function trainingBatches(
  device: Device,
  dataset: ImageDataset,
  { config, mean, std }: Pick<RunDescription, "config" | "mean" | "std">,
  options: Pick<ImageLoaderOptions, "cacheBytes" | "cache" | "signal"> = {},
): ImageLoader {
  return new ImageLoader({
    dataset,
    device,
    batchSize: config.batch,
    views: trainingViews({ config, mean, std }),
    seed: config.seed,
    augmentation: trainingAugmentation(config),
    ...options,
  });
}
