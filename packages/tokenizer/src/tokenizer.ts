import type { ProductPrecision, Tensor } from "@splitmask/autograd";

/** Options of `Tokenizer.tokenize`. */
export interface TokenizeOptions {
  /** In which format large products are formed. Default `"float32"`. */
  readonly precision?: ProductPrecision | undefined;
}

/** Turns patches of pictures into visual words: the targets of the inpainting loss. */
export interface Tokenizer {
  /** Which kind it is: `"random-projection"`, `"random-patches"`, `"k-means"` or that of another implementation. */
  readonly name: string;
  /** V, how many words there are. */
  readonly vocabularySize: number;
  /** P: the tokenizer gives one word for each P×P pixels of its view. */
  readonly patchSize: number;
  /**
   * V×(3·P²), for tokenizers whose words are directions in pixel space: what the words look like, rows of unit length;
   * a row is laid out channel, row, column.
   */
  readonly codebook?: Tensor;
  /**
   * The word of every patch; −1 for a patch whose word depends on a pixel that is NaN or infinite.
   *
   * @param pixels B×3×H×W in [−1, 1]; H and W multiples of P.
   * @param options Training passes its precision; a tokenizer without large products may ignore it.
   * @returns int32 B×N with N = (H/P)·(W/P), patches row by row; no gradient.
   */
  tokenize(pixels: Tensor, options?: TokenizeOptions): Tensor;
  /**
   * For a tokenizer that computes apart from the device, which cannot be done within a step: finds the words of pixels
   * before it. Afterwards `tokenize` gives them for these pixels, and it passes words through. Left out: there is
   * nothing to prepare.
   *
   * @param pixels B×3×H×W in [−1, 1].
   * @returns int32 B×N, as of `tokenize`.
   */
  prepare?(pixels: Tensor): Promise<Tensor>;
  /** What `prepare` takes for a word, in seconds, where it was measured: for estimates. Default 0. */
  readonly secondsPerWord?: number;
  /** Writes everything that its kind's `load` needs to one safetensors file. */
  save(path: string): Promise<void>;
}
