import type { Decided, Fields, Given } from "@splitmask/methods/settings";
import { labelledFields, readingFields, sourceFields } from "./fields.js";

/** A setting of how any pictures are read. */
export type ReadingField = keyof typeof readingFields;

/** How pictures are opened; what is not given is found out. */
export type SourceConfig = Given<typeof sourceFields>;

/** How pictures to train and to test with are opened; what is not given is found out. */
export type LabelledConfig = Given<typeof labelledFields>;

/** Settings as they are given, or as a run holds them. */
export type Choice<Settings> = {
  readonly [Field in keyof Settings]?: Settings[Field] | null | undefined;
};

/** The fields among some fields out of all that was given, null where they are not. */
function settle<Own extends Fields>(fields: Own, given: object): Decided<Own, keyof Own> {
  const values = given as Readonly<Record<string, unknown>>;
  const entries = Object.keys(fields).map((field) => [field, values[field] ?? null]);
  return Object.fromEntries(entries) as Decided<Own, keyof Own>;
}

/** How a run opens its pictures. */
export const settleSource = (given: SourceConfig) => settle(sourceFields, given);

/** How a run opens its pictures to train and to test with. */
export const settleLabelled = (given: LabelledConfig) => settle(labelledFields, given);

/** The settings among some fields that were given, out of all that a run holds. */
function pick<Own extends Fields>(fields: Own, choice: object): Partial<Decided<Own>> {
  const given = Object.entries(choice).filter(([field, value]) => field in fields && value != null);
  return Object.fromEntries(given) as Partial<Decided<Own>>;
}

/** How pictures are opened, out of all that was given or a run holds. */
export const sourceGiven = (choice: Choice<SourceConfig>) => pick(sourceFields, choice);

/** How any pictures are read, out of all that was given or a run holds: all but which part is taken. */
export const readingOf = (choice: Choice<Given<typeof readingFields>>) => pick(readingFields, choice);

/** How the pictures to train with, or to test with, are opened. */
export function sourceOf(choice: Choice<LabelledConfig>, which: "train" | "test") {
  const { [`${which}Split` as const]: split } = pick(labelledFields, choice);
  return { ...readingOf(choice), ...(split === undefined ? {} : { split }) };
}
