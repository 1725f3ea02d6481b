/**
 * The settings alone, without the packages that compute: what a command line's help needs.
 *
 * @packageDocumentation
 */
export {
  didYouMean,
  type Fields,
  field,
  type Given,
  nearest,
  noteOf,
  UsageError,
} from "@splitmask/methods/settings";
export { columns } from "../terminal/columns.js";
export { harmless, printable } from "../terminal/printable.js";
export type { Style, Terminal } from "../terminal/terminal.js";
export { checkFields, type FieldNamer, optionName } from "./check.js";
export {
  type Config,
  type ConfigField,
  type DefaultFields,
  defineConfig,
  type FieldsOf,
  type SharedConfig,
} from "./config.js";
export { parseDuration } from "./duration.js";
export {
  type FieldGroup,
  fieldsOf,
  pickFields,
  pretrainingFields,
  pretrainingGroups,
  sharedFields,
  sharedGroups,
} from "./fieldGroups.js";
export { methodOfFile, readConfigFile, readFinetuneFile } from "./file.js";
export type { FinetuneConfig, FinetuneField } from "./finetuneConfig.js";
export { finetuneFields, finetuneGroups } from "./finetuneGroups.js";
export { jsonSchema } from "./jsonSchema.js";
export { loadMethod, methodReference } from "./loadMethod.js";
export { usualRunFolder } from "./runFolder.js";
export { labelledFields, sourceFields } from "./sourceFields.js";
export { type ValueKind, valueKind } from "./valueKind.js";
