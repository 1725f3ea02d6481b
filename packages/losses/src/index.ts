/**
 * The losses of SplitMask, of masked autoencoders and of fine-tuning, one a file.
 *
 * @packageDocumentation
 */
export { type ClassificationLossOptions, classificationLoss } from "./classificationLoss.js";
export {
  type InpaintLossFromTokensOptions,
  type InpaintLossOptions,
  inpaintLoss,
  inpaintLossFromTokens,
} from "./inpaintLoss.js";
export { type MatchLossOptions, matchLoss } from "./matchLoss.js";
export {
  normalizedPatches,
  type PatchStatistics,
  patchStatistics,
  type ReconstructionLossOptions,
  reconstructionLoss,
} from "./reconstructionLoss.js";
