import { readdir } from "node:fs/promises";

/** An operation, and the name under which its file exports it. */
interface DefinedOperation {
  readonly name: string;
  readonly exported: string;
}

/**
 * The operations that the files of `src/ops` define, file by file: tests and docs/features.md must have all of them.
 *
 * @internal
 */
export async function definedOperations(): Promise<readonly DefinedOperation[]> {
  const folder = new URL("../ops/", import.meta.url);
  const files = (await readdir(folder)).filter((file) => file.endsWith(".js")).sort();
  const modules: Record<string, unknown>[] = await Promise.all(
    files.map((file) => import(new URL(file, folder).href)),
  );
  return modules.flatMap((module) =>
    Object.entries(module).flatMap(([exported, value]) =>
      typeof value === "object" && value !== null && "gradient" in value && "name" in value
        ? [{ name: String(value.name), exported }]
        : [],
    ),
  );
}
