import { readdirSync } from "node:fs";
import { fileOf, nameFromBytes } from "../fileNames.js";
import { statOrNull } from "./fileFacts.js";
import { isPictureName } from "./pictureFormats.js";
import { sortNames } from "./sortNames.js";
import { isHiddenOrSystem } from "./systemNames.js";

/**
 * What lies in a folder, sorted, but hidden files and the system's; nothing where it cannot be read: whoever opens it
 * says why.
 */
export function namesIn(folder: string): string[] {
  try {
    const names = readdirSync(fileOf(folder), { encoding: "buffer" }).map(nameFromBytes);
    return sortNames(names.filter((name) => !isHiddenOrSystem(name)));
  } catch {
    return [];
  }
}

/** Whether a path is a folder. */
export function isFolder(path: string): boolean {
  return statOrNull(path)?.isDirectory() ?? false;
}

/** Folders are looked into so deep: `MNIST/raw/…`, `default/train/0000.parquet`, `data/train/cat/1.png`. */
export const deepestLevel = 3;

/** Whether pictures lie in a folder itself. */
export function holdsPictureFiles(folder: string): boolean {
  return namesIn(folder).some((name) => isPictureName(name));
}
