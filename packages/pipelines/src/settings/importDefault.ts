import { stat } from "node:fs/promises";
import { basename, extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { UsageError } from "@splitmask/methods/settings";

const typescriptExtensions = new Set([".ts", ".mts"]);
const extensions = new Set([".js", ".mjs", ...typescriptExtensions]);

/** Whether a file's name is that of a module: `.js`, `.mjs`, `.ts`, `.mts`. */
export function isModule(path: string): boolean {
  return extensions.has(extname(path).toLowerCase());
}

/**
 * Checks that a file is there.
 *
 * @param path Its path.
 * @param option The option that named it, for the error's text.
 * @param expected What it may be.
 * @returns Its absolute path.
 * @throws UsageError where it is not.
 */
export async function existingFile(path: string, option: string, expected: string): Promise<string> {
  const absolute = resolve(path);
  const isFile = await stat(absolute).then(
    (entry) => entry.isFile(),
    () => false,
  );
  if (!isFile) throw new UsageError(`${option}: there is no file ${path}. Give the path of ${expected}.`);
  return absolute;
}

/**
 * The default export of a JavaScript module or, where the running Node.js strips types (22.18 and later, or with
 * `--experimental-strip-types`), of a TypeScript module.
 *
 * @param absolute Its path.
 * @param example What the module may hold, for the error's text.
 * @throws UsageError where it cannot be imported, or has no default export.
 */
export async function importDefault(absolute: string, example: string): Promise<unknown> {
  const name = basename(absolute);
  const loaded = await importModule(absolute, name);
  if (!("default" in loaded)) throw new UsageError(`${name}: has no default export. Write: ${example}`);
  return loaded.default;
}

async function importModule(absolute: string, name: string): Promise<object> {
  try {
    return (await import(pathToFileURL(absolute).href)) as object;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (typescriptExtensions.has(extname(name).toLowerCase()) && code === "ERR_UNKNOWN_FILE_EXTENSION") {
      throw new UsageError(
        `${name}: Node.js ${process.versions.node} cannot import TypeScript. Use Node.js 22.18 or later, or rename the ` +
          `file to ${name.replace(/\.m?ts$/, ".mjs")} (an editor still types it), or write a configuration as JSON.`,
      );
    }
    throw new UsageError(`${name}: could not be imported: ${(error as Error).message}`);
  }
}
