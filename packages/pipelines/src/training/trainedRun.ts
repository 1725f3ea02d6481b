import { join } from "node:path";
import { type SkippedPicture, TooManySkippedError } from "@splitmask/data";
import { formatDuration, lastMean, percent } from "@splitmask/report";
import {
  BatchError,
  latestCheckpoint,
  type RunFolder,
  type TrainOptions,
  type TrainResult,
  train,
} from "@splitmask/trainer";
import type { Terminal } from "../terminal/terminal.js";
import { trainingTeller } from "./trainingEvents.js";

/** What came of a run's training. */
export interface TrainedRun {
  /** The run folder. */
  readonly run: string;
  /** `"interrupted"`: the signal ended the run early. */
  readonly reason: "done" | "interrupted";
  /** Steps done, those before a resume included. */
  readonly step: number;
  /** Steps of the whole run. */
  readonly steps: number;
  /** Total loss of the first step, and its mean over the last fiftieth of the steps. */
  readonly loss: {
    /** At the first step. */
    readonly start: number;
    /** At the end. */
    readonly end: number;
  };
  /** Figures of the last evaluation in this call; null where there was none. */
  readonly lastEvaluation: Readonly<Record<string, number>> | null;
  /** Folder of the best checkpoint; null where none is kept. */
  readonly bestCheckpoint: string | null;
  /** Median over the last steps; null for very short runs. */
  readonly imagesPerSecond: number | null;
  /**
   * Share of the time from the third step on, 0 to 1, that the device had nothing to do because a batch was not ready;
   * null for very short runs.
   */
  readonly waitingShare: number | null;
  /** Time that this call trained, in seconds. */
  readonly seconds: number;
  /** Folder of the last checkpoint; null where none was written. */
  readonly checkpoint: string | null;
  /** The pictures that could not be read. */
  readonly skipped: readonly SkippedPicture[];
}

/**
 * Trains in a run folder, from the first step or from the last checkpoint, and tells people how it goes.
 *
 * @param options As for `train` of `@splitmask/trainer`.
 * @param whenDone Is called after the last step with what came of it, and with the weights that the run is for: those
 *   of the moving average, where there is one.
 * @param terminal Where it is told.
 * @throws Error where a batch cannot be made, with the step to go on from.
 */
export async function trainInFolder<Batch>(
  options: Omit<TrainOptions<Batch>, "onEvent"> & { readonly runFolder: RunFolder },
  whenDone: (result: TrainResult) => Promise<void>,
  terminal: Terminal,
): Promise<TrainedRun> {
  const { runFolder: run } = options;
  try {
    const result = await train({ ...options, onEvent: trainingTeller(terminal) });
    if (result.reason === "done") {
      const finish = () => whenDone(result);
      await (result.average === null ? finish() : result.average.withAverages(finish));
    }
    return {
      run: run.path,
      reason: result.reason,
      step: result.step,
      steps: result.steps,
      loss: await lossesOf(run, result),
      lastEvaluation: result.lastEvaluation,
      bestCheckpoint: result.bestCheckpoint,
      imagesPerSecond: result.imagesPerSecond,
      waitingShare: result.waitingShare,
      seconds: result.seconds,
      checkpoint: result.checkpoint,
      skipped: await run.readSkipped(),
    };
  } catch (error) {
    const latest = await latestCheckpoint(run.checkpointsPath);
    const { cause } = error as Error;
    if (!(error instanceof BatchError) || latest === null) {
      throw error instanceof BatchError && cause instanceof TooManySkippedError ? cause : error;
    }
    const listed =
      cause instanceof TooManySkippedError ? ` They are listed in ${join(run.path, "skipped.jsonl")}.` : "";
    throw new Error(
      `${cause instanceof Error ? cause.message : error.message}${listed} The last checkpoint is of step ${latest.step}: continue with --resume.`,
      { cause: error },
    );
  }
}

/** The first step's total loss and the mean over the last fiftieth of the steps, from the run's metrics. */
async function lossesOf(run: RunFolder, result: TrainResult): Promise<{ start: number; end: number }> {
  const metrics = await run.readMetrics();
  const totals = metrics.map((record) => record.losses.total ?? Number.NaN);
  return {
    start: totals[0] ?? result.firstLosses?.total ?? Number.NaN,
    end: totals.length === 0 ? 0 : lastMean({ values: totals }),
  };
}

/** Seconds since `performance.now()` was so much. */
export function secondsSince(started: number): number {
  return (performance.now() - started) / 1000;
}

/** A line about the end of a run. */
export function summaryOf(result: TrainedRun): string {
  const speed = result.imagesPerSecond === null ? "" : `, ${Math.round(result.imagesPerSecond)} pictures/s`;
  const waiting =
    result.waitingShare === null ? "" : `, ${percent(result.waitingShare, 1)} of the time waiting for data`;
  return `${result.step} of ${result.steps} steps in ${formatDuration(result.seconds)}${speed}${waiting}; loss ${result.loss.start.toFixed(3)} → ${result.loss.end.toFixed(3)}`;
}
