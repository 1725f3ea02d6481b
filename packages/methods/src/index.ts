export { Classifier, type ClassifierConfig, type LabelledBatch } from "./classifier.js";
export { type ClassifierHeadOptions, ClassifierModel } from "./classifierModel.js";
export {
  type ResolvedSplitMaskConfig,
  resolveSplitMaskConfig,
  type SplitMaskConfig,
  type SplitMaskDecoderOptions,
  type SplitMaskProjectionOptions,
} from "./config.js";
export { DescriptorProjection } from "./descriptorProjection.js";
export { type DescriptorSpread, descriptorSpread } from "./descriptorSpread.js";
export { type FineTuningRecipe, type FineTuningRecipeName, fineTuningRecipes } from "./fineTuningRecipes.js";
export type { LookPanel, LookRequest, Looks } from "./looks.js";
export type {
  CommonSettings,
  Method,
  Preparation,
  PrepareRequest,
  PretrainingTask,
  Recipe,
} from "./method.js";
export * from "./settings/index.js";
export { type BranchPrediction, SplitMask } from "./splitMask.js";
export { SplitMaskModel } from "./splitMaskModel.js";
export {
  type BranchGroup,
  type PatchSplitOptions,
  type ResolvedPatchSplitOptions,
  resolvePatchSplitOptions,
  type SplitSampler,
  type Splits,
  sampleSplits,
} from "./splits.js";
export {
  findMethod,
  type MethodFields,
  type MethodName,
  methodNames,
  methods,
} from "./table.js";
