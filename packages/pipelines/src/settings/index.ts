/**
 * The settings alone, without the packages that compute: what a command line's help needs.
 *
 * @packageDocumentation
 */
export { UsageError } from "@splitmask/methods/settings";
export { columns } from "../terminal/columns.js";
export { harmless, printable } from "../terminal/printable.js";
export type { Style, Terminal } from "../terminal/terminal.js";
export { checkConfig, checkFields, checkFinetuneConfig, optionName } from "./check.js";
export { type Config, type ConfigField, defineConfig } from "./config.js";
export { parseDuration } from "./duration.js";
export { readConfigFile, readFieldsFile } from "./file.js";
export type { FinetuneConfig, FinetuneField } from "./finetuneConfig.js";
export { finetuneSchema } from "./finetuneSchema.js";
export { usualRunFolder } from "./runFolder.js";
export { configFields, configSchema, describeField } from "./schema.js";
export { labelledShape, type SourceField, sourceShape } from "./sourceFields.js";
