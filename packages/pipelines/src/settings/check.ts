import { didYouMean, type Fields, type Given, UsageError } from "@splitmask/methods/settings";
import { z } from "zod";

/** Writes a value as the user gave it, cut to one short line. */
function show(value: unknown): string {
  const text = inJson(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

function inJson(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined; // a bigint, or an object within itself, which only a module can hold
  }
}

/** Types whose names in zod are not what people call them. */
const expectedTypes: Readonly<Record<string, string>> = {
  int: "a whole number",
  array: "a list",
  tuple: "a list",
  object: "an object",
  record: "an object",
};

/** What zod expected, in words, where the field does not say so itself; undefined: in zod's. */
function expectation(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case "invalid_type":
      return expectedTypes[issue.expected] ?? `a ${issue.expected}`;
    case "invalid_value":
      return `one of ${issue.values.map((value) => JSON.stringify(value)).join(", ")}`;
    case "too_small":
      if (issue.origin === "number" || issue.origin === "int")
        return `a number ${issue.inclusive ? "of at least" : "greater than"} ${issue.minimum}`;
      if (issue.minimum === 1) return `a ${issue.origin === "array" ? "list" : "text"} that is not empty`;
      return undefined;
    case "too_big":
      return issue.origin === "number" || issue.origin === "int"
        ? `a number ${issue.inclusive ? "of at most" : "less than"} ${issue.maximum}`
        : undefined;
    default:
      return undefined;
  }
}

/** The value at a place within another. */
function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (found, key) => (found as Record<PropertyKey, unknown> | undefined)?.[key],
    value,
  );
}

/** The words that would have been right. */
function wordsOf(issue: z.core.$ZodIssue): readonly string[] {
  if (issue.code === "invalid_value") return issue.values.map(String);
  return issue.code === "custom" ? ((issue.params?.words as readonly string[] | undefined) ?? []) : [];
}

/**
 * Checks values against fields: a configuration of `splitmask pretrain` against `pretrainingFields(method)`, one of
 * `splitmask finetune` against `finetuneFields`.
 *
 * @param fields The fields.
 * @param value What a file or the command line gave.
 * @param source Where it came from, for the error text (`"splitmask.config.json"`, `"the command line"`).
 * @param nameOf How a field is called there (the command line says `--image-size`).
 * @returns The checked values.
 * @throws UsageError naming the field, what was given and what was expected.
 */
export function checkFields<Own extends Fields>(
  fields: Own,
  value: unknown,
  source: string,
  nameOf: FieldNamer = (field) => field,
): Given<Own> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new UsageError(
      `${source}: got ${show(value)}, expected an object of configuration fields, such as {"imageSize": 64}.`,
    );
  }
  const result = z.strictObject(fields).safeParse(value, { error: expectation });
  if (result.success) return result.data as Given<Own>;
  const names = Object.keys(fields);
  const lines = result.error.issues.map((issue) => {
    if (issue.code === "unrecognized_keys") {
      return issue.keys
        .map((key) => {
          const mend = didYouMean(key, names) ?? `Known fields: ${names.join(", ")}.`;
          return `unknown field "${key}" (given ${show(valueAt(value, [key]))}). ${mend}`;
        })
        .join("\n  ");
    }
    const field = String(issue.path[0] ?? "");
    const given = valueAt(value, [field]);
    const asked = didYouMean(valueAt(value, issue.path), wordsOf(issue));
    const problem = `${nameOf(field)}: got ${show(given)}, expected ${issue.message}.`;
    return asked === null ? problem : `${problem} ${asked}`;
  });
  throw new UsageError(`${source}: ${[...new Set(lines)].join("\n  ")}`);
}

/** `imageSize` → `--image-size`. */
export function optionName(field: string): string {
  return `--${field.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** A field of the command line, for messages: `imageSize` → `--image-size`. */
export type FieldNamer = (field: string) => string;
