import { basename, isAbsolute, resolve } from "node:path";
import type { Method } from "@splitmask/methods";
import { checkMethod } from "@splitmask/methods/settings";
import { existingFile, importDefault, isModule } from "./importDefault.js";

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

/**
 * The method that a configuration or `--method` gives.
 *
 * @param method Its name; the path of a module whose default export it is; the method itself; undefined: the usual one.
 * @throws UsageError where there is none of that name, no such file, or what the file exports is no method.
 */
export async function loadMethod(method?: string | Method): Promise<Method> {
  if (typeof method === "object") return checkMethod(method, "method");
  if (method !== undefined && isMethodPath(method)) {
    const expected = "a .js, .mjs or .ts file whose default export is a method";
    const absolute = await existingFile(method, "method", expected);
    return checkMethod(await importDefault(absolute, "export default myMethod;"), basename(absolute));
  }
  const { findMethod } = await import("@splitmask/methods"); // with all that computes: only where it is needed
  return findMethod(method);
}
