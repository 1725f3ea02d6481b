/**
 * Pre-train, fine-tune, evaluate, embed, predict, report: the functions behind the `splitmask` command, with the
 * settings and how they are decided.
 *
 * @packageDocumentation
 */

export { decodedInSteps, type StepDecoding, stepsInTime } from "./estimate/decodedPictures.js";
export {
  estimateFinetune,
  type FinetuneFixedTime,
  type FinetuneRunFacts,
  finetuneFixedTime,
} from "./estimate/finetuneEstimate.js";
export {
  type EncoderShape,
  type FinetuneStep,
  finetuneStepMemory,
  finetuneStepTime,
} from "./estimate/finetuneStep.js";
export { estimateRun, type RunEstimate } from "./estimate/runEstimate.js";
export { type FixedTime, stepTime, timeLimitOf } from "./estimate/runTime.js";
export { stepMemory } from "./estimate/stepMemory.js";
export { type StepOperations, stepOperations } from "./estimate/stepOperations.js";
export type { StepSettings } from "./estimate/stepSizes.js";
export { type EmbedRequest, type EmbedResult, embed } from "./evaluation/embed.js";
export {
  type EvaluateRequest,
  type Evaluation,
  evaluate,
  type LayerEvaluation,
} from "./evaluation/evaluate.js";
export {
  type PicturePrediction,
  type PredictedClass,
  type PredictRequest,
  type PredictResult,
  predict,
} from "./evaluation/predict.js";
export type {
  EvaluationKind,
  NamedConfusion,
  ProbeSettings,
  RepeatedEvaluation,
  SeedEvaluation,
} from "./evaluation/repeatEvaluation.js";
export {
  type BenchStepRequest,
  benchStep,
  type StepBench,
  type TracedStepBench,
} from "./machine/benchStep.js";
export { examineMachine } from "./machine/machine.js";
export { type DiskCacheRequest, openDiskCache, wantsDiskCache } from "./pictures/diskCache.js";
export type { LabelChoice } from "./pictures/labelDraws.js";
export { type PreviewRequest, type PreviewResult, preview } from "./pictures/preview.js";
export { tellSkipped } from "./pictures/skipped.js";
export { type ComparisonRequest, writeComparison } from "./reports/comparison.js";
export { writeReport } from "./reports/report.js";
export type { ReportRequest } from "./reports/reportRequest.js";
export { type ClassifierDetails, type LoadedClassifier, loadClassifier } from "./runs/classifierFile.js";
export type { FinetuneDescription } from "./runs/finetuneDescription.js";
export * from "./settings/index.js";
export {
  type Choice,
  type MachineFacts,
  type PictureFacts,
  type Resolution,
  type ResolvedConfig,
  resolveConfig,
  type TrainingRates,
  warmupSteps,
} from "./settings/resolve.js";
export {
  type FinetuneFacts,
  type FinetuneResolution,
  type PretrainedEncoder,
  type ResolvedFinetuneConfig,
  resolveFinetune,
} from "./settings/resolveFinetune.js";
export { checkpointRhythm } from "./settings/resolveLength.js";
export { monitorRhythm } from "./settings/resolveMonitor.js";
export { progressLine, type StepProgress } from "./terminal/progressLine.js";
export { silentTerminal } from "./terminal/terminal.js";
export { type DryRunRequest, dryRun, type FinetuneDryRunRequest, finetuneDryRun } from "./training/dryRun.js";
export {
  type FinetuneRequest,
  type FinetuneResult,
  finetune,
} from "./training/finetune.js";
export type { FinetuneEvaluation } from "./training/finetuneEvaluation.js";
export { evaluationFile } from "./training/finetuneEvaluation.js";
export type { FinetuneSources } from "./training/finetunePlan.js";
export type { RunPlan } from "./training/plan.js";
export { estimateText, warnOfShortage } from "./training/plan.js";
export { type PretrainRequest, type PretrainResult, pretrain } from "./training/pretrain.js";
export type { TrainedRun } from "./training/trainedRun.js";
export { summaryOf } from "./training/trainedRun.js";
