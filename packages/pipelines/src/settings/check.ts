import { didYouMean, type Fields, type Given, UsageError } from "@splitmask/methods/settings";
import { z } from "zod";

/** Writes a value as the user gave it, cut to one short line. */
function show(value: unknown): string {
  const text = value === undefined ? "undefined" : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/** What zod expected, in words. */
function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return issue.expected === "int"
        ? "a whole number"
        : issue.expected === "tuple"
          ? "three numbers"
          : issue.expected === "array"
            ? "a list"
            : `a ${issue.expected}`;
    case "invalid_value":
      return `one of ${issue.values.map((value) => JSON.stringify(value)).join(", ")}`;
    case "too_small":
      return issue.origin === "array"
        ? issue.minimum === 1
          ? "a list that is not empty"
          : "three numbers"
        : `a number ${issue.inclusive ? "of at least" : "greater than"} ${issue.minimum}`;
    case "too_big":
      return issue.origin === "array"
        ? "three numbers"
        : `a number ${issue.inclusive ? "of at most" : "less than"} ${issue.maximum}`;
    default:
      return issue.message;
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
  const result = z.strictObject(fields).safeParse(value);
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
    const problem = `${nameOf(field)}: got ${show(given)}, expected ${expectation(issue)}.`;
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
