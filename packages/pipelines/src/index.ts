/**
 * Pre-train, fine-tune, evaluate, embed, predict, find similar pictures, report: the functions behind the `splitmask`
 * command, with the settings and how they are decided.
 *
 * @packageDocumentation
 */

export type { EstimatedRun, RunEstimate } from "./estimate/runEstimate.js";
export type { TrainingCost } from "./estimate/trainingCost.js";
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
  type SimilarPicture,
  type SimilarPictures,
  type SimilarRequest,
  type SimilarResult,
  similar,
} from "./evaluation/similar.js";
export type { UsedRun } from "./evaluation/usedRun.js";
export type { ExportOptions } from "./export/exportOptions.js";
export { type ExportRequest, type ExportResult, exportRun } from "./export/exportRun.js";
export type { ExportFormatName } from "./export/formats.js";
export {
  type BenchStepRequest,
  benchStep,
  type StepBench,
  type TracedStepBench,
} from "./machine/benchStep.js";
export { examineMachine } from "./machine/machine.js";
export { type PreviewRequest, type PreviewResult, preview } from "./pictures/preview.js";
export { tellSkipped } from "./pictures/skipped.js";
export type { LabelChoice } from "./pictures/subset.js";
export { type ComparisonRequest, writeComparison } from "./reports/comparison.js";
export type { ReportRequest } from "./reports/report.js";
export { writeReport } from "./reports/report.js";
export {
  type ClassifierDetails,
  evaluationFile,
  type LoadedClassifier,
  loadClassifier,
} from "./runs/classifierFile.js";
export { type RunDescription, readRun } from "./runs/description.js";
export type { RunMethod } from "./runs/methodOf.js";
export type { MachineFacts, PictureFacts } from "./settings/facts.js";
export * from "./settings/index.js";
export type { Resolution } from "./settings/resolve.js";
export type {
  ClassificationSettings,
  PretrainingSettings,
  TokenizerRunSettings,
} from "./settings/runSettings.js";
export type { CostOf, StepSettings } from "./settings/stepSettings.js";
export { silentTerminal } from "./terminal/terminal.js";
export {
  type FinetuneEvaluation,
  type FinetuneRequest,
  type FinetuneResult,
  finetune,
  finetuneDryRun,
} from "./training/finetune.js";
export {
  type FitTokenizerRequest,
  type FitTokenizerResult,
  fitTokenizer,
  fitTokenizerDryRun,
} from "./training/fitTokenizer.js";
export { estimateText } from "./training/plan.js";
export {
  createRun,
  type DecidedSettings,
  decideSettings,
  dryRun,
  type PretrainRequest,
  type PretrainResult,
  pretrain,
} from "./training/pretrain.js";
export type { Planned, RunPlan, RunRequest } from "./training/runKind.js";
export { pretrainingCosts } from "./training/runStep.js";
export { summaryOf, type TrainedRun } from "./training/trainedRun.js";
