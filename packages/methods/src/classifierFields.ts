import { z } from "zod";
import { type FineTuningRecipeName, fineTuningRecipes } from "./fineTuningRecipes.js";
import { field } from "./settings/field.js";

const recipeNames = Object.keys(fineTuningRecipes) as [FineTuningRecipeName, ...FineTuningRecipeName[]];
const share = z.number().min(0).max(1);
const nonNegative = z.number().min(0);

/** The settings that only training with labels has. */
export const classifierFields = {
  recipe: field(z.enum(recipeNames), {
    description:
      "Where the other settings come from: paper-large, paper-small (SplitMask's table 9), deit, beit; when not " +
      "given paper-large from 75,000 pictures on, else paper-small, with the batch and the length of a CPU",
    placeholder: "<name>",
  }),
  warmupEpochs: field(nonNegative, {
    description: "Epochs of linear warm-up; the recipe's share of the steps when not given",
    placeholder: "<n>",
  }),
  labelSmoothing: field(z.number().min(0).lt(1), {
    description: "Share of each target that is spread over all classes; the recipe's when not given",
    placeholder: "<share>",
  }),
  mixup: field(nonNegative, {
    description: "Alpha of mixup, 0: none; the recipe's when not given",
    placeholder: "<alpha>",
  }),
  cutmix: field(nonNegative, {
    description: "Alpha of CutMix, 0: none; the recipe's when not given",
    placeholder: "<alpha>",
  }),
  magnitude: field(z.number().min(0).max(10), {
    description: "Magnitude of RandAugment, 0 to 10, 0: none; the recipe's when not given",
    placeholder: "<n>",
  }),
  magnitudeStd: field(nonNegative, {
    description: "Standard deviation of RandAugment's magnitude; the recipe's when not given",
    placeholder: "<n>",
  }),
  jitter: field(nonNegative, {
    description:
      "Strength of the color jitter (brightness, contrast, saturation), as timm's; when not given 0 beside " +
      "RandAugment, else the recipe's",
    placeholder: "<strength>",
  }),
  erasing: field(share, {
    description: "Probability of random erasing; the recipe's when not given",
    placeholder: "<share>",
  }),
  repeats: field(z.int().positive(), {
    description:
      "Repeated augmentation: how often each picture of a batch comes, augmented anew; the recipe's when not given",
    placeholder: "<n>",
  }),
  headDeviation: field(z.number().positive(), {
    description: "Standard deviation of the head's first weights; the recipe's when not given",
    placeholder: "<value>",
  }),
  cropRatio: field(z.number().gt(0).max(1), {
    description: "Share of the short side that tests show, from the middle; 0.875 when not given",
    placeholder: "<share>",
  }),
  evaluateEvery: field(z.number().positive(), {
    description:
      "Epochs between two evaluations on the test pictures, which choose nothing; only at the end when not given",
    placeholder: "<epochs>",
    mayChange: true,
  }),
};
