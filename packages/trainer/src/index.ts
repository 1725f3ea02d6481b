/**
 * The training loop for any task: steps, checkpoints, resume, metrics and the folder of a run.
 *
 * @packageDocumentation
 */
export {
  type BestCheckpoint,
  type CheckpointLocation,
  type CheckpointSettings,
  type CheckpointState,
  latestCheckpoint,
  listCheckpoints,
  type RecoveryState,
} from "./checkpoint/checkpointFolder.js";
export { type CheckpointFileSystem, nodeFileSystem, type WritableFile } from "./checkpoint/fileSystem.js";
export {
  type Checkpoint,
  DamagedCheckpointError,
  readCheckpoint,
  readCheckpointModel,
  readLatestCheckpoint,
} from "./checkpoint/readCheckpoint.js";
export { BatchError } from "./loop/batchError.js";
export type { BatchSource, SkippedPicture } from "./loop/batchSource.js";
export { type EvaluationContext, EvaluationError, type TrainingEvaluation } from "./loop/evaluation.js";
export type {
  CheckpointEvent,
  DamagedEvent,
  DoneEvent,
  EvaluationEvent,
  NonFiniteEvent,
  PlanEvent,
  ReplanEvent,
  ResumeEvent,
  SkippedEvent,
  StartEvent,
  StepEvent,
  StopEvent,
  TrainingEvent,
  WarningEvent,
} from "./loop/events.js";
export type { HealthWarning } from "./loop/health.js";
export { LoggerError, type MetricsLogger } from "./loop/metricsLogger.js";
export { NonFiniteError } from "./loop/nonFinite.js";
export type { PlanHistory, Replan } from "./loop/planPosition.js";
export { type ProfileStepsOptions, profileSteps, type StepsProfile } from "./loop/profileSteps.js";
export type { NonFiniteAction, NonFinitePolicy } from "./loop/recovery.js";
export type { TimedState, TimeLimit } from "./loop/timeBudget.js";
export type { NonFiniteOrigin } from "./loop/traceNonFinite.js";
export { train } from "./loop/train.js";
export { type TrainingEvents, trainEvents } from "./loop/trainEvents.js";
export { averagesOf } from "./loop/trainedState.js";
export type {
  AdamWTrainingOptimizer,
  LARSTrainingOptimizer,
  ResolvedOptimizer,
  SGDTrainingOptimizer,
  TrainingOptimizer,
} from "./loop/trainingOptimizer.js";
export type {
  ConstantTrainingSchedule,
  CosineTrainingSchedule,
  LinearTrainingSchedule,
  MultiStepTrainingSchedule,
  ResolvedSchedule,
  StepCount,
  StepTrainingSchedule,
  TrainingSchedule,
} from "./loop/trainingSchedule.js";
export type {
  CrossSampleLoss,
  EmbeddedSamples,
  HealthAlarm,
  TaskLoss,
  TrainingTask,
} from "./loop/trainingTask.js";
export type {
  TrainingAverage,
  TrainingLength,
  TrainOptions,
  TrainResult,
} from "./loop/trainOptions.js";
export {
  type EvaluationRecord,
  MetricsLog,
  type MetricsRecord,
  readEvaluations,
  readMetrics,
} from "./runFolder/metricsLog.js";
export { type OpenRunFolderOptions, RunFolder } from "./runFolder/runFolder.js";
export { readSkipped, SkippedLog } from "./runFolder/skippedLog.js";
export { TensorboardEventFile } from "./runFolder/tensorboardEventFile.js";
