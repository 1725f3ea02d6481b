import { type Shape, type Tensor, tensor } from "@splitmask/autograd";
import type { InferenceSession } from "onnxruntime-node";
import { loadRuntime, type OnnxRuntime } from "./runtime.js";

/** An input or output of a model. */
export interface OnnxValue {
  /** Its name. */
  readonly name: string;
  /** Its element type, such as `"float32"`. */
  readonly type: string;
  /** Its sizes; a text is the name of a size that is open, such as `"batch"`. */
  readonly shape: readonly (number | string)[];
}

/** Options of `OnnxModel.load`. */
export interface OnnxModelOptions {
  /** Threads that compute a picture's layers. Default: one a core. */
  readonly threads?: number;
}

/** Options of `OnnxModel.run`. */
export interface OnnxRunOptions {
  /** The name of the output. Default: the first. */
  readonly output?: string;
}

/** What a model of pictures takes. */
const expectedInput = "expected one input of float32 pictures, B×3×H×W";

/** Sizes as people read them: `batch×3×224×224`. */
function shapeText(shape: readonly (number | string)[]): string {
  return shape.map((size) => (size === "" ? "?" : size)).join("×") || "a scalar";
}

/** An input or output as people read it. */
function valueText({ name, shape, type }: OnnxValue): string {
  return `"${name}" (${type} ${shapeText(shape)})`;
}

/**
 * A model of pictures in the ONNX format, run by onnxruntime-node on the CPU: one input B×3×H×W of float32, and any
 * number of outputs. Sizes may be fixed or open. What it computes has no gradient.
 */
export class OnnxModel {
  /** The file. */
  readonly path: string;
  /** What it takes. */
  readonly input: OnnxValue;
  /** What it gives. */
  readonly outputs: readonly OnnxValue[];
  readonly #runtime: OnnxRuntime;
  readonly #session: InferenceSession;

  private constructor(path: string, runtime: OnnxRuntime, session: InferenceSession) {
    this.path = path;
    this.#runtime = runtime;
    this.#session = session;
    this.outputs = valuesOf(session.outputMetadata);
    this.input = pictureInput(path, valuesOf(session.inputMetadata));
  }

  /**
   * Reads a model.
   *
   * @param path The `.onnx` file; weights that it names in other files lie beside it.
   * @param options Threads.
   * @throws Error (rejects) If onnxruntime-node is not installed, the file is missing or damaged, or the model does not
   *   take pictures.
   */
  static async load(path: string, { threads }: OnnxModelOptions = {}): Promise<OnnxModel> {
    const runtime = await loadRuntime();
    const session = await runtime.InferenceSession.create(path, {
      ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
      // Workers that wait in a loop would take cores from the kernels.
      extra: { session: { intra_op: { allow_spinning: "0" } } },
      logSeverityLevel: 3,
    }).catch((error: Error) => {
      throw new Error(
        `onnx: ${path} cannot be read as an ONNX model: ${error.message}. Give the path of an .onnx file.`,
        { cause: error },
      );
    });
    try {
      return new OnnxModel(path, runtime, session);
    } catch (error) {
      await session.release();
      throw error;
    }
  }

  /** The side of the pictures that it takes, in pixels; null: any size. */
  get imageSize(): number | null {
    const side = this.input.shape[2];
    return typeof side === "number" ? side : null;
  }

  /**
   * Runs it. A model that was exported for a fixed number of pictures is run several times.
   *
   * @param images B×3×H×W, normalized as the model expects it.
   * @param options Which output.
   * @returns The output, float32.
   * @throws TypeError (rejects) If the pictures do not fit the model, or the output is not float32.
   * @throws RangeError (rejects) If there is no such output.
   */
  async run(images: Tensor, options: OnnxRunOptions = {}): Promise<Tensor> {
    const output = this.#outputOf(options);
    const pictures = this.#checkImages(images);
    const pixels = (await images.data()) as Float32Array;
    const [, channels, height, width] = images.shape as readonly [number, number, number, number];
    const atOnce = this.#fixedBatch ?? pictures;
    const size = channels * height * width;
    const parts: Float32Array[] = [];
    let each: readonly number[] = [];
    for (let first = 0; first < pictures; first += atOnce) {
      const some = pixels.subarray(first * size, (first + atOnce) * size);
      const input = new this.#runtime.Tensor("float32", some, [atOnce, channels, height, width]);
      const { [output.name]: result } = await this.#session.run({ [this.input.name]: input }, [output.name]);
      parts.push(result!.data as Float32Array);
      each = result!.dims;
    }
    if (each[0] !== atOnce) {
      throw new TypeError(
        `onnx: ${this.path} gave ${shapeText(each)} as ${valueText(output)} for ${atOnce} pictures; ` +
          "expected a row for each picture. Choose another output.",
      );
    }
    return tensor(images.device, joined(parts), [pictures, ...each.slice(1)] as Shape);
  }

