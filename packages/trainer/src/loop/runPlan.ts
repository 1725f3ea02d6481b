import { cosineSchedule, type Schedule } from "@splitmask/optim";
import type { CheckpointSettings } from "../checkpoint/checkpointFolder.js";
import type { ResolvedSettings } from "./settings.js";
import { learningRateOf, resolveSchedule } from "./trainingSchedule.js";
import type { TrainOptions } from "./trainOptions.js";

/** A run whose number of steps is known. */
export interface RunPlan {
  /** The steps of the whole run. */
  readonly steps: number;
  /** What its checkpoints say that it was made with. */
  readonly settings: CheckpointSettings;
  /** The learning rate of each step, from 0. */
  readonly learningRate: Schedule;
  /** The weight decay of each step; null: it stays. */
  readonly weightDecay: Schedule | null;
}

/** Fixes what depends on the number of steps. */
export function planRun<Batch>(
  { schedule: given, task }: TrainOptions<Batch>,
  settings: ResolvedSettings,
  steps: number,
): RunPlan {
  const { accumulate, clipMode, clipNorm, ema, freeze, optimizer, precision, seed } = settings;
  const { weightDecay: base, weightDecayEnd: minimum } = optimizer;
  const schedule = resolveSchedule(given, steps);
  return {
    steps,
    // Only what changes the numbers of a run.
    settings: {
      ...{ task: task.name, seed, schedule, optimizer },
      ...{ clipNorm, clipMode, accumulate, ema, freeze, precision },
    },
    learningRate: learningRateOf(schedule, steps),
    weightDecay: minimum === null ? null : cosineSchedule({ base, minimum, totalSteps: steps }),
  };
}
