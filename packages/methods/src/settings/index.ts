/**
 * What settings are made of, without anything that computes.
 *
 * @packageDocumentation
 */
export { type Choice, contradiction, Decisions } from "./decisions.js";
export { type Decided, type FieldNote, type Fields, field, type Given, noteOf } from "./field.js";
export { UsageError } from "./usageError.js";
