import { type Decided, field } from "@splitmask/methods/settings";
import { z } from "zod";

const threeNumbers = z.tuple([z.number(), z.number(), z.number()], { error: "three numbers" }).readonly();

/** What pictures are normalized with. */
export const normalizationFields = {
  mean: field(threeNumbers, {
    description: "Mean of red, green and blue, 0 to 1. Default: measured on a sample of the pictures",
    placeholder: "<r,g,b>",
  }),
  std: field(threeNumbers, {
    description:
      "Standard deviation of red, green and blue, 0 to 1. Default: measured on a sample of the pictures",
    placeholder: "<r,g,b>",
  }),
};

/** What pictures are normalized with; null: it is measured. */
export type DecidedNormalization = Decided<typeof normalizationFields, "mean" | "std">;
