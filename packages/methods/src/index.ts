export {
  Beit,
  type BeitConfig,
  type BeitMaskOptions,
  type BeitRecipe,
  beitRecipe,
  type MaskSampler,
  type PatchMasks,
  type ResolvedBeitConfig,
  type ResolvedBeitMaskOptions,
  resolveBeitConfig,
  resolveBeitMaskOptions,
  sampleBlockMasks,
} from "./beit.js";
export { type BeitHeadOptions, BeitModel } from "./beitModel.js";
export type { BlockOptions, DrawRequest } from "./blockMask.js";
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
export type { BranchPrediction } from "./hiddenWords.js";
export { SplitMask } from "./splitMask.js";
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
