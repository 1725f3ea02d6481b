import { z } from "zod";
import { type Decided, field } from "./settings/field.js";

const share = z.number().min(0).max(1);
const nonNegative = z.number().min(0);

/** The settings of every training with labels: how targets are smoothed and mixed, and pictures augmented. */
export const supervisionFields = {
  labelSmoothing: field(z.number().min(0).lt(1), {
    description:
      "Label smoothing: the share of each target that is spread over all classes. Default: the recipe's",
    placeholder: "<share>",
  }),
  mixup: field(nonNegative, {
    description: "Alpha of mixup; 0: none. Default: the recipe's",
    placeholder: "<alpha>",
  }),
  cutmix: field(nonNegative, {
    description: "Alpha of CutMix; 0: none. Default: the recipe's",
    placeholder: "<alpha>",
  }),
  magnitude: field(z.number().min(0).max(10), {
    description: "Magnitude of RandAugment, 0 to 10; 0: no RandAugment. Default: the recipe's",
    placeholder: "<n>",
  }),
  magnitudeStd: field(nonNegative, {
    description: "Standard deviation of RandAugment's magnitude. Default: the recipe's",
    placeholder: "<n>",
  }),
  jitter: field(nonNegative, {
    description:
      "Strength of the color jitter (brightness, contrast, saturation), as in timm. Default: 0 with RandAugment, " +
      "else the recipe's",
    placeholder: "<strength>",
  }),
  erasing: field(share, {
    description: "Probability of random erasing. Default: the recipe's",
    placeholder: "<share>",
  }),
  repeats: field(z.int().positive(), {
    description:
      "Repeated augmentation: how many times each picture is in a batch, each time augmented anew. Default: the " +
      "recipe's",
    placeholder: "<n>",
  }),
  headDeviation: field(z.number().positive(), {
    description: "Standard deviation of the head's initial weights. Default: the recipe's",
    placeholder: "<value>",
  }),
};

/** The settings of `supervisionFields`, decided. */
export type SupervisionSettings = Decided<typeof supervisionFields>;
