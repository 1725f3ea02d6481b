import { argmaxProduct, keep, noGrad, reshape, scope, type Tensor, tensor } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import { patchify } from "@splitmask/nn";
import { foldTransform, type PatchTransform } from "./patchTransform.js";
import type { TokenizeOptions, Tokenizer } from "./tokenizer.js";
import { readTokenizerFile, writeTokenizerFile } from "./tokenizerFile.js";

/**
 * A tokenizer that gives a patch x the word argmax over v of x·e_v, the word of highest cosine similarity in pixel
 * space (arXiv 2112.10740, section 3): the
 * length of x does not change the argmax. One fused product and argmax; the similarities are never written to memory.
 */
export class CodebookTokenizer implements Tokenizer {
  /** Which kind made the words. */
  readonly name: string;
  /** V, how many words there are. */
  readonly vocabularySize: number;
  /** P, the side of a patch in pixels. */
  readonly patchSize: number;
  /** V×(3·P²), rows of unit length; layout channel, row, column. */
  readonly codebook: Tensor;
  /** What happens to the pixels of a patch before it is compared. */
  readonly transform: PatchTransform;
  readonly #device: Device;
  readonly #weight: Tensor;
  readonly #bias: Tensor | null;

  /**
   * @param device Where the codebook is.
   * @param parts The kind's name, the side of a patch, V×(3·P²) unit rows and the transform of patches. The tokenizer
   * holds the tensors' memory by handles of its own.
   * @throws TypeError If the codebook is not V×(3·P²).
   */
  constructor(
    device: Device,
    parts: { name: string; patchSize: number; codebook: Tensor; transform: PatchTransform },
  ) {
    const { name, patchSize, codebook, transform } = parts;
    const width = 3 * patchSize * patchSize;
    if (codebook.shape.length !== 2 || codebook.shape[1] !== width || codebook.shape[0]! < 1) {
      throw new TypeError(
        `CodebookTokenizer: the codebook is ${codebook.shape.join("×")}; ` +
          `expected words×${width} for patches of ${patchSize}×${patchSize} pixels in 3 channels.`,
      );
    }
    this.name = name;
    this.patchSize = patchSize;
    this.vocabularySize = codebook.shape[0]!;
    this.codebook = keep(codebook.detach());
    this.transform = { ...transform, mean: transform.mean && keep(transform.mean.detach()) };
    this.#device = device;
    const folded = noGrad(device, () => scope(device, () => foldTransform(this.codebook, transform)));
    this.#weight = keep(folded.weight);
    this.#bias = folded.bias === null ? null : keep(folded.bias);
  }

  /**
   * The word of every patch; −1 where a pixel of it is NaN or infinite: losses of such words are NaN, counts and
   * figures of them errors or NaN.
   *
   * @param pixels B×3×H×W in [−1, 1]; H and W multiples of the patch size.
   * @param options The format of the product. In bfloat16, words that fit a patch nearly equally well may change
   * places.
   * @returns int32 B×N, N = (H/P)·(W/P), patches row by row.
   * @throws TypeError If the shape is another, or H or W no multiple of P.
   */
  tokenize(pixels: Tensor, { precision }: TokenizeOptions = {}): Tensor {
    return noGrad(this.#device, () =>
      scope(this.#device, () => {
        const patches = patchify(pixels, this.patchSize);
        const [batch, count, width] = patches.shape as readonly [number, number, number];
        if (width !== this.codebook.shape[1]) {
          throw new TypeError(
            `tokenize: pixels are ${pixels.shape.join("×")}; ` +
              "expected B×3×H×W, because the words are patches of 3 channels.",
          );
        }
        const rows = reshape(patches, [batch * count, width]);
        const words = argmaxProduct(rows, this.#weight, this.#bias, { precision });
        return reshape(words, [batch, count]);
      }),
    );
  }

  /**
   * Writes the words and all options to one safetensors file.
   *
   * @param path Where; an existing file is replaced once the new one is whole.
   */
  save(path: string): Promise<void> {
    const { pixelRange, center, mean } = this.transform;
    const tensors = [
      ["codebook", this.codebook] as const,
      ...(mean === null ? [] : [["mean", mean] as const]),
    ];
    return writeTokenizerFile(path, this, tensors, { pixelRange, center });
  }

  /**
   * Reads back what `save` wrote; the tokenizer gives the same words as before, bit for bit.
   *
   * @param device Where the words should be.
   * @param path The safetensors file.
   * @throws Error (rejects) If the file is no tokenizer with a codebook.
   */
  static async load(device: Device, path: string): Promise<CodebookTokenizer> {
    const { metadata, name, patchSize, tensors } = await readTokenizerFile(path);
    const { center, pixelRange } = metadata;
    const codebook = tensors.get("codebook");
    const mean = tensors.get("mean") ?? null;
    if (
      codebook === undefined ||
      (pixelRange !== "symmetric" && pixelRange !== "unit") ||
      (center !== "none" && center !== "patch" && center !== "mean") ||
      (center === "mean") !== (mean !== null)
    ) {
      throw new Error(
        `CodebookTokenizer.load: ${path} holds the tokenizer "${name}" without a codebook; ` +
          "expected a file that CodebookTokenizer.save wrote.",
      );
    }
    return scope(device, () => {
      const transform: PatchTransform = { pixelRange, center, mean: mean && tensor(device, mean) };
      return new CodebookTokenizer(device, {
        name,
        patchSize,
        codebook: tensor(device, codebook),
        transform,
      });
    });
  }
}
