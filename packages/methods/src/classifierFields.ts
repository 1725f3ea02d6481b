import { z } from "zod";
import { type FineTuningRecipeName, fineTuningRecipes } from "./fineTuningRecipes.js";
import { field } from "./settings/field.js";
import { supervisionFields } from "./supervisionFields.js";

const recipeNames = Object.keys(fineTuningRecipes) as [FineTuningRecipeName, ...FineTuningRecipeName[]];

/** The settings that only training with labels has. */
export const classifierFields = {
  recipe: field(z.enum(recipeNames), {
    description:
      "Recipe for all settings that are not given: paper-large or paper-small (table 9 of the SplitMask paper), " +
      "deit or beit. Default: paper-large from 75,000 pictures on, else paper-small, with a batch and a length " +
      "for a CPU",
    placeholder: "<name>",
  }),
  warmupEpochs: field(z.number().min(0), {
    description: "Epochs of linear warm-up. Default: the recipe's share of the steps",
    placeholder: "<n>",
  }),
  ...supervisionFields,
  cropRatio: field(z.number().gt(0).max(1), {
    description: "Side of the center crop for testing, as a share of the short side. Default: 0.875",
    placeholder: "<share>",
  }),
  evaluateEvery: field(z.number().positive(), {
    description:
      "Epochs between two evaluations on the test pictures, which do not influence training. Default: only at " +
      "the end",
    placeholder: "<epochs>",
    mayChange: true,
  }),
};
