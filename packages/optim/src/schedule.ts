/**
 * A value for each step, counted from 0: a learning rate, a weight decay, a momentum. Defined between whole steps too,
 * for a run whose plan was stretched or shortened.
 */
export type Schedule = (step: number) => number;

/** How a schedule rises before it runs. */
export interface WarmupOptions {
  /** The value that the rise ends at. */
  readonly base: number;
  /** W, steps of linear rise. */
  readonly warmupSteps: number;
  /** The value of the first step. Default 0. */
  readonly start?: number;
}

/**
 * A linear rise before a schedule: start + (base − start)·s/(W − 1) for s < W, at most base (base if W = 1), then
 * schedule(s − W). PyTorch: `SequentialLR` of `LinearLR` over W − 1 steps and the schedule, at milestone W.
 *
 * @throws RangeError If `warmupSteps` is no whole number from 0 on.
 */
export function withWarmup(schedule: Schedule, options: WarmupOptions): Schedule {
  const { base, warmupSteps, start = 0 } = options;
  requireSteps("withWarmup", "warmupSteps", warmupSteps, 0);
  return (step) => {
    if (step >= warmupSteps) return schedule(step - warmupSteps);
    return warmupSteps === 1 || step > warmupSteps - 1
      ? base
      : start + ((base - start) * step) / (warmupSteps - 1);
  };
}

/** The same value at every step. */
export function constantSchedule(value: number): Schedule {
  return () => value;
}

/** Options of `linearSchedule`. */
export interface LinearScheduleOptions {
  /** The first value. */
  readonly base: number;
  /** The value from `totalSteps` on. Default 0. */
  readonly minimum?: number;
  /** T, the steps in which it gets there. */
  readonly totalSteps: number;
}

/**
 * A straight line: base + (minimum − base)·s/T, from T on the minimum. PyTorch: `LinearLR` with `end_factor = minimum /
 * base`.
 *
 * @throws RangeError If `totalSteps` is no whole number from 1 on.
 */
export function linearSchedule({ base, minimum = 0, totalSteps }: LinearScheduleOptions): Schedule {
  requireSteps("linearSchedule", "totalSteps", totalSteps, 1);
  return (step) => (step >= totalSteps ? minimum : base + ((minimum - base) * step) / totalSteps);
}

/** Options of `stepSchedule`. */
export interface StepScheduleOptions {
  /** The first value. */
  readonly base: number;
  /** How many steps a value lasts. */
  readonly every: number;
  /** What the value is multiplied with then. Default 0.1. */
  readonly factor?: number;
}

/**
 * Stairs of equal length: base · factor^⌊s / every⌋. PyTorch: `StepLR`.
 *
 * @throws RangeError If `every` is no whole number from 1 on.
 */
export function stepSchedule({ base, every, factor = 0.1 }: StepScheduleOptions): Schedule {
  requireSteps("stepSchedule", "every", every, 1);
  return (step) => base * factor ** Math.floor(step / every);
}

/** Options of `multiStepSchedule`. */
export interface MultiStepScheduleOptions {
  /** The first value. */
  readonly base: number;
  /** The steps from which on the value is multiplied once more, in any order. */
  readonly milestones: readonly number[];
  /** What it is multiplied with. Default 0.1. */
  readonly factor?: number;
}

/**
 * Stairs at given steps: base · factor^(milestones ≤ s). PyTorch: `MultiStepLR`.
 *
 * @throws RangeError If a milestone is no whole number from 0 on.
 */
export function multiStepSchedule({ base, milestones, factor = 0.1 }: MultiStepScheduleOptions): Schedule {
  for (const milestone of milestones) requireSteps("multiStepSchedule", "a milestone", milestone, 0);
  return (step) => base * factor ** milestones.filter((milestone) => milestone <= step).length;
}

function requireSteps(schedule: string, name: string, value: number, least: number): void {
  if (Number.isInteger(value) && value >= least) return;
  throw new RangeError(`${schedule}: ${name} is ${value}; expected a whole number, at least ${least}.`);
}
