import type { Method } from "@splitmask/methods";
import { classifierFields, type Fields, UsageError } from "@splitmask/methods/settings";
import {
  augmentationFields,
  lengthFields,
  methodFields,
  modelFields,
  monitorFields,
  normalizationFields,
  optimizationFields,
  runFields,
  subsetFields,
} from "./fields.js";
import { labelledFields, sourceFields } from "./sourceFields.js";

/** Fields that belong together: a section of the help and of the documentation. */
export interface FieldGroup<Own extends Fields = Fields> {
  /** Its heading. */
  readonly title: string;
  /** The fields by name. */
  readonly fields: Own;
}

/** The settings that pre-training has with every method. */
export const sharedFields = {
  ...methodFields,
  ...modelFields,
  ...augmentationFields,
  ...normalizationFields,
  ...sourceFields,
  ...subsetFields,
  ...lengthFields,
  ...optimizationFields,
  ...runFields,
  ...monitorFields,
};

/** Their groups. */
export const sharedGroups = {
  /** Which method trains. */
  method: { title: "Method", fields: methodFields },
  /** The encoder. */
  model: { title: "Model", fields: modelFields },
  /** What is done to the pictures, anew each time that one comes. */
  augmentation: { title: "Augmentation", fields: augmentationFields },
  /** What pictures are normalized with. */
  normalization: { title: "Normalization", fields: normalizationFields },
  /** How pictures are opened. */
  source: { title: "How pictures are opened", fields: sourceFields },
  /** Which pictures are used. */
  subset: { title: "Which pictures are used", fields: subsetFields },
  /** How much is done in a step, and how many steps are done. */
  length: { title: "Batch and length", fields: lengthFields },
  /** What changes the weights, and how fast. */
  optimization: { title: "Optimization", fields: optimizationFields },
  /** How it is computed. */
  run: { title: "Run", fields: runFields },
  /** How pre-training is looked at while it goes on. */
  monitor: { title: "Monitor", fields: monitorFields },
};

/**
 * The settings of pre-training, group by group: those that all methods share, and the method's own behind its name.
 *
 * @throws UsageError where one of its own has the name of a shared one.
 */
export function pretrainingGroups({ fields, name, title }: Method): readonly FieldGroup[] {
  const taken = Object.keys(fields).find((each) => each in sharedFields);
  if (taken !== undefined) {
    throw new UsageError(
      `method ${name}: its field "${taken}" has the name of a setting that all methods share; give it another.`,
    );
  }
  const { method, ...others } = sharedGroups;
  return [method, { title, fields }, ...Object.values(others)];
}

/** All settings of pre-training with a method. */
export function pretrainingFields(method: Method): Fields {
  return fieldsOf(pretrainingGroups(method));
}

/** The fields of some groups. */
export function fieldsOf(groups: readonly FieldGroup[]): Fields {
  return Object.assign({}, ...groups.map(({ fields }) => fields)) as Fields;
}

/** Some of the fields, by reference. */
export function pickFields<Own extends Fields, Name extends keyof Own>(
  fields: Own,
  names: readonly Name[],
): Pick<Own, Name> {
  return Object.fromEntries(names.map((name) => [name, fields[name]])) as Pick<Own, Name>;
}

/** The settings of fine-tuning: those of pre-training that it has too, and what only training with labels has. */
export const finetuneFields = {
  ...classifierFields,
  // The sizes of the encoder are those of pre-training, other steps of augmentation the classifier's own; and every
  // recipe has AdamW along a cosine.
  ...pickFields(modelFields, ["imageSize", "dropPath"]),
  ...pickFields(augmentationFields, ["cropScale", "flip"]),
  ...labelledFields,
  ...subsetFields,
  ...lengthFields,
  ...pickFields(optimizationFields, ["learningRate", "minimumLearningRate", "weightDecay", "weightDecayEnd"]),
  ...pickFields(optimizationFields, ["layerDecay", "freeze", "clip", "clipMode", "ema"]),
  ...runFields,
};

/** The same, group by group. */
export const finetuneGroups: readonly FieldGroup[] = [
  { title: "Training with labels", fields: classifierFields },
  ...Object.values<FieldGroup>({
    ...sharedGroups,
    source: { ...sharedGroups.source, fields: labelledFields },
  })
    .map(({ title, fields }) => ({
      title,
      fields: Object.fromEntries(Object.entries(fields).filter(([name]) => name in finetuneFields)),
    }))
    .filter(({ fields }) => Object.keys(fields).length > 0),
];
