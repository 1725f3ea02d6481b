import type { EvaluationRecord, MetricsRecord } from "../runFolder/metricsLog.js";
import type { RunFolder } from "../runFolder/runFolder.js";
import { scalarsOf } from "../runFolder/scalars.js";
import type { BatchSource } from "./batchSource.js";
import type { EvaluationFigures } from "./evaluation.js";
import type { StepEvent, TrainingEvent } from "./events.js";
import { LoggerGroup } from "./metricsLogger.js";
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

/**
 * Tells what a run does: to its listener, to the metrics and the skipped pictures of its folder, and to other loggers.
 */
export class RunReporter<Batch> {
  readonly #batches: BatchSource<Batch>;
  readonly #folder: RunFolder | undefined;
  readonly #onEvent: (event: TrainingEvent) => void;
  readonly #loggers: LoggerGroup;
  readonly #meter = new RateMeter();
  readonly #reportedSkips = new Set<string>();
  #firstLosses: Readonly<Record<string, number>> | null = null;
  #lastLosses: Readonly<Record<string, number>> | null = null;
  #lastEvaluation: Readonly<Record<string, number>> | null = null;

  constructor({ batches, loggers = [], onEvent, runFolder }: TrainOptions<Batch>) {
    this.#batches = batches;
    this.#folder = runFolder;
    this.#loggers = new LoggerGroup(loggers);
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

  /**
   * The run begins or goes on after `step`: metrics of later steps are void, and an evaluation of `step` is where it
   * was not saved.
   */
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
    this.#log({
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
    this.#log({ step, evaluation: figures, seconds, time: Date.now() / 1000 });
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

  /**
   * Throws the error of a line that could not be written, as soon as that is known.
   *
   * @param checkpoint The last good one, from which the run goes on with all its lines.
   */
  check(checkpoint: string | null): void {
    try {
      this.#folder?.check();
    } catch (error) {
      if (checkpoint === null) throw error;
      throw new Error(
        `${(error as Error).message} The last good checkpoint is ${checkpoint}: mend the disk, then resume from there.`,
        { cause: error },
      );
    }
  }

  /** What went wrong with one of the loggers; null while nothing did. */
  get loggerFailure(): LoggerGroup["failure"] {
    return this.#loggers.failure;
  }

  /** Resolves when no logger is too far behind. */
  async keepUp(): Promise<void> {
    await this.#loggers.keepUp();
  }

  /** Resolves when everything is in the run's folder, and the loggers are closed. */
  async close(): Promise<void> {
    await this.#loggers.close();
    await this.#folder?.flush();
  }

  #log(record: MetricsRecord | EvaluationRecord): void {
    this.#folder?.appendMetrics(record);
    this.#loggers.log(record.step, scalarsOf(record));
  }

  #imagesPerSecond(): number | null {
    const seconds = this.#meter.secondsPerStep;
    return seconds === null ? null : this.#batches.batchSize / seconds;
  }
}
