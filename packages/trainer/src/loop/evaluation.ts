import type { ExponentialMovingAverage } from "@splitmask/optim";
import { reasonOf } from "./reasonOf.js";
import type { EvaluatedSteps } from "./rhythm.js";
import type { StepCount } from "./trainingSchedule.js";

/** What an evaluation may want to know. */
export interface EvaluationContext {
  /** Number of steps done; 0 where only the time is taken, for a run with a time limit. */
  readonly step: number;
  /**
   * Aborted when the run is to stop: an evaluation that then rejects is left out, and made up for when the run is
   * resumed.
   */
  readonly signal: AbortSignal;
}

/** Measures the model between steps, e.g. the accuracy on pictures that are held out. */
export interface TrainingEvaluation {
  /**
   * Steps between two evaluations; there is always one after the last step. As a function of the number of steps, they
   * keep their share of a run with a time limit.
   */
  readonly every: StepCount;
  /**
   * Measures the model as it stands, which is with the moving average's weights where the run keeps one, and must not
   * change it. Training waits meanwhile, and is bit for bit what it would be
   * without. With a time limit it is also called once before the first step, to learn how long it takes.
   *
   * @returns Figures by name, e.g. `{ knnAccuracy: 0.71 }`.
   */
  run(context: EvaluationContext): Promise<Readonly<Record<string, number>>>;
}

/** An evaluation failed. The run is saved before it is thrown. */
export class EvaluationError extends Error {
  /** `"EvaluationError"`. */
  override readonly name = "EvaluationError";
  /** Number of steps done. */
  readonly step: number;

  /** @internal */
  constructor(step: number, cause: unknown, checkpoint: string | null) {
    const saved =
      checkpoint === null ? "" : ` The run is saved up to ${checkpoint}: resuming evaluates it again.`;
    super(`train: the evaluation after step ${step} failed: ${reasonOf(cause)}${saved}`, { cause });
    this.step = step;
  }
}

/** The figures of one evaluation. */
export interface EvaluationFigures {
  /** By name. */
  readonly figures: Readonly<Record<string, number>>;
  /** How long it took. */
  readonly seconds: number;
}

/** Knows when a run's evaluations are due, and runs them. */
export class Evaluator {
  readonly #evaluation: TrainingEvaluation | null;
  readonly #average: ExponentialMovingAverage | null;
  readonly #signal: AbortSignal;
  readonly #clock: () => number;
  /** The evaluation after the steps done, as far as there was one. */
  #last: { readonly step: number; readonly figures: Readonly<Record<string, number>> } | null = null;
  #seconds = 0;
  #count = 0;

  constructor(
    evaluation: TrainingEvaluation | null,
    average: ExponentialMovingAverage | null,
    signal: AbortSignal | undefined,
    clock: () => number,
  ) {
    this.#clock = clock;
    this.#evaluation = evaluation;
    this.#average = average;
    this.#signal = signal ?? new AbortController().signal;
  }

  /** Whether the model has still to be evaluated after `step`. */
  isDue(step: number, { evaluations, steps }: EvaluatedSteps): boolean {
    if (evaluations === null || step === 0 || this.#last?.step === step) return false;
    return evaluations.isDue(step) || step === steps;
  }

  /** The figures after so many steps; null where they were not evaluated. */
  figuresAt(step: number): Readonly<Record<string, number>> | null {
    return this.#last?.step === step ? this.#last.figures : null;
  }

  /** Goes on from a checkpoint. */
  resume(step: number, figures: Readonly<Record<string, number>> | null): void {
    this.#last = figures === null ? null : { step, figures };
  }

  /**
   * Evaluates the model after so many steps, all of which the device has computed.
   *
   * @param needed A figure that has to be among those that come.
   * @returns null where the signal ended it.
   */
  async run(step: number, needed: string | null): Promise<EvaluationFigures | null> {
    const started = this.#clock();
    const measure = () => this.#evaluation!.run({ step, signal: this.#signal });
    let figures: Readonly<Record<string, number>>;
    try {
      figures = await (this.#average === null ? measure() : this.#average.withAverages(measure));
    } catch (error) {
      if (this.#signal.aborted) return null;
      throw error;
    }
    checkFigures(figures, needed);
    const seconds = (this.#clock() - started) / 1000;
    this.#seconds += seconds;
    this.#count++;
    if (step > 0) this.#last = { step, figures };
    return { figures, seconds };
  }

  /** Estimated time of the evaluations after `step`, up to the last step; 0 as long as it is not known. */
  secondsLeft(step: number, plan: EvaluatedSteps): number {
    if (plan.evaluations === null || this.#count === 0) return 0;
    const later = step < plan.steps ? plan.evaluations.timesLeft(step) : 0;
    const count = later + (this.isDue(step, plan) ? 1 : 0);
    return (count * this.#seconds) / this.#count;
  }

  /**
   * For the plan of a run with a time limit: how long it takes, in seconds, run once without leaving a trace. 0: there
   * is none, or the signal ended it.
   */
  async time(): Promise<number> {
    return this.#evaluation === null ? 0 : ((await this.run(0, null))?.seconds ?? 0);
  }
}

function checkFigures(figures: unknown, needed: string | null): void {
  const numbers = typeof figures === "object" && figures !== null ? Object.entries(figures) : null;
  const wrong = numbers?.find(([, value]) => typeof value !== "number");
  if (numbers === null || wrong !== undefined) {
    const given = wrong === undefined ? String(figures) : `${wrong[0]}: ${JSON.stringify(wrong[1])}`;
    throw new TypeError(
      `evaluation.run gave ${given}; expected numbers by name, such as { knnAccuracy: 0.71 }.`,
    );
  }
  if (needed === null || numbers.some(([name]) => name === needed)) return;
  throw new Error(
    `keepBest names the figure ${JSON.stringify(needed)}, ` +
      `and evaluation.run gave ${numbers.map(([name]) => name).join(", ") || "none"}. Name one of these.`,
  );
}
