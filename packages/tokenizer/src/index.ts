/**
 * Visual words of patches: random projection, random patches, k-means.
 *
 * @packageDocumentation
 */
export { checkTokenizer } from "./checkTokenizer.js";
export { CodebookTokenizer } from "./codebookTokenizer.js";
export { type CountedWords, countWords } from "./countWords.js";
export {
  DiscreteVaeBlock,
  DiscreteVaeDecoder,
  DiscreteVaeEncoder,
  type DiscreteVaeSizes,
  discreteVaePatch,
  discreteVaePixels,
  type ResolvedDiscreteVaeSizes,
  resolveDiscreteVaeSizes,
} from "./discreteVaeModel.js";
export { DiscreteVaeTokenizer } from "./discreteVaeTokenizer.js";
export { exampleDictionary } from "./exampleDictionary.js";
export { type KMeansOptions, type KMeansProgress, KMeansTokenizer } from "./kMeans.js";
export { loadTokenizer } from "./loadTokenizer.js";
export type { PatchTransform, PatchTransformOptions } from "./patchTransform.js";
export { type RandomPatchesOptions, RandomPatchesTokenizer } from "./randomPatches.js";
export { type RandomProjectionOptions, RandomProjectionTokenizer } from "./randomProjection.js";
export { patchesPerPicture, type SamplePatchesOptions, samplePatches } from "./samplePatches.js";
export type { TokenizeOptions, Tokenizer } from "./tokenizer.js";
export { readTokenizerFile, type TokenizerFile, writeTokenizerFile } from "./tokenizerFile.js";
export type {
  FitTokenizerOptions,
  FittedTokenizerKind,
  TokenizerCost,
  TokenizerKind,
} from "./tokenizerKind.js";
export { type FittedTokenizerName, type TokenizerKindName, tokenizerKinds } from "./tokenizerKinds.js";
export { type TokenStatistics, tokenEntropy, tokenStatistics } from "./tokenStatistics.js";
