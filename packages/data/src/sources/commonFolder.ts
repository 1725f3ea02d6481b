import { dirname, sep } from "node:path";

/** The folder that holds all of the given, absolute ones; one of them, if that holds the others. */
export function commonFolder(folders: Iterable<string>): string {
  let common: string | undefined;
  for (const folder of folders) {
    common ??= folder;
    while (folder !== common && !folder.startsWith(`${common}${sep}`) && common !== dirname(common)) {
      common = dirname(common);
    }
  }
  return common ?? sep;
}
