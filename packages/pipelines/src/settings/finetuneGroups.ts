import { classifierFields } from "@splitmask/methods/settings";
import { type FieldGroup, pickFields, sharedGroups } from "./fieldGroups.js";
import { augmentationFields } from "./fields/augmentationFields.js";
import { lengthFields } from "./fields/lengthFields.js";
import { modelFields } from "./fields/modelFields.js";
import { optimizationFields } from "./fields/optimizationFields.js";
import { runFields } from "./fields/runFields.js";
import { subsetFields } from "./fields/subsetFields.js";
import { labelledFields } from "./sourceFields.js";

/** What fine-tuning may change of the encoder, whose sizes are those of pre-training. */
const encoderFields = pickFields(modelFields, ["imageSize", "dropPath"]);

/** Crop and flip; the other steps are the classifier's own. */
const cropFields = pickFields(augmentationFields, ["cropScale", "flip"]);

/** AdamW along a cosine, as every recipe has it. */
const recipeFields = pickFields(optimizationFields, [
  "learningRate",
  "minimumLearningRate",
  "weightDecay",
  "weightDecayEnd",
  "layerDecay",
  "freeze",
  "clip",
  "clipMode",
  "ema",
]);

/** The settings of fine-tuning: those of pre-training that it has too, and what only training with labels has. */
export const finetuneFields = {
  ...classifierFields,
  ...encoderFields,
  ...cropFields,
  ...labelledFields,
  ...subsetFields,
  ...lengthFields,
  ...recipeFields,
  ...runFields,
};

/** The same, group by group. */
export const finetuneGroups: readonly FieldGroup[] = [
  { title: "Training with labels", fields: classifierFields },
  { ...sharedGroups.model, fields: encoderFields },
  { ...sharedGroups.augmentation, fields: cropFields },
  { ...sharedGroups.source, fields: labelledFields },
  sharedGroups.subset,
  sharedGroups.length,
  { ...sharedGroups.optimization, fields: recipeFields },
  sharedGroups.run,
];
