import { UsageError } from "@splitmask/methods/settings";
import type { z } from "zod";
import type { Config } from "./config.js";
import type { FinetuneConfig } from "./finetuneConfig.js";
import { finetuneSchema } from "./finetuneSchema.js";
import { configSchema } from "./schema.js";

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

/** The number of single-letter edits between two words. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const replaced = previous[column - 1]! + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, previous[column]! + 1, current[column - 1]! + 1));
    }
    previous = current;
  }
  return previous[b.length]!;
}

/** The known field that is spelled most like the given one, if any is close. */
function closestField(field: string, fields: readonly string[]): string | null {
  const plain = field.toLowerCase().replaceAll(/[-_]/g, "");
  let best: string | null = null;
  let bestDistance = 4;
  for (const known of fields) {
    const distance = editDistance(plain, known.toLowerCase());
    const close = distance <= Math.max(1, known.length / 3);
    const contained = plain.length >= 4 && known.toLowerCase().startsWith(plain);
    if ((close || contained) && distance < bestDistance + (contained ? 8 : 0)) {
      best = known;
      bestDistance = distance;
    }
  }
  return best;
}

/**
 * Checks a configuration of `splitmask pretrain`.
 *
 * @param value What a file or the command line gave.
 * @param source Where it came from, for the error text (`"splitmask.config.json"`, `"the command line"`).
 * @param nameOf How a field is called there (the command line says `--image-size`).
 * @returns The checked configuration.
 * @throws UsageError naming the field, what was given and what was expected.
 */
export function checkConfig(value: unknown, source: string, nameOf: FieldNamer = (field) => field): Config {
  return checkFields(configSchema, value, source, nameOf);
}

/** The same for `splitmask finetune`. */
export function checkFinetuneConfig(
  value: unknown,
  source: string,
  nameOf: FieldNamer = (field) => field,
): FinetuneConfig {
  return checkFields(finetuneSchema, value, source, nameOf);
}

/** The same for any fields. */
export function checkFields<Schema extends z.ZodObject>(
  schema: Schema,
  value: unknown,
  source: string,
  nameOf: FieldNamer,
): z.output<Schema> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new UsageError(
      `${source}: got ${show(value)}, expected an object of configuration fields, such as {"imageSize": 64}.`,
    );
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data as z.output<Schema>;
  const fields = Object.keys(schema.shape);
  const lines = result.error.issues.map((issue) => {
    if (issue.code === "unrecognized_keys") {
      return issue.keys
        .map((key) => {
          const suggestion = closestField(key, fields);
          const mend =
            suggestion !== null ? `Did you mean "${suggestion}"?` : `Known fields: ${fields.join(", ")}.`;
          return `unknown field "${key}" (given ${show((value as Record<string, unknown>)[key])}). ${mend}`;
        })
        .join("\n  ");
    }
    const field = String(issue.path[0] ?? "");
    const given = (value as Record<string, unknown>)[field];
    return `${nameOf(field)}: got ${show(given)}, expected ${expectation(issue)}.`;
  });
  throw new UsageError(`${source}: ${[...new Set(lines)].join("\n  ")}`);
}

/** `imageSize` → `--image-size`. */
export function optionName(field: string): string {
  return `--${field.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** A field of the command line, for messages: `imageSize` → `--image-size`. */
export type FieldNamer = (field: string) => string;
