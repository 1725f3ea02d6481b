import type { StepProgress, StepRecord, StudyStep } from "./step.js";

/** What a study tells one of its processes. */
export type ToWorker =
  | { readonly type: "step"; readonly step: StudyStep; readonly folder: string; readonly threads: number }
  /** End the current training with a checkpoint. */
  | { readonly type: "stop" };

/** What a process tells its study. */
export type FromWorker =
  | ({ readonly type: "progress" } & StepProgress)
  | { readonly type: "done"; readonly record: StepRecord }
  | { readonly type: "interrupted" }
  | { readonly type: "failed"; readonly message: string };
