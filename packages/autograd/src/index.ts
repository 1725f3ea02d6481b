/**
 * Tensors on a device, the operations that training needs with their gradients, and keyed random numbers.
 *
 * @packageDocumentation
 */

export type { ConvolutionActivation } from "./calls/convolution.js";
export { clone } from "./calls/copies.js";
export type { ProductPrecision } from "./calls/gemm.js";
export {
  checkFloating,
  checkIntegers,
  checkRank,
  checkSameShape,
  type RowsAndColumns,
  rowsAndColumns,
} from "./checks.js";
export {
  bernoulli,
  type CreationOptions,
  copyInto,
  full,
  type NestedNumbers,
  normal,
  ones,
  type RandomOptions,
  type TensorSource,
  type TruncatedNormalOptions,
  tensor,
  truncatedNormal,
  uniform,
  zeros,
} from "./creation.js";
export type { ElementArray, ElementArrays, FloatingDType } from "./elements.js";
export { leavesOf } from "./leavesOf.js";
export { nonFiniteRow } from "./nonFiniteRow.js";
export { type ObservedOperation, type OperationObserver, observeOperations } from "./observeOperations.js";
export {
  type DifferentiableOperation,
  defineOperation,
  type ForwardResult,
  type GradientNeeds,
  type GradientStep,
  type InputGradients,
  type OperationInputs,
  type SavedTensors,
} from "./operation.js";
export { affine } from "./ops/affine.js";
export { type AttentionOptions, attention, attentionProbabilities } from "./ops/attention.js";
export {
  type BatchNormOptions,
  batchNorm,
  type ColumnStatistics,
  columnStatistics,
} from "./ops/batchNorm.js";
export { add, divide, multiply, subtract } from "./ops/binary.js";
export { cast } from "./ops/cast.js";
export { checkpoint } from "./ops/checkpoint.js";
export { type ClampOptions, clamp } from "./ops/clamp.js";
export { equal, greater, greaterEqual, less, lessEqual, notEqual } from "./ops/compare.js";
export { concatenate } from "./ops/concatenate.js";
export { type Conv2dOptions, conv2d } from "./ops/conv2d.js";
export { type ConvTranspose2dOptions, convTranspose2d } from "./ops/convTranspose2d.js";
export { type CrossEntropyOptions, crossEntropy } from "./ops/crossEntropy.js";
export { cumsum } from "./ops/cumsum.js";
export {
  type ArgmaxProductOptions,
  argmax,
  argmaxProduct,
  binCount,
  equalShare,
  gatherIntegers,
  type TopK,
  topK,
} from "./ops/discrete.js";
export { type DropoutOptions, dropout } from "./ops/dropout.js";
export { type EmbeddingOptions, embedding } from "./ops/embedding.js";
export { expand } from "./ops/expand.js";
export { l2Normalize } from "./ops/l2Normalize.js";
export { type LayerNormOptions, layerNorm } from "./ops/layerNorm.js";
export { type LinearOptions, linear } from "./ops/linear.js";
export { type LinearCrossEntropyOptions, linearCrossEntropy } from "./ops/linearCrossEntropy.js";
export { type MatmulOptions, matmul } from "./ops/matmul.js";
export { max, min } from "./ops/max.js";
export { maximum, minimum } from "./ops/maximum.js";
export { type MaxPool2dOptions, maxPool2d } from "./ops/maxPool2d.js";
export { type LinearParameters, mlp } from "./ops/mlp.js";
export { permute, transpose } from "./ops/permute.js";
export { pow } from "./ops/pow.js";
export { mean, sum } from "./ops/reductions.js";
export { reshape } from "./ops/reshape.js";
export {
  type DropPathOptions,
  dropPath,
  type ScaleOptions,
  scaleColumns,
  scaleRows,
} from "./ops/scale.js";
export { slice, split } from "./ops/slice.js";
export { logSoftmax, softmax } from "./ops/softmax.js";
export { stack } from "./ops/stack.js";
export { logSumExp, standardDeviation, type VarianceOptions, variance } from "./ops/statistics.js";
export { gatherTokens, scatterTokens } from "./ops/tokens.js";
export {
  absolute,
  ceil,
  cos,
  erf,
  exp,
  expm1,
  floor,
  gelu,
  log,
  log1p,
  negate,
  reciprocal,
  relu,
  round,
  rsqrt,
  sigmoid,
  sign,
  silu,
  sin,
  softplus,
  sqrt,
  square,
  tanh,
  trunc,
} from "./ops/unary.js";
export { upsampleNearest } from "./ops/upsampleNearest.js";
export { where } from "./ops/where.js";
export { PackedWeights, type PackWeightsOptions, packWeights, type WeightFormat } from "./packedWeights.js";
export { perform } from "./perform.js";
export {
  hashPurpose,
  type KernelRandomKey,
  kernelRandomKey,
  philox,
  type RandomKey,
  RandomStream,
} from "./random.js";
export type { ReductionOptions } from "./reducedAxes.js";
export {
  parseSafetensors,
  readSafetensors,
  type SafetensorsFile,
  safetensorsParts,
  serializeSafetensors,
  writeSafetensors,
} from "./safetensors.js";
export type { SampleRows } from "./samples.js";
export { noGrad, scope } from "./scope.js";
export type { Shape } from "./shape.js";
export { empty, floatingOf, type HostTensor, keep, Tensor } from "./tensor.js";
