import { argmaxProduct, noGrad, reshape, scope, type Tensor } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import { DiscreteVaeEncoder, discreteVaePatch, discreteVaePixels } from "./discreteVaeModel.js";
import type { TokenizeOptions, Tokenizer } from "./tokenizer.js";
import { readTokenizerFile, writeTokenizerFile } from "./tokenizerFile.js";

/**
 * The words of a discrete VAE (Ramesh et al. 2021, arXiv 2102.12092; BEiT's tokenizer): the most probable of V words
 * for every 8×8 pixels, which a convolutional encoder tells from them and what is around them.
 */
export class DiscreteVaeTokenizer implements Tokenizer {
  /** `"discrete-vae"`. */
  readonly name = "discrete-vae";
  /** V, how many words there are. */
  readonly vocabularySize: number;
  /** 8: the encoder halves three times. */
  readonly patchSize = discreteVaePatch;
  /** The trained encoder. */
  readonly encoder: DiscreteVaeEncoder;
  readonly #device: Device;

  /**
   * @param device Where the encoder is.
   * @param encoder The trained encoder, which the tokenizer goes on to use.
   */
  constructor(device: Device, encoder: DiscreteVaeEncoder) {
    this.#device = device;
    this.encoder = encoder;
    this.vocabularySize = encoder.sizes.vocabularySize;
  }

  /**
   * The most probable word of every 8×8 pixels; −1 where it depends on a pixel that is NaN or infinite.
   *
   * @param pixels B×3×H×W in [−1, 1]; H and W multiples of 8.
   * @param options The format of the product with all words.
   * @returns int32 B×N, N = (H/8)·(W/8), patches row by row.
   * @throws TypeError If the shape is another, or H or W no multiple of 8.
   */
  tokenize(pixels: Tensor, { precision }: TokenizeOptions = {}): Tensor {
    const [batch = 0, channels, height = 0, width = 0] = pixels.shape;
    if (
      pixels.rank !== 4 ||
      channels !== 3 ||
      height % discreteVaePatch !== 0 ||
      width % discreteVaePatch !== 0
    ) {
      throw new TypeError(
        `tokenize: pixels are ${pixels.shape.join("×")}; expected B×3×H×W with H and W multiples of ` +
          `${discreteVaePatch}.`,
      );
    }
    return noGrad(this.#device, () =>
      scope(this.#device, () => {
        const { weight, bias } = this.encoder.output;
        const words = argmaxProduct(this.encoder.features(discreteVaePixels(pixels)), weight, bias, {
          precision,
        });
        return reshape(words, [batch, (height / discreteVaePatch) * (width / discreteVaePatch)]);
      }),
    );
  }

  /**
   * Writes the encoder to one safetensors file.
   *
   * @param path Where; an existing file is replaced once the new one is whole.
   */
  save(path: string): Promise<void> {
    const { blocks, embeddingWidth, width } = this.encoder.sizes;
    const options = Object.entries({ blocks, embeddingWidth, width }).map(([name, size]) => [
      name,
      String(size),
    ]);
    return writeTokenizerFile(path, this, this.encoder.stateDict(), Object.fromEntries(options));
  }

  /**
   * Reads back what `save` wrote; the tokenizer gives the same words as before, bit for bit.
   *
   * @param device Where the encoder should be.
   * @param path The safetensors file.
   * @throws Error (rejects) If the file is no such tokenizer.
   */
  static async load(device: Device, path: string): Promise<DiscreteVaeTokenizer> {
    const { metadata, name, tensors, vocabularySize } = await readTokenizerFile(path);
    const [blocks, embeddingWidth, width] = ["blocks", "embeddingWidth", "width"].map((size) =>
      Number(metadata[size]),
    ) as [number, number, number];
    if (name !== "discrete-vae" || !(blocks > 0 && embeddingWidth > 0 && width > 0)) {
      throw new Error(
        `DiscreteVaeTokenizer.load: ${path} holds the tokenizer "${name}"; ` +
          "expected a file that DiscreteVaeTokenizer.save wrote.",
      );
    }
    const encoder = new DiscreteVaeEncoder(
      device,
      { blocks, embeddingWidth, vocabularySize, width },
      { seed: 0 },
    );
    encoder.loadStateDict(tensors);
    return new DiscreteVaeTokenizer(device, encoder);
  }
}
