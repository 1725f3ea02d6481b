/**
 * Vision transformer encoders with timm's parameter names.
 *
 * @packageDocumentation
 */
export {
  gridOf,
  type ResolvedVisionTransformerConfig,
  resolveVisionTransformerConfig,
  type VisionTransformerConfig,
  vit,
} from "./config.js";
export { loadEncoder, type SavedEncoder, type SaveEncoderOptions, saveEncoder } from "./encoderFile.js";
export type { EncoderFacts } from "./encoderNamings.js";
export { InferenceEncoder, type InferenceEncoderOptions } from "./inferenceEncoder.js";
export type { InitializationName } from "./initializations.js";
export { PatchEmbedding, PatchProjection } from "./patchEmbedding.js";
export type { PictureNormalization } from "./pictureNormalization.js";
export { fixedPositions, resamplePositions, sineCosinePositions } from "./positions.js";
export {
  type VisionTransformerPreset,
  type VisionTransformerShape,
  visionTransformerPresets,
} from "./presets.js";
export {
  type EncoderFile,
  encoderFileName,
  modelFileName,
  type ReadEncoderOptions,
  readEncoder,
} from "./readEncoder.js";
export {
  RelativePositionBias,
  type RelativePositionBiasOptions,
  relativePositionIndex,
  resampleRelativePositions,
} from "./relativePositionBias.js";
export {
  type EncodeLayersOptions,
  type EncodeOptions,
  type MaskedPatches,
  VisionTransformer,
  type VisionTransformerDrawOptions,
  type VisionTransformerLoadOptions,
} from "./visionTransformer.js";
export type { LibraryFormat } from "./writtenEncoder.js";
