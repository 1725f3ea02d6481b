import type { Recipe } from "@splitmask/methods";
import type { TrainingOptimizer, TrainingSchedule, TrainOptions } from "@splitmask/trainer";
import type { LoopSettings } from "../settings/runSettings.js";

/** What the settings say of the steps, however many there are. */
export type StepLoop = Omit<LoopSettings, "steps" | "seconds" | "checkpointEvery">;

/** What the settings say of the training loop. */
export type TrainingLoop = ReturnType<typeof trainingLoop>;

/** The options of `train` that a run's settings say, with the decay rates of AdamW's moments or the optimizer's own. */
export function trainingLoop(settings: StepLoop, betas: Recipe["betas"]) {
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
