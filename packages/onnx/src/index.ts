/**
 * ONNX models of pictures, run by onnxruntime-node on tensors of SplitMask.
 *
 * @packageDocumentation
 */
export { fileHash } from "./fileHash.js";
export { OnnxModel, type OnnxModelOptions, type OnnxRunOptions, type OnnxValue } from "./onnxModel.js";
export {
  OnnxTokenizer,
  type OnnxTokenizerOptions,
  onnxTokenizerKind,
  type PixelScale,
} from "./onnxTokenizer.js";
