import { stat } from "node:fs/promises";
import { basename, extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { readTextFile } from "@splitmask/data";
import { UsageError } from "@splitmask/methods/settings";
import { checkConfig } from "./check.js";
import type { Config } from "./config.js";

const moduleExtensions = new Set([".js", ".mjs"]);
const typescriptExtensions = new Set([".ts", ".mts"]);

/** Checks what a file holds, under the file's name. */
type Check<Fields> = (value: unknown, source: string) => Fields;

/**
 * Reads a configuration file of `splitmask pretrain`: JSON, a JavaScript module, or a TypeScript module where the
 * running Node.js strips types.
 *
 * @param path Path of the file.
 * @returns The checked configuration.
 * @throws UsageError where the file is missing, not readable as what its name says, or holds a wrong field.
 */
export function readConfigFile(path: string): Promise<Config> {
  return readFieldsFile(path, checkConfig);
}

/**
 * Reads a configuration file: JSON, a JavaScript module (`.js`, `.mjs`) or, where the running Node.js strips types
 * (22.18 and later, or with `--experimental-strip-types`), a TypeScript module (`.ts`, `.mts`). A module's default
 * export is
 * the configuration, plain or through `defineConfig`.
 *
 * @param path Path of the file.
 * @param check Checks the fields.
 * @returns The checked configuration.
 * @throws UsageError where the file is missing, not readable as what its name says, or holds a wrong field.
 */
export async function readFieldsFile<Fields>(path: string, check: Check<Fields>): Promise<Fields> {
  const name = basename(path);
  const absolute = resolve(path);
  const isFile = await stat(absolute).then(
    (entry) => entry.isFile(),
    () => false,
  );
  if (!isFile)
    throw new UsageError(
      `--config: there is no file ${path}. Give the path of a .json, .js, .mjs or .ts file.`,
    );
  const extension = extname(path).toLowerCase();
  if (extension === ".json") return check(parseJson(await readTextFile(absolute), name), name);
  if (!moduleExtensions.has(extension) && !typescriptExtensions.has(extension)) {
    throw new UsageError(`--config: ${name} ends in "${extension}", expected .json, .js, .mjs, .ts or .mts.`);
  }
  const loaded = await importModule(absolute, name, typescriptExtensions.has(extension));
  if (!("default" in loaded)) {
    throw new UsageError(
      `${name}: has no default export. Write: export default defineConfig({ imageSize: 64 });`,
    );
  }
  return check(loaded.default, name);
}

function parseJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, "")); // editors on Windows begin files with it
  } catch (error) {
    throw new UsageError(`${name}: is not valid JSON: ${(error as Error).message}`);
  }
}

async function importModule(absolute: string, name: string, typescript: boolean): Promise<object> {
  try {
    return (await import(pathToFileURL(absolute).href)) as object;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (typescript && code === "ERR_UNKNOWN_FILE_EXTENSION") {
      throw new UsageError(
        `${name}: Node.js ${process.versions.node} cannot import TypeScript. Use Node.js 22.18 or later, or rename the file to ` +
          `${name.replace(/\.m?ts$/, ".mjs")} (defineConfig still gives it types in an editor), or write it as JSON.`,
      );
    }
    throw new UsageError(`${name}: could not be imported: ${(error as Error).message}`);
  }
}
