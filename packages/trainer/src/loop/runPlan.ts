import { cosineSchedule, type Schedule } from "@splitmask/optim";
import type { CheckpointSettings } from "../checkpoint/checkpointFolder.js";
import { type PlanHistory, positionIn, stepsOf } from "./planPosition.js";
import { type EvaluatedSteps, Rhythm } from "./rhythm.js";
import type { ResolvedSettings } from "./settings.js";
import { dependsOnSteps, learningRateOf, resolveSchedule } from "./trainingSchedule.js";
import type { TrainOptions } from "./trainOptions.js";

/** A run whose number of steps is known. */
export interface RunPlan extends EvaluatedSteps {
  /** How it came to be. */
  readonly history: PlanHistory;
  /** What its checkpoints say that it was made with. */
  readonly settings: CheckpointSettings;
  /** The learning rate of each step, from 0. */
  readonly learningRate: Schedule;
  /** The weight decay of each step; null: it stays. */
  readonly weightDecay: Schedule | null;
  /** Share of the run's steps that come before each step, from 0; if the plan changes at resume, as for schedules. */
  readonly progress: Schedule;
  /** When there are checkpoints, besides that of the end. */
  readonly checkpoints: Rhythm;
}

/** Fixes what depends on the number of steps. */
export function planRun<Batch>(
  { schedule: given, task }: TrainOptions<Batch>,
  settings: ResolvedSettings,
  history: PlanHistory,
): RunPlan {
  const { accumulate, clipMode, clipNorm, ema, freeze, optimizer, precision, seed } = settings;
  const { weightDecay: base, weightDecayEnd: minimum } = optimizer;
  const { firstSteps } = history;
  const schedule = resolveSchedule(given, firstSteps);
  const planned = learningRateOf(schedule, firstSteps);
  const position = positionIn(history, typeof given.warmupSteps === "number" ? schedule.warmupSteps : 0);
  const along = positionIn(history);
  const decay = minimum === null ? null : cosineSchedule({ base, minimum, totalSteps: firstSteps });
  return {
    history,
    steps: stepsOf(history),
    // Only what changes the numbers of a run.
    settings: {
      ...{ task: task.name, seed, schedule, optimizer },
      ...{ clipNorm, clipMode, accumulate, ema, freeze, precision },
    },
    learningRate: dependsOnSteps(given) ? (step) => planned(position(step)) : planned,
    weightDecay: decay === null ? null : (step) => decay(along(step)),
    progress: (step) => along(step) / firstSteps,
    checkpoints: new Rhythm(settings.checkpointEvery, history),
    evaluations: settings.evaluation === null ? null : new Rhythm(settings.evaluation.every, history),
  };
}
