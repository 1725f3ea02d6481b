import { stat } from "node:fs/promises";
import { basename, dirname, extname, isAbsolute, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Method } from "@splitmask/methods";
import { checkMethod, UsageError } from "@splitmask/methods/settings";

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

/** Whether a method is given by the path of a module, and not by its name. */
function isMethodPath(method: string): boolean {
  return isModule(method) || method.startsWith(".") || isAbsolute(method);
}

/**
 * A method as a configuration holds it, wherever that is used: a path becomes absolute.
 *
 * @param method A name, or a path.
 * @param folder Where the path starts from; the working folder when left out.
 */
export function methodReference(method: string, folder = "."): string {
  return isMethodPath(method) ? resolve(folder, method) : method;
}

/** What the configuration in a file says of the method: a name, an absolute path, or the method itself. */
export function methodIn(value: unknown, path: string): string | Method | undefined {
  const { method } = (value ?? {}) as { readonly method?: unknown };
  if (typeof method === "string") return methodReference(method, dirname(path));
  return typeof method === "object" && method !== null ? (method as Method) : undefined;
}

/**
 * The method that a configuration or `--method` gives.
 *
 * @param method Its name; the path of a module whose default export it is, or a configuration with it; the method
 *   itself; undefined: the usual one.
 * @throws UsageError where there is none of that name, no such file, or what the file exports is no method.
 */
export async function loadMethod(method?: string | Method): Promise<Method> {
  if (typeof method === "object") return checkMethod(method, "method");
  if (method !== undefined && isMethodPath(method)) {
    const expected = "a .js, .mjs or .ts file whose default export is a method, or a configuration with one";
    const absolute = await existingFile(method, "method", expected);
    const exported = await importDefault(absolute, "export default myMethod;");
    const held = methodIn(exported, absolute);
    return held === undefined ? checkMethod(exported, basename(absolute)) : loadMethod(held);
  }
  const { findMethod } = await import("@splitmask/methods"); // with all that computes: only where it is needed
  return findMethod(method);
}
