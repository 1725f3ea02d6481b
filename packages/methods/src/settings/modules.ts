import { stat } from "node:fs/promises";
import { basename, extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { UsageError } from "./usageError.js";

/** Whether a file's name is that of a module. */
export function isModule(path: string): boolean {
  return [".js", ".mjs", ".ts", ".mts"].includes(extname(path).toLowerCase());
}

/**
 * The absolute path of a file.
 *
 * @param option The option that named it, for the error's text.
 * @param expected What it may be.
 * @throws UsageError where there is none.
 */
export async function existingFile(path: string, option: string, expected: string): Promise<string> {
  const absolute = resolve(path);
  const entry = await stat(absolute).catch(() => null);
  if (!entry?.isFile())
    throw new UsageError(`${option}: there is no file ${path}. Give the path of ${expected}.`);
  return absolute;
}

/**
 * The default export of a module, which may be TypeScript where the running Node.js strips types.
 *
 * @param example What the module may hold, for the error's text.
 * @throws UsageError where it cannot be imported, or has no default export.
 */
export async function importDefault(absolute: string, example: string): Promise<unknown> {
  const name = basename(absolute);
  const loaded = await import(pathToFileURL(absolute).href).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(
      /\.m?ts$/i.test(name) && error.code === "ERR_UNKNOWN_FILE_EXTENSION"
        ? `${name}: Node.js ${process.versions.node} cannot import TypeScript. Use Node.js 22.18 or later, or ` +
            `rename the file to ${name.replace(/\.m?ts$/, ".mjs")} (an editor still types it), or write a ` +
            "configuration as JSON."
        : `${name}: could not be imported: ${error.message}`,
    );
  });
  if (!("default" in loaded)) throw new UsageError(`${name}: has no default export. Write: ${example}`);
  return loaded.default;
}
