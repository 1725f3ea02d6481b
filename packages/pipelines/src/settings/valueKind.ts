import { z } from "zod";

/** What a field's value is, as far as a command line and a table of settings want to know. */
export interface ValueKind {
  /** What one value is; null: nothing that fits on a command line. */
  readonly kind: "number" | "text" | "flag" | null;
  /** Whether there are several, in a list. */
  readonly isList: boolean;
  /** The words that it may be; empty where it is free. */
  readonly words: readonly string[];
}

const kinds: Readonly<Record<string, ValueKind["kind"]>> = {
  number: "number",
  integer: "number",
  string: "text",
  boolean: "flag",
};

/** The kind of a field's values, derived from its type by way of its JSON schema. */
export function valueKind(type: z.ZodType): ValueKind {
  const schema = z.toJSONSchema(type, { io: "input", unrepresentable: "any" });
  const [first = schema] = (schema.anyOf ?? []) as (typeof schema)[];
  const isList = first.type === "array";
  const item = isList ? ((first.prefixItems?.[0] ?? first.items) as typeof schema | undefined) : first;
  const words = (item?.enum ?? []).filter((word) => typeof word === "string");
  return { kind: kinds[String(item?.type)] ?? null, isList, words };
}
