import type { Tensor } from "@splitmask/autograd";
import { OnnxModel, type OnnxModelOptions } from "./onnxModel.js";

/** Options of `OnnxEncoder.load`. */
export interface OnnxEncoderOptions extends OnnxModelOptions {
  /**
   * The output with the features, B×D. Default: by the pooling that is asked for, `mean_features` or `class_features`,
   * as `exportOnnx` names them.
   */
  readonly output?: string;
}

/**
 * An ONNX model that makes one vector a picture, run by onnxruntime-node: an `ImageEncoder` of `@splitmask/eval`, as a
 * `VisionTransformer` is, so that `embedDataset` takes it.
 */
export class OnnxEncoder {
  /** The model. */
  readonly model: OnnxModel;
  readonly #output: string | undefined;

  private constructor(model: OnnxModel, output: string | undefined) {
    this.model = model;
    this.#output = output;
  }

  /**
   * Reads a model.
   *
   * @param path The `.onnx` file.
   * @param options Threads, and the output.
   * @throws Error (rejects) As `OnnxModel.load`.
   */
  static async load(path: string, { output, ...options }: OnnxEncoderOptions = {}): Promise<OnnxEncoder> {
    return new OnnxEncoder(await OnnxModel.load(path, options), output);
  }

  /**
   * The features of pictures.
   *
   * @param images B×3×H×W, normalized as the model expects it.
   * @param options `pooling`: the mean of the patches' tokens (default), or the class token.
   * @returns B×D on the device of the pictures.
   * @throws RangeError (rejects) If the model has no such output, as it has none for `"patches"`.
   */
  encode(
    images: Tensor,
    { pooling = "mean" }: { readonly pooling?: "mean" | "class" | "patches" } = {},
  ): Promise<Tensor> {
    return this.model.run(images, { output: this.#output ?? `${pooling}_features` });
  }

  /** Gives its memory back; it cannot be used any more. */
  close(): Promise<void> {
    return this.model.close();
  }
}