  /** Gives its memory back; it cannot be run any more. */
  async close(): Promise<void> {
    await this.#session.release();
  }

  /** How many pictures it takes at a time; null: any number. */
  get #fixedBatch(): number | null {
    const batch = this.input.shape[0];
    return typeof batch === "number" ? batch : null;
  }

  #outputOf({ output = this.outputs[0]!.name }: OnnxRunOptions): OnnxValue {
    const found = this.outputs.find(({ name }) => name === output);
    if (found === undefined) {
      throw new RangeError(
        `onnx: ${this.path} has no output "${output}"; it has ${this.outputs.map(valueText).join(", ")}.`,
      );
    }
    if (found.type !== "float32") {
      throw new TypeError(
        `onnx: ${this.path}: the output is ${valueText(found)}; expected float32. ` +
          "Choose another output, or export the model with float32 inputs and outputs (a quantized one too).",
      );
    }
    return found;
  }

  /** Checks pictures; gives their number. */
  #checkImages(images: Tensor): number {
    const { shape } = this.input;
    const [batch = 0, ...sides] = images.shape;
    const fits =
      images.rank === 4 &&
      images.dtype === "float32" &&
      sides.every((side, axis) => typeof shape[axis + 1] === "string" || shape[axis + 1] === side);
    if (!fits) {
      throw new TypeError(
        `onnx: ${this.path} takes ${valueText(this.input)}; got ${images.dtype} ${shapeText(images.shape)}. ` +
          "Give float32 pictures of its size, or export it with open sizes (dynamic_axes).",
      );
    }
    const atOnce = this.#fixedBatch ?? batch;
    if (batch === 0 || batch % atOnce !== 0) {
      throw new TypeError(
        `onnx: ${this.path} takes ${atOnce} pictures at a time; got ${batch}. Give a multiple of ${atOnce}, ` +
          "or export it with an open number of pictures (dynamic_axes).",
      );
    }
    return batch;
  }
}

/** Parts one behind the other, without a copy where there is one. */
function joined(parts: readonly Float32Array[]): Float32Array<ArrayBuffer> {
  if (parts.length === 1) return parts[0]! as Float32Array<ArrayBuffer>;
  const all = new Float32Array(parts.reduce((size, part) => size + part.length, 0));
  let place = 0;
  for (const part of parts) {
    all.set(part, place);
    place += part.length;
  }
  return all;
}

function valuesOf(metadata: readonly InferenceSession.ValueMetadata[]): OnnxValue[] {
  return metadata.map((value) =>
    value.isTensor
      ? { name: value.name, type: value.type, shape: value.shape }
      : { name: value.name, type: "no tensor", shape: [] },
  );
}

/** The one input of a model of pictures. */
function pictureInput(path: string, inputs: readonly OnnxValue[]): OnnxValue {
  const [input] = inputs;
  const given = inputs.map(valueText).join(", ");
  if (input === undefined || inputs.length > 1) {
    throw new Error(
      `onnx: ${path} has ${inputs.length} inputs: ${given}; ${expectedInput}. ` +
        "Export the part of the model that takes pictures alone.",
    );
  }
  const { shape, type } = input;
  const [, channels, height, width] = shape;
  if (type !== "float32") {
    throw new Error(
      `onnx: ${path} takes ${given}; ${expectedInput}. ` +
        "Export it with float32 inputs and outputs; a quantized model may have int8 weights within.",
    );
  }
  if (shape.length !== 4 || (channels !== 3 && typeof channels === "number")) {
    const hint =
      shape[3] === 3 ? " Its channels are last: put a Transpose before it." : " Export a model of pictures.";
    throw new Error(`onnx: ${path} takes ${given}; ${expectedInput}.${hint}`);
  }
  if (typeof height !== typeof width || (typeof height === "number" && height !== width))
    throw new Error(`onnx: ${path} takes ${given}; expected pictures as high as wide, or of any size.`);
  return input;
}
