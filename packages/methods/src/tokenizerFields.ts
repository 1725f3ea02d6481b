import { z } from "zod";
import { field } from "./settings/field.js";

/** The settings of a tokenizer, which methods that predict visual words have among their own. */
export const tokenizerFields = {
  tokenizer: field(z.enum(["random-projection", "random-patches", "k-means"]), {
    description:
      "Where the visual words come from; random-projection, which needs no fitting, when not given",
    placeholder: "<name>",
  }),
  vocabulary: field(z.int().positive(), {
    description: "Number of visual words; 8192 as in the paper when not given",
    placeholder: "<n>",
  }),
  tokenizerPatches: field(z.int().positive(), {
    description:
      "Patches collected to fit random-patches or k-means, also the examples that reports draw; twelve a word and " +
      "at least 100,000 when not given",
    placeholder: "<n>",
  }),
};
