/**
 * AdamW, SGD and LARS over named parameter groups, clipping, schedules, moving averages of weights; every step is
 * queued without waiting.
 *
 * @packageDocumentation
 */
export { AdamW, type AdamWOptions } from "./adamW.js";
export { type ClippedNorm, clipGradientNorm, clipGradientNorms } from "./clipGradientNorm.js";
export { type CosineScheduleOptions, cosineSchedule } from "./cosineSchedule.js";
export {
  type AveragedTensor,
  type AverageState,
  type AverageWarmup,
  ExponentialMovingAverage,
  type ExponentialMovingAverageOptions,
  updateAverages,
} from "./exponentialMovingAverage.js";
export { freeze, thaw } from "./freeze.js";
export { LARS, type LARSOptions } from "./lars.js";
export { transformerLayers } from "./layerDecay.js";
export { MomentumOptimizer, type MomentumOptions } from "./momentumOptimizer.js";
export { Optimizer, type OptimizerState, type Slot, type StepOptions } from "./optimizer.js";
export {
  type NamedParameters,
  type ParameterGroup,
  type ParameterGroupOptions,
  parameterGroups,
} from "./parameterGroups.js";
export {
  constantSchedule,
  type LinearScheduleOptions,
  linearSchedule,
  type MultiStepScheduleOptions,
  multiStepSchedule,
  type Schedule,
  type StepScheduleOptions,
  stepSchedule,
  type WarmupOptions,
  withWarmup,
} from "./schedule.js";
export { SGD, type SGDOptions } from "./sgd.js";
