import { z } from "zod";
import { field } from "./settings/field.js";

/** The settings of a tokenizer, which methods that predict visual words have among their own. */
export const tokenizerFields = {
  tokenizer: field(z.enum(["random-projection", "random-patches", "k-means"]), {
    description:
      "Tokenizer that makes the visual words; random-projection needs no fitting. Default: random-projection",
    placeholder: "<name>",
  }),
  vocabulary: field(z.int().positive(), {
    description: "Number of visual words. Default: 8192, as in the paper",
    placeholder: "<n>",
  }),
  tokenizerPatches: field(z.int().positive(), {
    description:
      "Patches collected to fit random-patches or k-means, and to draw examples of words in reports. Default: 12 " +
      "per word, at least 100,000",
    placeholder: "<n>",
  }),
};
