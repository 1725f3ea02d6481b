/**
 * What settings are made of, without anything that computes.
 *
 * @packageDocumentation
 */
export { classifierFields } from "../classifierFields.js";
export { discreteVaeFields } from "../discreteVaeFields.js";
export { splitMaskFields } from "../splitMaskFields.js";
export { tokenizerFields } from "../tokenizerFields.js";
export { checkMethod } from "./checkMethod.js";
export { type Choice, contradiction, Decisions } from "./decisions.js";
export { defaultMethodName } from "./defaultMethodName.js";
export { type Decided, type FieldNote, type Fields, field, type Given, noteOf } from "./field.js";
export { formatCount } from "./formatCount.js";
export { existingFile, importDefault, isModule } from "./modules.js";
export { didYouMean, nearest } from "./nearest.js";
export { UsageError } from "./usageError.js";
