import { join } from "node:path";
import { type SkippedPicture, TooManySkippedError } from "@splitmask/data";
import { formatDuration, percent } from "@splitmask/report";
import {
  type BatchError,
  latestCheckpoint,
  type RunFolder,
  type TrainingEvent,
  type TrainResult,
} from "@splitmask/trainer";
import { formatFigures, progressLine } from "../terminal/progressLine.js";
import type { Terminal } from "../terminal/terminal.js";

/** What came of a run's training. */
export interface TrainedRun extends Omit<TrainResult, "firstLosses" | "lastLosses" | "average"> {
  /** The run folder. */
  readonly run: string;
  /** Total loss of the first step, and its mean over the last fiftieth of the steps. */
  readonly loss: {
    /** At the first step. */
    readonly start: number;
    /** At the end. */
    readonly end: number;
  };
  /** The pictures that could not be read. */
  readonly skipped: readonly SkippedPicture[];
}

/** What a run ends with where a batch cannot be made: what to do, with the step to go on from. */
export async function batchFailure(error: BatchError, folder: RunFolder): Promise<unknown> {
  const latest = await latestCheckpoint(folder.checkpointsPath);
  const { cause } = error;
  const tooMany = cause instanceof TooManySkippedError;
  if (latest === null) return tooMany ? cause : error;
  const listed = tooMany ? ` They are listed in ${join(folder.path, "skipped.jsonl")}.` : "";
  return new Error(
    `${cause instanceof Error ? cause.message : error.message}${listed} The last checkpoint is of step ` +
      `${latest.step}: continue with --resume.`,
    { cause: error },
  );
}

/** A change of the number of steps by less than this share is not told. */
const smallestTold = 0.02;

/**
 * Tells people what happens while a run trains: a progress line with the figures of the last evaluation, warnings, what
 * was resumed or planned.
 */
export function trainingTeller(terminal: Terminal): (event: TrainingEvent) => void {
  let figures: Readonly<Record<string, number>> = {};
  let toldSteps: number | null = null;
  const milliseconds = (seconds: number) => `${(seconds * 1000).toFixed(0)} ms`;
  return (event) => {
    switch (event.type) {
      case "resume":
        terminal.line(`going on after step ${event.step}`);
        break;
      case "damaged":
        terminal.warn(`the checkpoint ${event.path} is damaged and was skipped: ${event.reason}`);
        break;
      case "nonFinite":
        terminal.warn(
          `${event.error.message} ` +
            (event.action === "skip"
              ? "The step is left out"
              : `The run goes back to step ${event.nextStep} with a lower learning rate`) +
            ".",
        );
        break;
      case "warning":
        terminal.warn(
          `step ${event.step}: ${event.figure} is ${event.value.toPrecision(3)}, ` +
            `${event.value < event.level ? "below" : "above"} ${event.level.toPrecision(3)}. ${event.advice}`,
        );
        break;
      case "plan":
        terminal.endProgress();
        terminal.line(`${event.steps} steps fit in the time (${milliseconds(event.secondsPerStep)} a step)`);
        break;
      case "replan":
        // The last few steps are counted again and again.
        toldSteps ??= event.stepsBefore;
        if (Math.abs(event.steps - toldSteps) < smallestTold * toldSteps) break;
        terminal.line(
          `step ${event.step}: a step takes ${milliseconds(event.secondsPerStep)} now, so that ` +
            `${event.steps} steps fit in the time instead of ${toldSteps}`,
        );
        toldSteps = event.steps;
        break;
      case "step":
        terminal.progress(
          progressLine({ ...event, figures }, terminal.live ? terminal.width : null),
          event.step === 1 || event.step === event.steps,
        );
        break;
      case "evaluation":
        ({ figures } = event);
        terminal.line(`step ${event.step}: ${formatFigures(figures)} (${formatDuration(event.seconds)})`);
        break;
      case "stop":
      case "done":
        terminal.endProgress();
        break;
    }
  };
}

/** A line about the end of a run. */
export function summaryOf(result: TrainedRun): string {
  const { imagesPerSecond, loss, seconds, step, steps, waitingShare } = result;
  const speed = imagesPerSecond === null ? "" : `, ${Math.round(imagesPerSecond)} pictures/s`;
  const waiting = waitingShare === null ? "" : `, ${percent(waitingShare, 1)} of the time waiting for data`;
  return (
    `${step} of ${steps} steps in ${formatDuration(seconds)}${speed}${waiting}; ` +
    `loss ${loss.start.toFixed(3)} → ${loss.end.toFixed(3)}`
  );
}
