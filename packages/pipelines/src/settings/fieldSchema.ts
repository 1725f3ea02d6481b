import type { Fields } from "@splitmask/methods/settings";
import { z } from "zod";

/**
 * The JSON schema of a configuration file, for editors.
 *
 * @param fields The fields that it may hold.
 * @param title What it is for.
 */
export function jsonSchema(fields: Fields, title: string): Readonly<Record<string, unknown>> {
  const schemaField = z.string().meta({ description: "The schema of this file, for editors" });
  const { $schema, ...schema } = z.toJSONSchema(
    z.strictObject({ $schema: schemaField.optional(), ...fields }),
    {
      io: "input",
      unrepresentable: "any",
      override: ({ jsonSchema: each }) => {
        // What only the command line and the check of resumed runs want, and what a file cannot hold.
        delete each.placeholder;
        delete each.mayChange;
        delete each.readOnly;
        if (each.anyOf !== undefined)
          each.anyOf = each.anyOf.filter((choice) => Object.keys(choice).length > 0);
      },
    },
  );
  return { $schema, title, ...schema };
}

const kinds: Readonly<Record<string, ValueKind["kind"]>> = {
  number: "number",
  integer: "number",
  string: "text",
  boolean: "flag",
};

/** What a field's value is, as far as a command line and a table of settings want to know. */
export interface ValueKind {
  /** What one value is; null: nothing that fits on a command line. */
  readonly kind: "number" | "text" | "flag" | null;
  readonly isList: boolean;
  /** The words that it may be; empty where it is free. */
  readonly words: readonly string[];
}

/** The kind of a field's values, derived from its type by way of its JSON schema. */
export function valueKind(type: z.ZodType): ValueKind {
  const schema = z.toJSONSchema(type, { io: "input", unrepresentable: "any" });
  const [first = schema] = (schema.anyOf ?? []) as (typeof schema)[];
  const isList = first.type === "array";
  const item = isList ? ((first.prefixItems?.[0] ?? first.items) as typeof schema | undefined) : first;
  const words = (item?.enum ?? []).filter((word) => typeof word === "string");
  return { kind: kinds[String(item?.type)] ?? null, isList, words };
}
