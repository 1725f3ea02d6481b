import type { OnnxWeightFormat } from "@splitmask/onnx";

/** What formats may be told. */
export interface ExportOptions {
  /** How the weights are stored. Default `"float32"`. */
  readonly weights?: OnnxWeightFormat;
}
