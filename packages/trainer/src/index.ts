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
export { MetricsLog, type MetricsRecord, readMetrics } from "./runFolder/metricsLog.js";
export { type OpenRunFolderOptions, RunFolder } from "./runFolder/runFolder.js";
export { acquireRunLock, type RunLock } from "./runFolder/runLock.js";
export { TensorboardEventFile } from "./runFolder/tensorboardEventFile.js";
