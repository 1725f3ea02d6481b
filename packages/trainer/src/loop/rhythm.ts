import { type PlanHistory, positionIn, stepsOf } from "./planPosition.js";
import { countOf, type StepCount } from "./trainingSchedule.js";

/** The steps of a run, and when the model is evaluated in between. */
export interface EvaluatedSteps {
  /** The steps of the whole run. */
  readonly steps: number;
  /** When the model is evaluated, besides the end; null: never. */
  readonly evaluations: Rhythm | null;
}

/**
 * When something is done in a run: every so many steps. Where these are a function of the run's number of steps ("ten
 * times in a run"), it keeps its share of the run when the plan is changed.
 */
export class Rhythm {
  readonly #every: number;
  readonly #history: PlanHistory;
  /** null: steps are counted as they are. */
  readonly #position: ((step: number) => number) | null;

  constructor(every: StepCount, history: PlanHistory) {
    this.#every = Math.max(1, countOf(every, history.firstSteps));
    this.#history = history;
    this.#position = typeof every === "number" ? null : positionIn(history);
  }

  /** Whether it is time after so many steps. */
  isDue(step: number): boolean {
    return step > 0 && this.#times(step) > this.#times(step - 1);
  }

  /**
   * How often it comes after `step` in a run of `steps`, the end of the run included whatever its number. Default: the
   * planned ones.
   */
  timesLeft(step: number, steps = stepsOf(this.#history)): number {
    const end = (this.#position === null ? steps : this.#history.firstSteps) / this.#every;
    return Math.max(0, Math.ceil(end) - this.#times(step));
  }

  #times(step: number): number {
    return Math.floor((this.#position?.(step) ?? step) / this.#every);
  }
}
