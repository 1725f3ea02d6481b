import { z } from "zod";
import { field } from "./settings/field.js";
import { tokenizerFields } from "./tokenizerFields.js";

/** SplitMask's own settings. */
export const splitMaskFields = {
  decoderDepth: field(z.int().positive(), {
    description: "Number of decoder blocks; 2 as in the paper when not given",
    placeholder: "<n>",
  }),
  ...tokenizerFields,
  mask: field(z.enum(["block", "uniform"]), {
    description:
      "block: BEiT's blocks, half and half; uniform: two random quarters that each predict the rest; when not given " +
      "uniform for fewer than 5,000 pictures or an odd number of patches, else block",
    placeholder: "<mode>",
  }),
  temperature: field(z.number().positive(), {
    description: "Temperature of the match loss; 0.2 as in the paper when not given",
    placeholder: "<value>",
  }),
  inpaintWeight: field(z.number().min(0), {
    description: "Weight of the inpaint loss; 1 when not given",
    placeholder: "<value>",
  }),
  matchWeight: field(z.number().min(0), {
    description: "Weight of the match loss; 1 when not given",
    placeholder: "<value>",
  }),
  negatives: field(z.enum(["other", "both"]), {
    description:
      "Negatives of the match loss: the other branch of the other pictures, or both branches; other when not given",
    placeholder: "<which>",
  }),
};
