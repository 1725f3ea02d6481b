/**
 * Layers of vision transformers and the module that holds them, with the names that PyTorch's and timm's weights have.
 *
 * @packageDocumentation
 */
export { Attention, type AttentionLayerOptions } from "./attention.js";
export { BatchNorm1d, type BatchNormLayerOptions, type BatchStatistics } from "./batchNorm.js";
export {
  Conv2d,
  type ConvolutionLayerOptions,
  ConvTranspose2d,
  type ConvTransposeLayerOptions,
} from "./convolution.js";
export { Dropout } from "./dropout.js";
export { DropPath } from "./dropPath.js";
export { Embedding, type EmbeddingLayerOptions } from "./embedding.js";
export { type ForwardContext, inference, type SampleRange } from "./forwardContext.js";
export {
  type Initializer,
  truncatedNormalInitializer,
  xavierUniform,
  zerosInitializer,
} from "./initializers.js";
export { LayerNorm, type LayerNormLayerOptions } from "./layerNorm.js";
export { LayerScale } from "./layerScale.js";
export {
  type DrawnOptions,
  Linear,
  type LinearForwardOptions,
  type LinearLayerOptions,
  type ResidualOptions,
} from "./linear.js";
export { type Activation, Mlp, type MlpOptions } from "./mlp.js";
export { type LoadOptions, Module, type StateDict } from "./module.js";
export { PackedParameters } from "./packedParameters.js";
export { Parameter } from "./parameter.js";
export { patchify } from "./patchify.js";
export type { StateDifferences } from "./stateDifferences.js";
export {
  forwardBlocks,
  forwardTransformer,
  TransformerBlock,
  type TransformerBlockOptions,
  transformerBlocks,
} from "./transformerBlock.js";
export { unpatchify } from "./unpatchify.js";
