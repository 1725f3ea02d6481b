/**
 * The `splitmask` command, and the functions behind it for programs of your own.
 *
 * @packageDocumentation
 */
export { stepTable } from "./commands/benchStep.js";
export { predictionsCsv, predictionsJsonLines } from "./commands/predict.js";
export { checkConfig, checkFinetuneConfig } from "./config/check.js";
export { type Config, type ConfigField, defineConfig } from "./config/config.js";
export { parseDuration } from "./config/duration.js";
export { readConfigFile } from "./config/file.js";
export type { FinetuneConfig, FinetuneField } from "./config/finetuneConfig.js";
export {
  type Choice,
  type MachineFacts,
  type PictureFacts,
  type Resolution,
  type ResolvedConfig,
  resolveConfig,
  type TrainingRates,
  warmupSteps,
} from "./config/resolve.js";
export {
  type FinetuneFacts,
  type FinetuneResolution,
  type PretrainedEncoder,
  type ResolvedFinetuneConfig,
  resolveFinetune,
} from "./config/resolveFinetune.js";
export { checkpointRhythm } from "./config/resolveLength.js";
export { monitorRhythm } from "./config/resolveMonitor.js";
export { usualRunFolder } from "./config/runFolder.js";
export { configFields, describeField } from "./config/schema.js";
export { UsageError } from "./errors.js";
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
export { type MainOptions, main } from "./program.js";
export { type BenchStepRequest, benchStep, type StepBench, type TracedStepBench } from "./run/benchStep.js";
export { type ClassifierDetails, type LoadedClassifier, loadClassifier } from "./run/classifierFile.js";
export { type ComparisonRequest, writeComparison } from "./run/comparison.js";
export { type DiskCacheRequest, openDiskCache, wantsDiskCache } from "./run/diskCache.js";
export { type DryRunRequest, dryRun, type FinetuneDryRunRequest, finetuneDryRun } from "./run/dryRun.js";
export { type EmbedRequest, type EmbedResult, embed } from "./run/embed.js";
export {
  type EvaluateRequest,
  type Evaluation,
  evaluate,
  type LayerEvaluation,
} from "./run/evaluate.js";
export {
  type FinetuneRequest,
  type FinetuneResult,
  finetune,
} from "./run/finetune.js";
export type { FinetuneDescription } from "./run/finetuneDescription.js";
export type { FinetuneEvaluation } from "./run/finetuneEvaluation.js";
export type { FinetuneSources } from "./run/finetunePlan.js";
export type { LabelChoice } from "./run/labelDraws.js";
export { examineMachine } from "./run/machine.js";
export type { RunPlan } from "./run/plan.js";
export {
  type PicturePrediction,
  type PredictedClass,
  type PredictRequest,
  type PredictResult,
  predict,
} from "./run/predict.js";
export { type PretrainRequest, type PretrainResult, pretrain } from "./run/pretrain.js";
export { type PreviewRequest, type PreviewResult, preview } from "./run/preview.js";
export type {
  EvaluationKind,
  NamedConfusion,
  ProbeSettings,
  RepeatedEvaluation,
  SeedEvaluation,
} from "./run/repeatEvaluation.js";
export { writeReport } from "./run/report.js";
export type { ReportRequest } from "./run/reportRequest.js";
export type { TrainedRun } from "./run/trainedRun.js";
export { progressLine, type StepProgress } from "./terminal/progressLine.js";
export { columns, Terminal, type TerminalOptions, type TextStream } from "./terminal/terminal.js";
