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
export { checkFields, optionName } from "./check.js";
export { type Config, defineConfig, type FinetuneConfig, type TokenizerRunConfig } from "./config.js";
export { jsonSchema, valueKind } from "./fieldSchema.js";
export {
  type FieldGroup,
  fieldsOf,
  finetuneFields,
  finetuneGroups,
  labelledFields,
  parseDuration,
  pickFields,
  pretrainingFields,
  pretrainingGroups,
  sharedFields,
  sharedGroups,
  sourceFields,
  tokenizerRunFields,
  tokenizerRunGroups,
} from "./fields.js";
export { methodOfFile, readConfigFile, readFinetuneFile, readTokenizerRunFile } from "./file.js";
export { loadMethod, methodReference } from "./loadMethod.js";
export { usualRunFolder } from "./runFolder.js";
