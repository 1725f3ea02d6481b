/**
 * The losses of the pre-training methods and of fine-tuning, one a file.
 *
 * @packageDocumentation
 */
export { type ClassificationLossOptions, classificationLoss } from "./classificationLoss.js";
export { contrastiveLoss } from "./contrastiveLoss.js";
export { cosineDistance } from "./cosineDistance.js";
export { distillationLoss } from "./distillationLoss.js";
export {
  type InpaintLossFromTokensOptions,
  type InpaintLossOptions,
  inpaintLoss,
  inpaintLossFromTokens,
} from "./inpaintLoss.js";
export { logitLaplaceLoss } from "./logitLaplaceLoss.js";
export { type MatchLossOptions, matchLoss } from "./matchLoss.js";
export {
  normalizedPatches,
  type PatchStatistics,
  patchStatistics,
  type ReconstructionLossOptions,
  reconstructionLoss,
} from "./reconstructionLoss.js";
export { sigregLoss } from "./sigregLoss.js";
