/**
 * ONNX models of pictures: models of SplitMask are written as such, and any are run by onnxruntime-node on its tensors.
 *
 * @packageDocumentation
 */
export { type CheckOnnxOptions, type ClassifyingModel, checkOnnx } from "./export/checkOnnx.js";
export { type ExportOnnxOptions, exportOnnx } from "./export/exportOnnx.js";
export type { OnnxClassifier } from "./export/visionTransformerGraph.js";
export { type OnnxWeightFormat, onnxWeightFormats } from "./export/weightFormats.js";
export { fileHash } from "./fileHash.js";
export { OnnxEncoder, type OnnxEncoderOptions } from "./onnxEncoder.js";
export { OnnxModel, type OnnxModelOptions, type OnnxRunOptions, type OnnxValue } from "./onnxModel.js";
export {
  OnnxTokenizer,
  type OnnxTokenizerOptions,
  onnxTokenizerKind,
  type PixelScale,
} from "./onnxTokenizer.js";
