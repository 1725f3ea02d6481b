/**
 * The losses of SplitMask, one a file.
 *
 * @packageDocumentation
 */
export {
  type InpaintLossFromTokensOptions,
  type InpaintLossOptions,
  inpaintLoss,
  inpaintLossFromTokens,
} from "./inpaintLoss.js";
export { type MatchLossOptions, matchLoss } from "./matchLoss.js";
