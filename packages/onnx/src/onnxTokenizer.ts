import { resolve } from "node:path";
import {
  affine,
  argmax,
  concatenate,
  noGrad,
  permute,
  reshape,
  scope,
  slice,
  type Tensor,
  zeros,
} from "@splitmask/autograd";
import { createDevice } from "@splitmask/kernels";
import {
  type FittedTokenizerKind,
  readTokenizerFile,
  type Tokenizer,
  writeTokenizerFile,
} from "@splitmask/tokenizer";
import { fileHash } from "./fileHash.js";
import { OnnxModel } from "./onnxModel.js";

/** The name of the kind. */
const kindName = "onnx";
/** Pictures at a time: their logits are B×V×h×w, V thousands. */
const picturesAtOnce = 16;
/** Side of the picture that a model with open sizes is tried on, in pixels. */
const triedSide = 64;

/** What a model expects of pixels p in [−1, 1]: scale · p + offset. */
export interface PixelScale {
  /** The factor. */
  readonly scale: number;
  /** What is added. */
  readonly offset: number;
}

/** Options of `OnnxTokenizer.open`. */
export interface OnnxTokenizerOptions {
  /** The name of the output with the logits. Default: the first. */
  readonly output?: string;
  /** What the model expects. Default: that of DALL-E's encoder, 0.4 and 0.5, which is 0.8 · x + 0.1 of x in [0, 1]. */
  readonly pixels?: PixelScale;
}

/** What is known of a model that gives logits over words. */
interface Layout {
  readonly vocabularySize: number;
  readonly patchSize: number;
  /** Whether the words come before rows and columns. */
  readonly wordsFirst: boolean;
  readonly secondsPerWord: number;
}

const dallE: PixelScale = { scale: 0.4, offset: 0.5 };

/**
 * Visual words from an ONNX model that maps pictures to logits over a vocabulary, B×V×h×w or B×h×w×V, such as DALL-E's
 * encoder: the word with the highest logit. The model runs apart from the device, so that the words of a batch have to
 * be prepared before it is used.
 */
export class OnnxTokenizer implements Tokenizer {
  /** `"onnx"`. */
  readonly name = kindName;
  /** V, how many words there are. */
  readonly vocabularySize: number;
  /** P, the side of the square of pixels that has one word. */
  readonly patchSize: number;
  /** What the model takes for a word of a picture, in seconds. */
  readonly secondsPerWord: number;
  /** The `.onnx` file, absolute. */
  readonly path: string;
  readonly #model: OnnxModel;
  readonly #options: OnnxTokenizerOptions;
  readonly #wordsFirst: boolean;
  readonly #prepared = new WeakMap<Tensor, Tensor>();

  private constructor(model: OnnxModel, options: OnnxTokenizerOptions, layout: Layout) {
    this.path = resolve(model.path);
    this.#model = model;
    this.#options = options;
    this.#wordsFirst = layout.wordsFirst;
    const { patchSize, secondsPerWord, vocabularySize } = layout;
    this.patchSize = patchSize;
    this.secondsPerWord = secondsPerWord;
    this.vocabularySize = vocabularySize;
  }

  /**
   * Reads a model and tries it on a picture.
   *
   * @param path The `.onnx` file.
   * @param options The output, and the scale of the pixels.
   * @throws Error (rejects) If it gives no logits over words.
   */
  static async open(path: string, options: OnnxTokenizerOptions = {}): Promise<OnnxTokenizer> {
    const model = await OnnxModel.load(path);
    try {
      return new OnnxTokenizer(model, options, await examine(model, options));
    } catch (error) {
      await model.close();
      throw error;
    }
  }

  /**
   * The tokenizer of a run folder: its file names the model, which has to be the same still.
   *
   * @param path What `save` wrote.
   * @throws Error (rejects) If the model is gone or another one.
   */
  static async load(path: string): Promise<OnnxTokenizer> {
    const { metadata, name } = await readTokenizerFile(path);
    const { model, offset, output, scale, sha256 } = metadata;
    if (name !== kindName || model === undefined || sha256 === undefined)
      throw new Error(`OnnxTokenizer.load: ${path} is a tokenizer "${name}"; expected one that save wrote.`);
    const hash = await fileHash(model).catch((error: Error) => {
      throw new Error(`tokenizer: the model ${model} cannot be read: ${error.message}. Put it back.`, {
        cause: error,
      });
    });
    if (hash !== sha256) {
      throw new Error(
        `tokenizer: ${model} is another file than when ${path} was written: its SHA-256 is ${hash.slice(0, 12)}… and ` +
          `was ${sha256.slice(0, 12)}…. Put that file back, or start a new run.`,
      );
    }
    return OnnxTokenizer.open(model, {
      ...(output === undefined ? {} : { output }),
      pixels: { scale: Number(scale), offset: Number(offset) },
    });
  }

