import { basename, dirname, isAbsolute, resolve } from "node:path";
import type { Method } from "@splitmask/methods";
import { checkMethod, existingFile, importDefault, isModule } from "@splitmask/methods/settings";

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
