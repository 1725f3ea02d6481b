import { writeFileDurably } from "@splitmask/files";
import { type PictureNormalization, VisionTransformer } from "@splitmask/vit";
import { modelProto } from "./modelProto.js";
import { bytesOf } from "./protobuf.js";
import {
  classifierGraph,
  encoderGraph,
  type GraphOptions,
  type OnnxClassifier,
} from "./visionTransformerGraph.js";
import { type OnnxWeightFormat, onnxWeightFormats } from "./weightFormats.js";

/** A protocol buffer, and so an ONNX file without external data, has less than 2 GiB. */
const largestFile = 2 ** 31 - 1;

/** What one unit of an input pixel is in [0, 1]. */
const pixelScales = { unit: 1, bytes: 1 / 255 } as const;

/** Options of `exportOnnx`. */
export interface ExportOnnxOptions {
  /** What an encoder's `pooler_output` is: the mean of the patches' tokens, or the class token. Default `"mean"`. */
  readonly pooling?: "mean" | "class";
  /**
   * How the weights of the linear layers are stored. `"float16"`: half the file; they are widened when the model is
   * loaded. `"int8"`: a quarter, 7 bits and a sign with a scale for each output; what they are multiplied with is
   * quantized in each run (DynamicQuantizeLinear and MatMulInteger, as onnxruntime's `quantize_dynamic` writes them).
   * Default `"float32"`.
   */
  readonly weights?: OnnxWeightFormat;
  /**
   * What the model takes: `"normalized"` pixels as in training (default), those of `"unit"` in [0, 1], or `"bytes"`,
   * 0 … 255, all as float32. With the last two the graph normalizes them.
   */
  readonly pixels?: "normalized" | "unit" | "bytes";
  /** How the model's pictures are normalized; needed unless `pixels` are `"normalized"`. It is kept as metadata too. */
  readonly normalization?: PictureNormalization;
}

/**
 * Writes a vision transformer as an ONNX model (operations of version 18, which onnxruntime and onnxruntime-web run).
 *
 * Its input is `pixel_values`, B×C×H×W of float32. An encoder gives `last_hidden_state`, B×N×D (the tokens of
 * `VisionTransformer.forward`), `pooler_output`, B×D, and `mean_features` and, with a class token, `class_features`,
 * B×D; a classifier gives `logits`, B×classes. B is open, and so are H and W, in whole patches: positions are
 * interpolated in the graph as ours are. Only a model with a relative position bias is written for the size of its
 * config.
 *
 * @param path The file; one that is there is replaced once the new one is whole.
 * @param model The encoder, or a classifier.
 * @param options Pooling, weights and pixels.
 * @throws RangeError (rejects) If an option does not fit, or the file would have 2 GiB or more.
 * @throws TypeError (rejects) If the model has parts that are not written.
 */
export async function exportOnnx(
  path: string,
  model: VisionTransformer | OnnxClassifier,
  options: ExportOnnxOptions = {},
): Promise<void> {
  const encoder = model instanceof VisionTransformer ? model : model.encoder;
  const chosen = checkedOptions(encoder, options);
  const graph = await (model instanceof VisionTransformer
    ? encoderGraph(model, chosen)
    : classifierGraph(model, chosen));
  const file = modelProto(graph);
  if (file.length > largestFile) {
    throw new RangeError(
      `exportOnnx: the model takes ${file.length} bytes, and an ONNX file has less than 2 GiB. ` +
        'Store its weights as "float16" or "int8".',
    );
  }
  await writeFileDurably(path, bytesOf(file));
}

function checkedOptions(encoder: VisionTransformer, options: ExportOnnxOptions): GraphOptions {
  const { activation, classToken, prefixPositions } = encoder.config;
  if (activation !== "gelu" || (classToken && prefixPositions !== "class")) {
    throw new TypeError(
      `exportOnnx: the encoder has activation "${activation}" and prefixPositions "${prefixPositions}"; only "gelu" ` +
        'and "class" are written, which all encoders that are pre-trained here have.',
    );
  }
  const { normalization, pixels = "normalized", pooling = "mean", weights = "float32" } = options;
  checkChoice("weights", weights, onnxWeightFormats);
  checkChoice("pixels", pixels, ["normalized", "unit", "bytes"]);
  checkChoice("pooling", pooling, encoder.cls_token === null ? ["mean"] : ["mean", "class"]);
  const metadata = {
    config: JSON.stringify(encoder.config),
    pixels,
    ...(normalization === undefined ? {} : { normalization: JSON.stringify(normalization) }),
  };
  if (pixels === "normalized") return { pooling, weights, metadata, normalization: null };
  const { channels } = encoder.config;
  if (normalization?.mean.length !== channels || normalization.std.length !== channels) {
    throw new RangeError(
      `exportOnnx: pixels are "${pixels}" and normalization is ${JSON.stringify(normalization)}; ` +
        `expected mean and std with ${channels} numbers each, as loadEncoder gives them.`,
    );
  }
  return { pooling, weights, metadata, normalization: { ...normalization, pixelScale: pixelScales[pixels] } };
}

function checkChoice(name: string, given: string, expected: readonly string[]): void {
  if (expected.includes(given)) return;
  throw new RangeError(
    `exportOnnx: ${name} is ${JSON.stringify(given)}; ` +
      `expected ${expected.map((choice) => JSON.stringify(choice)).join(" or ")} for this model.`,
  );
}
