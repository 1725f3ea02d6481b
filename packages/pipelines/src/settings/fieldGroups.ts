import type { Method } from "@splitmask/methods";
import { type Fields, UsageError } from "@splitmask/methods/settings";
import { augmentationFields } from "./fields/augmentationFields.js";
import { lengthFields } from "./fields/lengthFields.js";
import { methodFields } from "./fields/methodFields.js";
import { modelFields } from "./fields/modelFields.js";
import { monitorFields } from "./fields/monitorFields.js";
import { normalizationFields } from "./fields/normalizationFields.js";
import { optimizationFields } from "./fields/optimizationFields.js";
import { runFields } from "./fields/runFields.js";
import { subsetFields } from "./fields/subsetFields.js";
import { sourceFields } from "./sourceFields.js";

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

/** Puts fields under a heading. */
function group<Own extends Fields>(title: string, fields: Own): FieldGroup<Own> {
  return { title, fields };
}

/** Their groups. */
export const sharedGroups = {
  /** Which method trains. */
  method: group("Method", methodFields),
  /** The encoder. */
  model: group("Model", modelFields),
  /** What is done to the pictures, anew each time that one comes. */
  augmentation: group("Augmentation", augmentationFields),
  /** What pictures are normalized with. */
  normalization: group("Normalization", normalizationFields),
  /** How pictures are opened. */
  source: group("How pictures are opened", sourceFields),
  /** Which pictures are used. */
  subset: group("Which pictures are used", subsetFields),
  /** How much is done in a step, and how many steps are done. */
  length: group("Batch and length", lengthFields),
  /** What changes the weights, and how fast. */
  optimization: group("Optimization", optimizationFields),
  /** How it is computed. */
  run: group("Run", runFields),
  /** How pre-training is looked at while it goes on. */
  monitor: group("Monitor", monitorFields),
};

/**
 * The settings of pre-training, group by group: those that all methods share, and the method's own behind its name.
 *
 * @param method The method.
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

/**
 * Some of the fields, by reference.
 *
 * @param fields The fields.
 * @param names Those that are taken.
 */
export function pickFields<Own extends Fields, Name extends keyof Own>(
  fields: Own,
  names: readonly Name[],
): Pick<Own, Name> {
  return Object.fromEntries(names.map((name) => [name, fields[name]])) as Pick<Own, Name>;
}
