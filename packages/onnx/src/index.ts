/**
 * ONNX models of pictures, run by onnxruntime-node on tensors of SplitMask.
 *
 * @packageDocumentation
 */
export { OnnxModel, type OnnxModelOptions, type OnnxRunOptions, type OnnxValue } from "./onnxModel.js";
