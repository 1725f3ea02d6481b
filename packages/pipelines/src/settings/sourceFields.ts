import { type Decided, type Fields, field, type Given } from "@splitmask/methods/settings";
import { z } from "zod";
import { oneOf, text } from "./fields.js";
import { parseValueRange, valueRangeForms, valueRangeWords } from "./valueRange.js";

/** How any pictures are read. */
const reading = {
  imageColumn: text(
    "Where the pictures are: a column of a Parquet file or table, or the extension within a sample of tar " +
      "shards, such as input.jpg. Default: found by its name",
  ),
  labelColumn: text(
    "Where the labels are: a column of a Parquet file or table; the extension cls, json or txt in tar shards, " +
      "or a field of their json files. Default: found by its name",
  ),
  images: text(
    "Folder of the pictures that a COCO or LVIS file (.json), a list of paths or a table names. Default: the " +
      "file's own folder, or a folder around it that has the pictures",
    { placeholder: "<folder>" },
  ),
  failOn: oneOf(
    ["none", "truncated", "error", "warning"],
    "Damage that makes a picture unreadable. none: it cannot be decoded at all; truncated: also a file that " +
      "ends too early; error: also what the format forbids; warning: also damage that the decoder painted over. " +
      "Default: warning",
    { placeholder: "<damage>" },
  ),
  valueRange: field(
    z.string().refine((range) => parseValueRange(range) !== null, {
      error: valueRangeForms,
      params: { words: valueRangeWords },
    }),
    {
      description:
        "Values shown as black and white in pictures of more than 8 bits (16-bit, float): two values, such as " +
        "0,4095; percentiles: the 0.1st and 99.9th percentile of all pictures; file: the smallest and largest " +
        "value of each file; auto: the range that all pictures together use. Default: that of the run whose " +
        "encoder is used, else auto",
      placeholder: "<range>",
    },
  ),
};

const part = (what: string, otherwise: string) =>
  text(
    `Part of ${what} to use, if the source has several: train, test, validation or another name that it has, ` +
      `or all. Default: ${otherwise}`,
  );

/** Every setting of how the pictures of one source are opened. */
export const sourceFields = {
  split: part("the pictures", "all; pretrain leaves out test and validation"),
  ...reading,
};

/** The same where pictures to train and to test with are given. */
export const labelledFields = {
  trainSplit: part("the training pictures", "train"),
  testSplit: part("the test pictures", "test, else validation"),
  ...reading,
};

/** A setting of how any pictures are read. */
export type ReadingField = keyof typeof reading;

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
export const readingOf = (choice: Choice<Given<typeof reading>>) => pick(reading, choice);

/** How the pictures to train with, or to test with, are opened. */
export function sourceOf(choice: Choice<LabelledConfig>, which: "train" | "test") {
  const { [`${which}Split` as const]: split } = pick(labelledFields, choice);
  return { ...readingOf(choice), ...(split === undefined ? {} : { split }) };
}
