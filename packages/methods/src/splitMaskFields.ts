import { z } from "zod";
import { field } from "./settings/field.js";
import { tokenizerFields } from "./tokenizerFields.js";

/** SplitMask's own settings. */
export const splitMaskFields = {
  decoderDepth: field(z.int().positive(), {
    description: "Number of decoder blocks. Default: 2, as in the paper",
    placeholder: "<n>",
  }),
  ...tokenizerFields,
  mask: field(z.enum(["block", "uniform"]), {
    description:
      "How patches are split. block: BEiT's blocks, half of the patches in each branch; uniform: two random " +
      "quarters, each of which predicts the rest. Default: uniform for fewer than 5,000 pictures or an odd " +
      "number of patches, else block",
    placeholder: "<mode>",
  }),
  temperature: field(z.number().positive(), {
    description: "Temperature of the match loss. Default: 0.2, as in the paper",
    placeholder: "<value>",
  }),
  inpaintWeight: field(z.number().min(0), {
    description: "Weight of the inpaint loss. Default: 1",
    placeholder: "<value>",
  }),
  matchWeight: field(z.number().min(0), {
    description: "Weight of the match loss. Default: 1",
    placeholder: "<value>",
  }),
  negatives: field(z.enum(["other", "both"]), {
    description:
      "Negatives of the match loss, from the other pictures of the batch: their descriptors of the other branch " +
      "(other) or of both branches (both). Default: other",
    placeholder: "<which>",
  }),
};
