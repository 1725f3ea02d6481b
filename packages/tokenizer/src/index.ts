/**
 * Visual words of patches: random projection, random patches, k-means.
 *
 * @packageDocumentation
 */
export { CodebookTokenizer } from "./codebookTokenizer.js";
export { type CountedWords, countWords } from "./countWords.js";
export { exampleDictionary } from "./exampleDictionary.js";
export {
  type FitTokenizerOptions,
  fitTokenizer,
  patchesPerPicture,
  type TokenizerKind,
  tokenizerKinds,
} from "./fitTokenizer.js";
export { type KMeansOptions, type KMeansProgress, KMeansTokenizer } from "./kMeans.js";
export { loadTokenizer } from "./loadTokenizer.js";
export type { PatchTransform, PatchTransformOptions } from "./patchTransform.js";
export { type RandomPatchesOptions, RandomPatchesTokenizer } from "./randomPatches.js";
export { type RandomProjectionOptions, RandomProjectionTokenizer } from "./randomProjection.js";
export { type SamplePatchesOptions, samplePatches } from "./samplePatches.js";
export type { TokenizeOptions, Tokenizer } from "./tokenizer.js";
export { type TokenStatistics, tokenEntropy, tokenStatistics } from "./tokenStatistics.js";
