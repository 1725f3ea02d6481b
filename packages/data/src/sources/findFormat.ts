import { statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { fileOf } from "../fileNames.js";
import { shownName } from "../shownName.js";
import { refuseArchive, refuseConvertible } from "./convertible.js";
import { statOrNull } from "./fileFacts.js";
import { deepestLevel, holdsPictureFiles, isFolder, namesIn } from "./folderNames.js";
import { holdsPictures, pictureParts } from "./folderParts.js";
import { containerFormats, containerNames, type DatasetFormat, formatByName } from "./formatNames.js";
import { isGlob } from "./imageGlob.js";
import type { DatasetUse } from "./parts.js";
import { isPictureName, remedyFor } from "./pictureFormats.js";

/** What can be opened, for messages. */
export const lookedFor = [
  "a folder of pictures",
  "a pattern such as 'photos/**/*.jpg'",
  "a text file with one path a line (.txt), or a table (.csv, .tsv, .jsonl)",
  "tar shards (.tar, a folder of them, or 'shard-{000000..000012}.tar')",
  "Parquet files (.parquet, or a folder of them)",
  "IDX files (train-images-idx3-ubyte.gz, or the folder of them)",
  "CIFAR's files (data_batch_1, data_batch_1.bin, or the folder of them)",
  "COCO annotations (.json)",
].join("; ");

/**
 * A folder is one of pictures, unless there are none on its first two levels nor in its parts, and files of another
 * format are. Deeper levels are looked at until something is known.
 *
 * @throws Error If it holds what has to be converted first.
 */
function formatOfFolder(folder: string): DatasetFormat {
  const names = namesIn(folder);
  const levels = (path: string) =>
    namesIn(path)
      .map((name) => join(path, name))
      .filter(isFolder);
  if (names.some((name) => isPictureName(name))) return "folder";
  let level = levels(folder);
  if (level.some(holdsPictureFiles)) return "folder";
  if (pictureParts(folder).length > 0) return "folder";
  let found = containerIn(names) ?? containerAmong(level);
  for (let depth = 2; depth <= deepestLevel && found === undefined && level.length > 0; depth++) {
    level = level.flatMap(levels);
    found = containerAmong(level);
  }
  if (found === undefined && !holdsPictures(folder)) refuseConvertible(folder);
  return found ?? "folder";
}

/** The first format that is found in folders, pictures too; undefined without. */
function containerAmong(folders: readonly string[]): DatasetFormat | undefined {
  for (const folder of folders) {
    const names = namesIn(folder);
    if (names.some((name) => isPictureName(name))) return "folder";
    const found = containerIn(names);
    if (found !== undefined) return found;
  }
  return undefined;
}

const containerIn = (names: readonly string[]) =>
  containerFormats.find((format) => containerNames(format, names, names).length > 0);

/** By its kind and ending; null if it is nothing that is known. */
function formatOf(path: string): DatasetFormat | null {
  if (isFolder(path)) return formatOfFolder(path);
  return formatByName(basename(path)) ?? null;
}

/** The code of the error that looking at a path ends with; null: there is nothing. */
function obstacleAt(path: string): string | null {
  try {
    statSync(fileOf(path), { throwIfNoEntry: false });
    return null;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "ENOTDIR" || code === undefined ? null : code;
  }
}

/**
 * How the pictures at a path are stored, by names.
 *
 * @param use What they are for: single pictures can be looked at, but not trained or tested with.
 * @throws Error If the path is nothing that can be opened.
 */
export function formatAt(path: string, use: DatasetUse): DatasetFormat {
  const isThere = statOrNull(path) !== null;
  refuseArchive(path);
  const format = formatOf(path) ?? (!isThere && isGlob(path) ? "glob" : null);
  if (format !== null && (isThere || format !== "folder")) return format;
  const absolute = shownName(resolve(path));
  const reason = isThere ? null : obstacleAt(path);
  if (reason !== null) {
    throw new Error(`openDataset: ${absolute} cannot be read (${reason}). Check its permissions and links.`);
  }
  if (!isThere) {
    // The words of imageFolder: most paths that are not there were meant to be folders.
    throw new Error(
      `openDataset: there is no folder ${absolute}, nor a file of that name. Check the path; a relative one ` +
        `starts at ${process.cwd()}. Expected ${lookedFor}.`,
    );
  }
  if (use === "any" && isPictureName(path)) return "picture";
  const hint = isPictureName(path)
    ? "one picture; give the folder that holds it"
    : (remedyFor(path) ?? "of no format that is known");
  throw new Error(
    `openDataset: ${absolute} is ${hint}. Expected ${lookedFor}. If the name misleads, say which with format.`,
  );
}
