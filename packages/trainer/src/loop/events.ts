import type { SkippedPicture } from "./batchSource.js";
import type { HealthWarning } from "./health.js";
import type { NonFiniteError } from "./nonFinite.js";
import type { NonFiniteAction } from "./recovery.js";

/** The loop begins; `firstStep` is 1 for a new run. */
export interface StartEvent {
  /** Tells the events apart. */
  readonly type: "start";
  /** Name of the task. */
  readonly task: string;
  /** Number of steps of the whole run; null while a time limit is being turned into steps. */
  readonly steps: number | null;
  /** The first step that will be done. */
  readonly firstStep: number;
}

/** A checkpoint was loaded and the run goes on after it. */
export interface ResumeEvent {
  /** Tells the events apart. */
  readonly type: "resume";
  /** Number of steps that had been done. */
  readonly step: number;
  /** Folder of the checkpoint. */
  readonly path: string;
}

/** The speed was measured and the time limit is now a number of steps. */
export interface PlanEvent {
  /** Tells the events apart. */
  readonly type: "plan";
  /** Number of steps that fit in the time limit. */
  readonly steps: number;
  /** Mean time of a step while the speed was measured, in seconds. */
  readonly secondsPerStep: number;
}

/**
 * The machine is slower or faster than it was: the time limit is now another number of steps, and the schedules end
 * with it.
 */
export interface ReplanEvent {
  /** Tells the events apart. */
  readonly type: "replan";
  /** Number of steps done. */
  readonly step: number;
  /** Number of steps of the whole run from now on. */
  readonly steps: number;
  /** And before. */
  readonly stepsBefore: number;
  /** What a step took lately, in seconds. */
  readonly secondsPerStep: number;
}

/** One step is done and its metrics are known. */
export interface StepEvent {
  /** Tells the events apart. */
  readonly type: "step";
  /** Number of steps done, from 1. */
  readonly step: number;
  /** Number of steps of the whole run. */
  readonly steps: number;
  /** `total` is what was minimized; then the task's parts by name. */
  readonly losses: Readonly<Record<string, number>>;
  /** Learning rate of this step. */
  readonly learningRate: number;
  /** Global norm of all gradients before clipping. */
  readonly gradientNorm: number;
  /** The task's health figures by name; null where it was not time for them. */
  readonly health: Readonly<Record<string, number>> | null;
  /** Moving median over the last steps; null in the first two steps, which warm up. */
  readonly imagesPerSecond: number | null;
  /**
   * Share of the last steps' time, 0 to 1, that the device had nothing to do because a batch was not ready; null in the
   * first two steps.
   */
  readonly waitingShare: number | null;
  /**
   * Estimated time to the last step, in seconds, evaluations included as soon as there was one; null in the first two
   * steps.
   */
  readonly secondsLeft: number | null;
}

/** The model was evaluated. */
export interface EvaluationEvent {
  /** Tells the events apart. */
  readonly type: "evaluation";
  /** Number of steps done. */
  readonly step: number;
  /** What the evaluation gave, by name. */
  readonly figures: Readonly<Record<string, number>>;
  /** How long it took. */
  readonly seconds: number;
}

/** A checkpoint is complete on the disk. */
export interface CheckpointEvent {
  /** Tells the events apart. */
  readonly type: "checkpoint";
  /** Number of steps done when it was made. */
  readonly step: number;
  /** Its folder. */
  readonly path: string;
}

/** Pictures that could not be read and were replaced by others; each is named once. */
export interface SkippedEvent {
  /** Tells the events apart. */
  readonly type: "skipped";
  /** The pictures that have been skipped since the last such event. */
  readonly pictures: readonly SkippedPicture[];
}

/** A checkpoint is not as it was written; the run goes on from the one before. Its folder is renamed to `….damaged`. */
export interface DamagedEvent {
  /** Tells the events apart. */
  readonly type: "damaged";
  /** Folder of the checkpoint. */
  readonly path: string;
  /** What is wrong with which of its files. */
  readonly reason: string;
}

/** A figure says that the run may be going wrong; each alarm is told once, until its figure is well again. */
export interface WarningEvent extends HealthWarning {
  /** Tells the events apart. */
  readonly type: "warning";
  /** Number of steps done. */
  readonly step: number;
}

/** A loss or a gradient was not finite, and the run goes on. */
export interface NonFiniteEvent {
  /** Tells the events apart. */
  readonly type: "nonFinite";
  /** Number of the step, from 1. */
  readonly step: number;
  /** What was done about it. */
  readonly action: Exclude<NonFiniteAction, "stop">;
  /** The step that is done next, from 1. */
  readonly nextStep: number;
  /** Says what was not finite, and where it came from. */
  readonly error: NonFiniteError;
}

/** The run ends before its last step. */
export interface StopEvent {
  /** Tells the events apart. */
  readonly type: "stop";
  /** Number of steps done. */
  readonly step: number;
  /** `"interrupted"`: the abort signal. `"failed"`: an error, which `train` then throws. */
  readonly reason: "interrupted" | "failed";
  /** The error of a failed run. */
  readonly error?: Error;
}

/** The last step is done and, where there is a run folder, its checkpoint is written. */
export interface DoneEvent {
  /** Tells the events apart. */
  readonly type: "done";
  /** Number of steps done. */
  readonly step: number;
  /** Time since `train` was called, in seconds. */
  readonly seconds: number;
}

/** What `train` reports while it runs, told apart by `type`. */
export type TrainingEvent =
  | StartEvent
  | ResumeEvent
  | PlanEvent
  | ReplanEvent
  | StepEvent
  | EvaluationEvent
  | CheckpointEvent
  | SkippedEvent
  | DamagedEvent
  | NonFiniteEvent
  | WarningEvent
  | StopEvent
  | DoneEvent;
