import type { Tensor } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import type { Tokenizer } from "./tokenizer.js";

/** What a tokenizer is made from. */
export interface FitTokenizerOptions {
  /** V, how many words. */
  readonly vocabularySize: number;
  /** P, the side of a patch in pixels. */
  readonly patchSize: number;
  /** How many patches it is fitted to, at most. */
  readonly patches: number;
  /** How many different patches of each crop; see `patchesPerPicture`. */
  readonly perPicture: number;
  /** The same seed and crops give the same words. */
  readonly seed: number;
  /** Batches B×3×H×W in [−1, 1], read until there are enough patches, and disposed of once read. */
  readonly crops: AsyncIterable<Tensor>;
  /** Hears what is being done, and which share of it is done. */
  readonly onProgress?: (doing: string, share: number) => void;
  /** Stops between two batches or two steps, with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** What it takes to make a tokenizer, for estimates. */
export interface TokenizerCost {
  /** How many patches of crops are read. */
  readonly patches: number;
  /** Floating-point operations of large products. */
  readonly operations: number;
}

/** A kind of tokenizers: how one is made before a run, and how it is read back. */
export interface TokenizerKind {
  /** Its name, which its tokenizers have, too. */
  readonly name: string;
  /** V, for a kind that has no other number of words. */
  readonly vocabularySize?: number;
  /** P, for a kind that has no other size of patches. */
  readonly patchSize?: number;
  /**
   * Makes one before the first step of a run; left out for kinds that are trained in a run of their own.
   *
   * @throws RangeError (rejects) If the crops hold fewer patches than the kind needs, or a NaN or an infinity.
   */
  fit?(device: Device, options: FitTokenizerOptions): Promise<Tokenizer>;
  /**
   * Reads back what `save` of its tokenizers wrote; they give the same words as before.
   *
   * @param path The safetensors file.
   * @throws Error (rejects) If the file is no such tokenizer.
   */
  load(device: Device, path: string): Promise<Tokenizer>;
  /** What `fit` takes. Left out: nothing. */
  cost?(options: Pick<FitTokenizerOptions, "vocabularySize" | "patchSize" | "patches">): TokenizerCost;
}

/** A kind whose tokenizers are made before the first step of a run. */
export type FittedTokenizerKind = TokenizerKind & Required<Pick<TokenizerKind, "fit">>;
