import type { Recipe } from "@splitmask/methods";
import type { TrainingOptimizer, TrainingSchedule, TrainOptions } from "@splitmask/trainer";
import type { LoopSettings } from "../settings/runSettings.js";

/** What the settings say of the training loop. */
export type TrainingLoop = Pick<
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
  | "nonFinite"
>;

/** What the settings say of the steps, however many there are. */
type StepLoop = Omit<LoopSettings, "steps" | "seconds" | "checkpointEvery">;

/**
 * The options of `train` that a run's settings say.
 *
 * @param settings Every setting, decided.
 * @param betas Decay rates of AdamW's moments; the optimizer's own when undefined.
 */
export function trainingLoop(settings: StepLoop, betas: Recipe["betas"]): TrainingLoop {
  const { ema } = settings;
  return {
    schedule: scheduleOf(settings),
    optimizer: optimizerOf(settings, betas),
    freeze: settings.freeze,
    clipNorm: settings.clip,
    clipMode: settings.clipMode,
    accumulate: settings.accumulate,
    ema: ema ? { decay: ema, warmup: {} } : null,
    seed: settings.seed,
    precision: settings.precision,
    recompute: settings.recompute,
    nonFinite: { action: settings.onNan },
  };
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
