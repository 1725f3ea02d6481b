import type { FittedTokenizerName } from "@splitmask/tokenizer";
import { z } from "zod";
import { field } from "./settings/field.js";

// Named here, too, so that the command's help does not load what computes.
const names: readonly string[] = Object.keys({
  "random-projection": true,
  "random-patches": true,
  "k-means": true,
} satisfies Record<FittedTokenizerName, true>);

/** Whether a tokenizer is given by a path, and not by its kind's name. */
export function isTokenizerPath(tokenizer: string): boolean {
  return /[\\/]|\.\w+$/.test(tokenizer);
}

/** The settings of a tokenizer, which methods that predict visual words have among their own. */
export const tokenizerFields = {
  tokenizer: field(
    z.string().refine((tokenizer) => names.includes(tokenizer) || isTokenizerPath(tokenizer), {
      error:
        `one of ${names.map((name) => JSON.stringify(name)).join(", ")}, or the path of a tokenizer file or of a ` +
        "module (./words)",
      params: { words: names },
    }),
    {
      description:
        "Tokenizer that makes the visual words: random-projection, which needs no fitting, random-patches or " +
        "k-means; the path of a tokenizer.safetensors or of a run folder with one; the path of an ONNX model that " +
        "gives logits over words, such as DALL-E's encoder.onnx; or the path of a module whose default export is a " +
        "kind of tokenizers, such as ./my-tokenizer.js. Default: random-projection",
      placeholder: "<name>",
    },
  ),
  vocabulary: field(z.int().positive(), {
    description: "Number of visual words. Default: that of the tokenizer's file, else 8192, as in the paper",
    placeholder: "<n>",
  }),
  tokenizerPatch: field(z.int().positive(), {
    description:
      "Side of a word's patch in pixels of the tokenizer's view, which has one word for each patch of the " +
      "encoder. Default: that of the tokenizer's file, else patch, at most 8",
    placeholder: "<pixels>",
  }),
  tokenizerPatches: field(z.int().positive(), {
    description:
      "Patches collected to fit random-patches or k-means, and to draw examples of words in reports. Default: 12 " +
      "per word, at least 100,000",
    placeholder: "<n>",
  }),
};
