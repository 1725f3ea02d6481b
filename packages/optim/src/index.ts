/**
 * AdamW and SGD over named parameter groups, clipping by global norm, and schedules; every step is queued without waiting.
 *
 * @packageDocumentation
 */
export { AdamW, type AdamWOptions } from "./adamW.js";
export { type ClippedNorm, clipGradientNorm } from "./clipGradientNorm.js";
export { type CosineScheduleOptions, cosineSchedule } from "./cosineSchedule.js";
export { Optimizer, type OptimizerState, type Slot, type StepOptions } from "./optimizer.js";
export {
  type NamedParameters,
  type ParameterGroup,
  type ParameterGroupOptions,
  parameterGroups,
} from "./parameterGroups.js";
export { SGD, type SGDOptions } from "./sgd.js";
