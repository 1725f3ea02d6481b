import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { isAbsolute } from "node:path";
import { type Fields, noteOf } from "@splitmask/methods/settings";

/** The version of all packages: they are released together. */
export const codeVersion = (
  JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string }
).version;

const digestOf = (data: string | Uint8Array) => createHash("sha256").update(data).digest("hex").slice(0, 24);

/** A hash of plain data, whatever the order of the fields of its objects. */
export function keyOf(inputs: object): string {
  const sorted = (_: string, value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value;
  return digestOf(JSON.stringify(inputs, sorted));
}

/** What identifies a method in keys: the name of a built-in one, a hash of the contents of a module. */
export async function methodIdentity(method: string): Promise<string> {
  if (!isAbsolute(method)) return method;
  return digestOf(await readFile(method));
}

/** Hashes of what the files hold that settings name by an absolute path, such as a tokenizer's, by the setting. */
export async function namedFiles(settings: object): Promise<Readonly<Record<string, string>>> {
  const isFile = (value: unknown): value is string =>
    typeof value === "string" &&
    isAbsolute(value) &&
    (statSync(value, { throwIfNoEntry: false })?.isFile() ?? false);
  const named = Object.entries(settings).filter((entry): entry is [string, string] => isFile(entry[1]));
  return Object.fromEntries(
    await Promise.all(named.map(async ([name, path]) => [name, digestOf(await readFile(path))])),
  );
}

/** The decided settings without those that may change at resume, which do not change what is computed. */
export function resultSettings(settings: object, fields: Fields): Readonly<Record<string, unknown>> {
  const isFree = (name: string) => fields[name] !== undefined && noteOf(fields[name]).mayChange === true;
  return Object.fromEntries(Object.entries(settings).filter(([name]) => !isFree(name)));
}
