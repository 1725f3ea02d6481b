import type { RunFolder } from "../runFolder/runFolder.js";
import type { BatchSource } from "./batchSource.js";
import type { EvaluationFigures } from "./evaluation.js";
import type { StepEvent, TrainingEvent } from "./events.js";
import { RateMeter } from "./rateMeter.js";
import type { StepMetrics } from "./stepRunner.js";
import type { TrainOptions } from "./trainOptions.js";

/** What there is to tell of a step. */
interface StepReport extends Pick<StepEvent, "step" | "steps" | "learningRate" | "health"> {
  /** What was read back. */
  readonly metrics: StepMetrics;
  /** Milliseconds that the device had nothing to do because the batch was not ready. */
  readonly waited: number;
  /** Seconds that evaluations will take. */
  readonly evaluationSeconds: number;
}

/** Tells what a run does: to its listener, and to the metrics and the skipped pictures of its folder. */
export class RunReporter<Batch> {
  readonly #batches: BatchSource<Batch>;
  readonly #folder: RunFolder | undefined;
  readonly #onEvent: (event: TrainingEvent) => void;
  readonly #meter = new RateMeter();
  readonly #reportedSkips = new Set<string>();
  #firstLosses: Readonly<Record<string, number>> | null = null;
  #lastLosses: Readonly<Record<string, number>> | null = null;
  #lastEvaluation: Readonly<Record<string, number>> | null = null;

  constructor({ batches, onEvent, runFolder }: TrainOptions<Batch>) {
    this.#batches = batches;
    this.#folder = runFolder;
    this.#onEvent = onEvent ?? (() => undefined);
  }

  /** What a result says of losses, figures and speed. */
  get totals() {
    return {
      firstLosses: this.#firstLosses,
      lastLosses: this.#lastLosses,
      lastEvaluation: this.#lastEvaluation,
      imagesPerSecond: this.#imagesPerSecond(),
      waitingShare: this.#meter.totalWaitingShare,
    };
  }

  /** Tells the listener. */
  emit(event: TrainingEvent): void {
    this.#onEvent(event);
  }

  /** The run begins or goes on after `step`: metrics of later steps are void, and an evaluation of `step` is where it was not saved. */
  async start(step: number, evaluated: boolean): Promise<void> {
    await this.#folder?.startMetrics(step, evaluated);
  }

  /** A step is done. */
  step({ evaluationSeconds, health, learningRate, metrics, step, steps, waited }: StepReport): void {
    this.#meter.tick(performance.now(), waited);
    const { gradientNorm, losses } = metrics;
    this.#firstLosses ??= losses;
    this.#lastLosses = losses;
    const imagesPerSecond = this.#imagesPerSecond();
    this.#folder?.appendMetrics({
      step,
      losses,
      learningRate,
      gradientNorm,
      imagesPerSecond,
      waitingSeconds: waited / 1000,
      ...(health === null ? {} : { health }),
      time: Date.now() / 1000,
    });
    const { secondsPerStep, waitingShare } = this.#meter;
    this.emit({
      type: "step",
      step,
      steps,
      losses,
      learningRate,
      gradientNorm,
      health,
      imagesPerSecond,
      waitingShare,
      secondsLeft: secondsPerStep === null ? null : (steps - step) * secondsPerStep + evaluationSeconds,
    });
  }

  /** The model was evaluated. Resolves when that is in the run's folder: a checkpoint may then say so. */
  async evaluation(step: number, { figures, seconds }: EvaluationFigures): Promise<void> {
    this.#meter.pause(seconds * 1000);
    this.#lastEvaluation = figures;
    this.#folder?.appendMetrics({ step, evaluation: figures, seconds, time: Date.now() / 1000 });
    await this.#folder?.flush();
    this.emit({ type: "evaluation", step, figures, seconds });
  }

  /** Tells of pictures that were skipped since it last did. */
  skipped(): void {
    const skipped = this.#batches.skipped?.() ?? [];
    if (skipped.length === this.#reportedSkips.size) return;
    const pictures = skipped.filter(({ path }) => !this.#reportedSkips.has(path));
    for (const { path } of pictures) this.#reportedSkips.add(path);
    this.#folder?.appendSkipped(pictures);
    this.emit({ type: "skipped", pictures });
  }

  /** Throws the error of a line that could not be written, as soon as that is known. */
  check(): void {
    this.#folder?.check();
  }

  /** Resolves when everything is in the run's folder. */
  async flush(): Promise<void> {
    await this.#folder?.flush();
  }

  #imagesPerSecond(): number | null {
    const seconds = this.#meter.secondsPerStep;
    return seconds === null ? null : this.#batches.batchSize / seconds;
  }
}
