/**
 * Pre-train, fine-tune, evaluate, embed, predict, report: the functions behind the `splitmask` command, with the
 * settings and how they are decided.
 *
 * @packageDocumentation
 */

export { classificationWork } from "./estimate/classificationWork.js";
export { decodedInSteps, type StepDecoding, stepsInTime } from "./estimate/decodedPictures.js";
export { pretrainingWork } from "./estimate/pretrainingWork.js";
export {
  type EstimatedRun,
  estimateRun,
  type RunEstimate,
  type RunWork,
} from "./estimate/runEstimate.js";
export {
  type FixedTime,
  stepTime,
  timeLimitOf,
  type WorkBesides,
} from "./estimate/runTime.js";
export {
  type CountedStep,
  type TrainingCost,
  trainingCost,
} from "./estimate/trainingCost.js";
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
export type { UsedRun } from "./evaluation/usedRun.js";
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
export { type ClassifierDetails, type LoadedClassifier, loadClassifier } from "./runs/classifierFile.js";
export { type RunDescription, readRun } from "./runs/description.js";
export type { RunMethod } from "./runs/methodOf.js";
export type { MachineFacts, PictureFacts } from "./settings/facts.js";
export * from "./settings/index.js";
export type { Resolution } from "./settings/resolve.js";
export {
  type FinetuneFacts,
  type FinetuneResolution,
  type PretrainedEncoder,
  resolveFinetune,
} from "./settings/resolveFinetune.js";
export { checkpointRhythm } from "./settings/resolveLength.js";
export { monitorRhythm } from "./settings/resolveMonitor.js";
export type { ClassificationSettings, PretrainingSettings } from "./settings/runSettings.js";
export type { CostOf, StepSettings } from "./settings/stepSettings.js";
export { silentTerminal } from "./terminal/terminal.js";
export type { FinetuneSources } from "./training/classificationRun.js";
export { classificationCosts, pretrainingCosts } from "./training/costOf.js";
export { type DecidedSettings, decideSettings } from "./training/decideSettings.js";
export {
  type FinetuneDryRunRequest,
  type FinetuneRequest,
  type FinetuneResult,
  finetune,
  finetuneDryRun,
} from "./training/finetune.js";
export type { FinetuneEvaluation } from "./training/finetuneEvaluation.js";
export { evaluationFile } from "./training/finetuneEvaluation.js";
export { estimateText, warnOfShortage } from "./training/plan.js";
export {
  type DryRunRequest,
  dryRun,
  type PretrainRequest,
  type PretrainResult,
  pretrain,
} from "./training/pretrain.js";
export type { RunPlan } from "./training/runKind.js";
export type { TrainedRun } from "./training/trainedRun.js";
export { summaryOf } from "./training/trainedRun.js";
