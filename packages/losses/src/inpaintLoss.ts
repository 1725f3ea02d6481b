import {
  crossEntropy,
  linearCrossEntropy,
  type ProductPrecision,
  reshape,
  type Tensor,
} from "@splitmask/autograd";
import { describeShape } from "./describeShape.js";

/** Options of `inpaintLoss` and `inpaintLossFromTokens`. */
export interface InpaintLossOptions {
  /** Label smoothing in [0, 1); the paper uses none. Default 0. */
  readonly smoothing?: number;
}

/** Options of `inpaintLossFromTokens`. */
export interface InpaintLossFromTokensOptions extends InpaintLossOptions {
  /** In which format the head's products are formed. Default `"float32"`. */
  readonly precision?: ProductPrecision | undefined;
}

/**
 * The inpainting loss (masked image modeling): the mean over all hidden patches, of both branches together, of the
 * cross-entropy between the predicted distribution over visual words and the word that the tokenizer gives to the
 * hidden patch (arXiv 2112.10740, section 3; BEiT's objective).
 *
 * @param logits R×V (or …×V): scores of the V words, one row a hidden patch.
 * @param words int32, one word a row of `logits`.
 * @returns The mean loss in nats, a scalar; ln V for a prediction that knows nothing.
 * @throws TypeError If the number of words is not the number of rows.
 */
export function inpaintLoss(logits: Tensor, words: Tensor, options: InpaintLossOptions = {}): Tensor {
  const { smoothing = 0 } = options;
  checkWords("inpaintLoss", "logits", logits, words);
  return crossEntropy(asRows(logits), asList(words), { smoothing });
}

/**
 * The same loss from the decoder's tokens: the vocabulary head and the cross-entropy in one operation that never holds
 * all logits. At 2·B·N/2 = 25,088 hidden patches and 8,192 words, the logits alone would be 822 MB.
 *
 * @param tokens R×D (or …×D): decoder outputs at the hidden places.
 * @param weight V×D: weight of the vocabulary head.
 * @param bias V, or null.
 * @param words int32, one word a row of `tokens`.
 * @returns The mean loss in nats, a scalar.
 * @throws TypeError If the number of words is not the number of rows, or the widths of tokens and head differ.
 */
export function inpaintLossFromTokens(
  tokens: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  words: Tensor,
  options: InpaintLossFromTokensOptions = {},
): Tensor {
  const { smoothing = 0, precision } = options;
  checkWords("inpaintLossFromTokens", "tokens", tokens, words);
  const width = tokens.shape[tokens.shape.length - 1];
  if (weight.shape.length !== 2 || weight.shape[1] !== width) {
    throw new TypeError(
      `inpaintLossFromTokens: tokens are ${describeShape(tokens)} and the head's weight is ` +
        `${describeShape(weight)}; expected a weight of words×${width}.`,
    );
  }
  return linearCrossEntropy(asRows(tokens), weight, bias, asList(words), { smoothing, precision });
}

function checkWords(name: string, what: string, rows: Tensor, words: Tensor): void {
  const count = rows.size / rows.shape[rows.shape.length - 1]!;
  if (rows.shape.length < 2 || words.dtype !== "int32" || words.size !== count || count === 0) {
    throw new TypeError(
      `${name}: ${what} are ${describeShape(rows)} and words are ${words.dtype} ${describeShape(words)}; ` +
        `expected int32 words, one for each of the ${count} rows of ${what}, and at least one row.`,
    );
  }
}

function asRows(x: Tensor): Tensor {
  const columns = x.shape[x.shape.length - 1]!;
  return x.shape.length === 2 ? x : reshape(x, [x.size / columns, columns]);
}

function asList(words: Tensor): Tensor {
  return words.shape.length === 1 ? words : reshape(words, [words.size]);
}
