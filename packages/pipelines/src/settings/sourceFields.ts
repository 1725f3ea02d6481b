import { type Fields, field, type Given } from "@splitmask/methods/settings";
import { z } from "zod";
import { parseValueRange, valueRangeForms, valueRangeWords } from "./valueRange.js";

const text = z.string().min(1);

/** How any pictures are read. */
const reading = {
  imageColumn: field(text, {
    description:
      "Where the pictures are: a column of a Parquet file or table, or the extension within a sample of tar " +
      "shards, such as input.jpg. Default: found by its name",
    placeholder: "<name>",
  }),
  labelColumn: field(text, {
    description:
      "Where the labels are: a column of a Parquet file or table; the extension cls, json or txt in tar shards, " +
      "or a field of their json files. Default: found by its name",
    placeholder: "<name>",
  }),
  images: field(text, {
    description:
      "Folder of the pictures that a COCO or LVIS file (.json), a list of paths or a table names. Default: the " +
      "file's own folder, or a folder around it that has the pictures",
    placeholder: "<folder>",
  }),
  failOn: field(z.enum(["none", "truncated", "error", "warning"]), {
    description:
      "Damage that makes a picture unreadable. none: it cannot be decoded at all; truncated: also a file that " +
      "ends too early; error: also what the format forbids; warning: also damage that the decoder painted over. " +
      "Default: warning",
    placeholder: "<damage>",
  }),
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
  field(text, {
    description:
      `Part of ${what} to use, if the source has several: train, test, validation or another name that it has, ` +
      `or all. Default: ${otherwise}`,
    placeholder: "<name>",
  });

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

/** Settings as a run holds them: null where nothing was given. */
export type Settled<Settings> = {
  readonly [Field in keyof Settings]-?: Exclude<Settings[Field], undefined> | null;
};

/** The fields among some fields out of all that was given, null where they are not. */
function settle<Own extends Fields>(fields: Own, given: object): Settled<Given<Own>> {
  const values = given as Readonly<Record<string, unknown>>;
  return Object.fromEntries(Object.keys(fields).map((field) => [field, values[field] ?? null])) as Settled<
    Given<Own>
  >;
}

/** How a run opens its pictures. */
export function settleSource(given: SourceConfig): Settled<SourceConfig> {
  return settle(sourceFields, given);
}

/** How a run opens its pictures to train and to test with. */
export function settleLabelled(given: LabelledConfig): Settled<LabelledConfig> {
  return settle(labelledFields, given);
}

/** Settings of which each is there with a value, or is not there. */
type Present<Settings> = { readonly [Field in keyof Settings]?: Exclude<Settings[Field], undefined> };

/** The settings among some fields that were given, out of all that a run holds. */
function pick<Own extends Fields>(fields: Own, choice: object): Present<Given<Own>> {
  const given = Object.entries(choice).filter(([field, value]) => field in fields && value != null);
  return Object.fromEntries(given) as Present<Given<Own>>;
}

/** How pictures are opened, out of all that was given or a run holds. */
export function sourceGiven(choice: Choice<SourceConfig>): Present<SourceConfig> {
  return pick(sourceFields, choice);
}

/** How any pictures are read, out of all that was given or a run holds: all but which part is taken. */
export function readingOf(choice: Choice<Given<typeof reading>>): Present<Given<typeof reading>> {
  return pick(reading, choice);
}

/** How the pictures to train with, or to test with, are opened. */
export function sourceOf(choice: Choice<LabelledConfig>, which: "train" | "test"): Present<SourceConfig> {
  const { trainSplit, testSplit } = pick(labelledFields, choice);
  const split = which === "train" ? trainSplit : testSplit;
  return { ...readingOf(choice), ...(split === undefined ? {} : { split }) };
}
