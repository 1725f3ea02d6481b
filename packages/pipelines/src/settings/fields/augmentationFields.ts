import { type Decided, field } from "@splitmask/methods/settings";
import { z } from "zod";

const share = z.number().min(0).max(1);

/** A step of the colors with its usual probability. */
const colorStep = (what: string, probability: number) =>
  field(share, {
    description: `Probability of ${what}. Default: ${probability} with augmentation color, else 0`,
    placeholder: "<share>",
  });

/** What is done to the pictures, anew each time that one comes. */
export const augmentationFields = {
  cropScale: field(z.number().gt(0).max(1), {
    description:
      "Smallest area of the random resized crop, as a share of the picture. Default: the recipe's; for " +
      "fine-tuning 0.08",
    placeholder: "<share>",
  }),
  flip: field(share, {
    description: "Probability of a horizontal flip. Default: 0.5",
    placeholder: "<share>",
  }),
  augmentation: field(z.enum(["crop", "color"]), {
    description:
      "crop: random resized crop and flip, the paper's choice; color: also color jitter, grayscale, blur and " +
      "solarization, the paper's choice for its smallest sets. Default: color for fewer than 5,000 pictures if " +
      "the method's recipe has it, else crop",
    placeholder: "<name>",
  }),
  colorJitter: colorStep("the color jitter", 0.8),
  jitterStrength: field(z.number().min(0).max(5), {
    description:
      "Strength of the color jitter: 1 changes brightness and contrast by ±0.4, saturation by ±0.2 and hue by " +
      "±0.1. Default: 1",
    placeholder: "<value>",
  }),
  grayscale: colorStep("conversion to grayscale", 0.2),
  blur: colorStep("a Gaussian blur", 0.5),
  solarize: colorStep("solarization, which inverts bright values", 0.2),
};

/** What is done to the pictures, decided. */
export type DecidedAugmentation = Decided<Omit<typeof augmentationFields, "augmentation">>;
