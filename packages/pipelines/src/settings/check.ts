import { didYouMean, type Fields, type Given, UsageError } from "@splitmask/methods/settings";
import { z } from "zod";

/** A value as the user gave it, cut to one short line. */
function show(value: unknown): string {
  let text: string;
  try {
    text = JSON.stringify(value) ?? String(value);
  } catch {
    text = String(value); // a bigint, or an object within itself, which only a module can hold
  }
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
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
  if (issue.code === "invalid_type") return expectedTypes[issue.expected] ?? `a ${issue.expected}`;
  if (issue.code === "invalid_value")
    return `one of ${issue.values.map((each) => JSON.stringify(each)).join(", ")}`;
  if (issue.code !== "too_small" && issue.code !== "too_big") return undefined;
  const isNumber = issue.origin === "number" || issue.origin === "int";
  if (issue.code === "too_big")
    return isNumber ? `a number ${issue.inclusive ? "of at most" : "less than"} ${issue.maximum}` : undefined;
  if (isNumber) return `a number ${issue.inclusive ? "of at least" : "greater than"} ${issue.minimum}`;
  return issue.minimum === 1
    ? `a ${issue.origin === "array" ? "list" : "text"} that is not empty`
    : undefined;
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
  nameOf: (field: string) => string = (field) => field,
): Given<Own> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new UsageError(
      `${source}: got ${show(value)}, expected an object of configuration fields, such as {"imageSize": 64}.`,
    );
  }
  const result = z.strictObject(fields).safeParse(value, { error: expectation });
  if (result.success) return result.data as Given<Own>;
  const names = Object.keys(fields);
  const lines = result.error.issues.flatMap((issue) => {
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => {
        const mend = didYouMean(key, names) ?? `Known fields: ${names.join(", ")}.`;
        return `unknown field "${key}" (given ${show(valueAt(value, [key]))}). ${mend}`;
      });
    }
    const field = String(issue.path[0] ?? "");
    const meant = didYouMean(valueAt(value, issue.path), wordsOf(issue));
    const problem = `${nameOf(field)}: got ${show(valueAt(value, [field]))}, expected ${issue.message}.`;
    return meant === null ? problem : `${problem} ${meant}`;
  });
  throw new UsageError(`${source}: ${[...new Set(lines)].join("\n  ")}`);
}

/** `imageSize` → `--image-size`. */
export function optionName(field: string): string {
  return `--${field.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
