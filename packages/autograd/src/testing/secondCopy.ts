import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";

/**
 * Works with a second copy of a package, as a program has it that installs two versions: its classes are other ones.
 *
 * @typeParam Exports What the package exports.
 * @param packageFolder The package's folder; it has to be built.
 * @param work Gets what the copy exports; the copy is deleted behind it.
 */
export async function withSecondCopy<Exports>(
  packageFolder: string,
  work: (copy: Exports) => void | Promise<void>,
): Promise<void> {
  // Below the package, so that its imports resolve as the package's own do.
  const folder = mkdtempSync(resolve(packageFolder, "node_modules", ".copy-"));
  try {
    cpSync(join(packageFolder, "dist"), join(folder, "dist"), { recursive: true });
    await work((await import(join(folder, "dist", "index.js"))) as Exports);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