  /**
   * The words of pictures.
   *
   * @param pixels B×3×H×W in [−1, 1]; H and W multiples of P.
   * @returns int32 B×N with N = (H/P)·(W/P), patches row by row; −1 where a logit is NaN.
   */
  async prepare(pixels: Tensor): Promise<Tensor> {
    const { device } = pixels;
    const { scale, offset } = this.#options.pixels ?? dallE;
    const parts: Tensor[] = [];
    for (let first = 0; first < pixels.shape[0]!; first += picturesAtOnce) {
      const end = Math.min(first + picturesAtOnce, pixels.shape[0]!);
      const scaled = noGrad(device, () =>
        scope(device, () => affine(slice(pixels, 0, first, end), scale, offset)),
      );
      const logits = await this.#model.run(scaled, outputOf(this.#options));
      scaled.dispose();
      parts.push(
        noGrad(device, () =>
          scope(device, () => {
            const ordered = this.#wordsFirst ? permute(logits, [0, 2, 3, 1]) : logits;
            return reshape(argmax(ordered), [end - first, -1]);
          }),
        ),
      );
      logits.dispose();
    }
    const words = parts.length === 1 ? parts[0]! : concatenate(parts, 0);
    if (parts.length > 1) for (const part of parts) part.dispose();
    this.#prepared.set(pixels, words.alias(words.shape, 0));
    return words;
  }

  /**
   * The words that `prepare` found.
   *
   * @param pixels The pixels that it was given, or what it gave, which is passed through.
   * @throws Error If these pixels were not prepared.
   */
  tokenize(pixels: Tensor): Tensor {
    if (pixels.dtype === "int32") return pixels;
    const words = this.#prepared.get(pixels);
    if (words !== undefined) return words.alias(words.shape, 0);
    throw new Error(
      `OnnxTokenizer: these pixels, ${pixels.shape.join("×")}, were not prepared, and ${this.path} cannot run within ` +
        "a step. Await prepare(pixels) before.",
    );
  }

  /** Writes the model's path and hash, and the options, to a file that `load` reads. The model is not copied. */
  async save(path: string): Promise<void> {
    const { output, pixels = dallE } = this.#options;
    await writeTokenizerFile(path, this, [], {
      ...{ model: this.path, sha256: await fileHash(this.path) },
      ...{ scale: String(pixels.scale), offset: String(pixels.offset) },
      ...(output === undefined ? {} : { output }),
    });
  }
}

/**
 * The tokenizers of an ONNX model: a kind of tokenizers like those of `tokenizerKinds`.
 *
 * @param path The `.onnx` file.
 * @param options The output, and the scale of the pixels.
 * @throws Error (rejects) If it gives no logits over words.
 */
export async function onnxTokenizerKind(
  path: string,
  options: OnnxTokenizerOptions = {},
): Promise<FittedTokenizerKind> {
  const tokenizer = await OnnxTokenizer.open(path, options);
  const { name, patchSize, vocabularySize } = tokenizer;
  return {
    ...{ name, patchSize, vocabularySize },
    fit: async () => tokenizer,
    load: (_, file) => OnnxTokenizer.load(file),
  };
}

const outputOf = ({ output }: OnnxTokenizerOptions) => (output === undefined ? {} : { output });

/** Finds out what a model gives for a picture. */
async function examine(model: OnnxModel, options: OnnxTokenizerOptions): Promise<Layout> {
  const side = model.imageSize ?? triedSide;
  const device = createDevice({ threads: 1 });
  try {
    const { shape } = await model.run(zeros(device, [fixedBatch(model), 3, side, side]), outputOf(options));
    const started = performance.now();
    await model.run(zeros(device, [fixedBatch(model), 3, side, side]), outputOf(options));
    const seconds = (performance.now() - started) / 1000 / fixedBatch(model);
    const [, first = 0, second = 0, third = 0] = shape;
    // Pictures are square, and so is the grid.
    const wordsFirst = second === third;
    const [grid, words] = wordsFirst ? [second, first] : [second, third];
    if (shape.length !== 4 || grid < 1 || side % grid !== 0 || (!wordsFirst && first !== second)) {
      throw new Error(
        `onnx: ${model.path} gives ${shape.join("×")} for a picture of ${side} pixels; expected logits over words, ` +
          "B×V×h×w or B×h×w×V, with a word for each square of pixels. Choose another output.",
      );
    }
    return {
      ...{ vocabularySize: words, patchSize: side / grid, wordsFirst },
      secondsPerWord: seconds / grid ** 2,
    };
  } finally {
    device.close();
  }
}

function fixedBatch({ input }: OnnxModel): number {
  const [batch] = input.shape;
  return typeof batch === "number" ? batch : 1;
}
