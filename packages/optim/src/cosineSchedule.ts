import { type Schedule, withWarmup } from "./schedule.js";

/** Options of `cosineSchedule`. */
export interface CosineScheduleOptions {
  /** The value after the warm-up, where the cosine begins. */
  readonly base: number;
  /**
   * The value that the cosine ends at: below `base` for a learning rate; above it for DINO's weight decay. Default 0.
   */
  readonly minimum?: number;
  /** Steps of linear rise at the start. Default 0. */
  readonly warmupSteps?: number;
  /** Steps in all, the warm-up included. */
  readonly totalSteps: number;
  /** The value of the first step of the warm-up. Default 0. */
  readonly start?: number;
}

/**
 * A value for each step, as BEiT schedules its learning rate, and DINO its weight decay (from 0.04 up to 0.4) and its
 * teacher's momentum. With W warm-up steps of T and s counted from 0:
 *
 * start + (base − start)·s/(W − 1) for s < W (base if W = 1),
 * then minimum + ½·(base − minimum)·(1 + cos(π·(s − W)/(T − W))); from T on the minimum.
 *
 * @returns The function step ↦ value.
 * @throws RangeError If the steps are not whole numbers with 0 ≤ W ≤ T.
 */
export function cosineSchedule(options: CosineScheduleOptions): Schedule {
  const { base, minimum = 0, warmupSteps = 0, totalSteps, start = 0 } = options;
  if (
    !Number.isInteger(warmupSteps) ||
    !Number.isInteger(totalSteps) ||
    warmupSteps < 0 ||
    warmupSteps > totalSteps
  ) {
    throw new RangeError(
      `cosineSchedule: warmupSteps is ${warmupSteps} and totalSteps is ${totalSteps}; ` +
        "expected whole numbers with 0 ≤ warmupSteps ≤ totalSteps.",
    );
  }
  const steps = totalSteps - warmupSteps;
  const fall = (step: number) =>
    step >= steps ? minimum : minimum + 0.5 * (base - minimum) * (1 + Math.cos(Math.PI * (step / steps)));
  return withWarmup(fall, { base, warmupSteps, start });
}
