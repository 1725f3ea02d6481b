/**
 * The training loop for any task: steps, checkpoints, resume, metrics and the folder of a run.
 *
 * @packageDocumentation
 */
export {
  type Checkpoint,
  type CheckpointLocation,
  type CheckpointSettings,
  type CheckpointState,
  latestCheckpoint,
  listCheckpoints,
  readCheckpoint,
} from "./checkpoint/checkpointFolder.js";
export type { BatchSource, SkippedPicture } from "./loop/batchSource.js";
export type {
  CheckpointEvent,
  DoneEvent,
  PlanEvent,
  ResumeEvent,
  SkippedEvent,
  StartEvent,
  StepEvent,
  StopEvent,
  TrainingEvent,
} from "./loop/events.js";
export { NonFiniteError } from "./loop/nonFinite.js";
export { type ProfileStepsOptions, profileSteps, type StepsProfile } from "./loop/profileSteps.js";
export { train } from "./loop/train.js";
export { averagesOf } from "./loop/trainedState.js";
export type { CrossSampleLoss, EmbeddedSamples, TaskLoss, TrainingTask } from "./loop/trainingTask.js";
export type {
  TrainingAverage,
  TrainingLength,
  TrainingOptimizer,
  TrainingSchedule,
  TrainOptions,
  TrainResult,
} from "./loop/trainOptions.js";
export { MetricsLog, type MetricsRecord, readMetrics } from "./runFolder/metricsLog.js";
export { type OpenRunFolderOptions, RunFolder } from "./runFolder/runFolder.js";
export { readSkipped, SkippedLog } from "./runFolder/skippedLog.js";
export { TensorboardEventFile } from "./runFolder/tensorboardEventFile.js";
