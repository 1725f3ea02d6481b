import {
  constantSchedule,
  cosineSchedule,
  linearSchedule,
  multiStepSchedule,
  type Schedule,
  stepSchedule,
  withWarmup,
} from "@splitmask/optim";
import { requireAtLeast, requireKind, requireWhole } from "./requirements.js";

/**
 * A number of steps, or a function of the number of steps of the whole run, for runs whose time limit is turned into
 * steps.
 */
export type StepCount = number | ((steps: number) => number);

/** The number of steps in a run of so many. */
export function countOf(given: StepCount, steps: number): number {
  return typeof given === "function" ? Math.round(given(steps)) : given;
}

/**
 * What all schedules begin with: the rate rises linearly from `warmupStart` to `base`, and is then what the schedule
 * says for the step, counted from the first of the run.
 */
interface Warmup {
  /** The learning rate after the warm-up: of most schedules the largest. */
  readonly base: number;
  /** Steps of warm-up; at most all but one. Default 0. */
  readonly warmupSteps?: StepCount;
  /** Learning rate of the first step of a warm-up. Default 0. */
  readonly warmupStart?: number;
}

/** Half a cosine from the end of the warm-up to the last step; BEiT's, and the default. */
export interface CosineTrainingSchedule extends Warmup {
  /** Tells the schedules apart; may be left out. */
  readonly kind?: "cosine";
  /** Learning rate that it ends at. Default 0. */
  readonly minimum?: number;
}

/** A straight line from the end of the warm-up to the last step. */
export interface LinearTrainingSchedule extends Warmup {
  /** Tells the schedules apart. */
  readonly kind: "linear";
  /** Learning rate that it ends at. Default 0. */
  readonly minimum?: number;
}

/** Stairs of equal length. */
export interface StepTrainingSchedule extends Warmup {
  /** Tells the schedules apart. */
  readonly kind: "step";
  /** How many steps a rate lasts, the warm-up included in the first. */
  readonly every: StepCount;
  /** What the rate is multiplied with then. Default 0.1. */
  readonly factor?: number;
}

/** Stairs at given steps. */
export interface MultiStepTrainingSchedule extends Warmup {
  /** Tells the schedules apart. */
  readonly kind: "multiStep";
  /** The rate is multiplied once more after so many steps, none of them within the warm-up. */
  readonly milestones: readonly number[] | ((steps: number) => readonly number[]);
  /** What it is multiplied with. Default 0.1. */
  readonly factor?: number;
}

/** The same rate after the warm-up. */
export interface ConstantTrainingSchedule extends Warmup {
  /** Tells the schedules apart. */
  readonly kind: "constant";
}

/** The learning rate as a function of the step. */
export type TrainingSchedule =
  | CosineTrainingSchedule
  | LinearTrainingSchedule
  | StepTrainingSchedule
  | MultiStepTrainingSchedule
  | ConstantTrainingSchedule;

/** A schedule's fields, each decided; what was a function of the number of steps is what it gave. */
type Decided<Fields> = {
  readonly [Field in keyof Fields]-?: Exclude<Fields[Field], undefined | ((steps: number) => unknown)>;
};

/** A schedule of a run whose number of steps is known, with everything decided: what checkpoints say of it. */
export type ResolvedSchedule =
  | Decided<CosineTrainingSchedule>
  | Decided<LinearTrainingSchedule>
  | Decided<StepTrainingSchedule>
  | Decided<MultiStepTrainingSchedule>
  | Decided<ConstantTrainingSchedule>;

const kinds = ["cosine", "linear", "step", "multiStep", "constant"] as const;

/** @throws RangeError naming the field that makes no sense. */
export function checkSchedule(schedule: TrainingSchedule): void {
  requireKind("schedule.kind", schedule.kind ?? "cosine", kinds);
  requireAtLeast("schedule.base", schedule.base, 0);
  requireAtLeast("schedule.warmupStart", schedule.warmupStart ?? 0, 0);
  if (typeof schedule.warmupSteps === "number") requireWhole("schedule.warmupSteps", schedule.warmupSteps, 0);
  if ("minimum" in schedule) requireAtLeast("schedule.minimum", schedule.minimum ?? 0, 0);
  if ("factor" in schedule) requireAtLeast("schedule.factor", schedule.factor ?? 0.1, 0);
  if (schedule.kind === "step" && typeof schedule.every !== "function")
    requireWhole("schedule.every", schedule.every, 1);
}

/**
 * Fixes a schedule for a run of so many steps.
 *
 * @throws RangeError where a milestone lies within the warm-up.
 */
export function resolveSchedule(schedule: TrainingSchedule, steps: number): ResolvedSchedule {
  const { base, warmupStart = 0 } = schedule;
  const warmupSteps = Math.max(0, Math.min(countOf(schedule.warmupSteps ?? 0, steps), steps - 1));
  const warmup = { base, warmupSteps, warmupStart };
  switch (schedule.kind) {
    case "step": {
      const { every, factor = 0.1 } = schedule;
      return { kind: "step", ...warmup, every: Math.max(1, countOf(every, steps)), factor };
    }
    case "multiStep": {
      const { factor = 0.1, milestones: given } = schedule;
      const milestones = (typeof given === "function" ? given(steps).map(Math.round) : [...given]).sort(
        (a, b) => a - b,
      );
      const name = `a milestone of the schedule, which has a warm-up of ${warmupSteps} steps,`;
      for (const milestone of milestones) requireWhole(name, milestone, warmupSteps);
      return { kind: "multiStep", ...warmup, milestones, factor };
    }
    case "constant":
      return { kind: "constant", ...warmup };
    default: {
      const { kind = "cosine", minimum = 0 } = schedule;
      return { kind, ...warmup, minimum };
    }
  }
}

/**
 * Whether what follows the warm-up is another where a run has another number of steps: not stairs at given steps, and
 * no constant.
 */
export function dependsOnSteps(schedule: TrainingSchedule): boolean {
  switch (schedule.kind) {
    case "step":
      return typeof schedule.every === "function";
    case "multiStep":
      return typeof schedule.milestones === "function";
    case "constant":
      return false;
    default:
      return true;
  }
}

/** The learning rate of each step of a run of so many, from 0; also between whole steps. */
export function learningRateOf(schedule: ResolvedSchedule, steps: number): Schedule {
  const { base, warmupStart, warmupSteps } = schedule;
  const begun = (rest: Schedule) => withWarmup(rest, { base, warmupSteps, start: warmupStart });
  // Stairs count from the first step of the run.
  const shifted = (whole: Schedule) => begun((step) => whole(step + warmupSteps));
  switch (schedule.kind) {
    case "cosine":
      return cosineSchedule({
        base,
        minimum: schedule.minimum,
        warmupSteps,
        start: warmupStart,
        totalSteps: steps,
      });
    case "linear":
      return begun(linearSchedule({ base, minimum: schedule.minimum, totalSteps: steps - warmupSteps }));
    case "step":
      return shifted(stepSchedule(schedule));
    case "multiStep":
      return shifted(multiStepSchedule(schedule));
    case "constant":
      return begun(constantSchedule(base));
  }
}
