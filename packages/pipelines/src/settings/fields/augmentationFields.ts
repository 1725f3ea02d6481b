import { type Decided, field } from "@splitmask/methods/settings";
import { z } from "zod";

const share = z.number().min(0).max(1);

/** A step of the colors with its usual probability. */
const colorStep = (what: string, probability: number) =>
  field(share, {
    description:
      `Probability ${what}; when not given ${probability} with augmentation color, which fewer than 5,000 pictures ` +
      "have where the recipe says so, else 0",
    placeholder: "<share>",
  });

/** What is done to the pictures, anew each time that one comes. */
export const augmentationFields = {
  cropScale: field(z.number().gt(0).max(1), {
    description:
      "Smallest area of the random resized crop, as a share of the picture; when not given to pre-train the " +
      "recipe's, to fine-tune 0.08",
    placeholder: "<share>",
  }),
  flip: field(share, {
    description: "Probability of a horizontal flip; 0.5 when not given",
    placeholder: "<share>",
  }),
  augmentation: field(z.enum(["crop", "color"]), {
    description:
      "crop: crop and flip, the paper's default; color: also color jitter, gray, blur and solarization, as the paper " +
      "for its smallest sets, and what fewer than 5,000 pictures have where the recipe says so when it is not given",
    placeholder: "<name>",
  }),
  colorJitter: colorStep("of the color jitter", 0.8),
  jitterStrength: field(z.number().min(0).max(5), {
    description:
      "Strength of the color jitter: 1, when not given, is brightness and contrast ±0.4, saturation ±0.2, hue ±0.1",
    placeholder: "<value>",
  }),
  grayscale: colorStep("that a picture becomes gray", 0.2),
  blur: colorStep("of a Gaussian blur", 0.5),
  solarize: colorStep("that bright values are inverted", 0.2),
};

/** What is done to the pictures, decided. */
export type DecidedAugmentation = Decided<Omit<typeof augmentationFields, "augmentation">>;
