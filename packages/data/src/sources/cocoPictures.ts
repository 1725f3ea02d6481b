import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path";
import type { DatasetNote } from "../imageDataset.js";
import { shownName } from "../shownName.js";
import { commonFolder } from "./commonFolder.js";
import { statOrNull } from "./fileFacts.js";
import { FolderScan } from "./folderScan.js";
import { usualFolders } from "./listedFiles.js";
import { pictureExtensions } from "./pictureFormats.js";

/** Where the pictures of a COCO file are. */
export interface CocoPictures {
  /** The folder that paths start at, absolute. */
  readonly root: string;
  /** The path of each, relative to `root` or absolute. */
  readonly paths: readonly string[];
  /** What is not there. */
  readonly notes: readonly DatasetNote[];
}

/** Pictures that are looked for in each of the usual folders before others are searched. */
const sampled = 64;
/** Levels of folders that are searched. */
const deepest = 3;
/** Folders that are searched. */
const mostFolders = 10_000;

/**
 * Finds the pictures. Where all of a sample lie in one of the usual folders it is that one; else every picture is
 * looked for in the folders around the file by its name, and of several with this name the one is taken whose folders
 * agree most with those that the file gives.
 *
 * @param file The JSON file, absolute.
 * @param names The path of each picture as the file has it.
 * @param images The folder of the pictures, absolute, where it is given.
 * @throws Error (rejects) If no folder is given and no picture is found.
 */
export async function findCocoPictures(
  file: string,
  names: readonly string[],
  images: string | undefined,
): Promise<CocoPictures> {
  const usual = images === undefined ? usualFolders(file) : [images];
  const step = Math.max(1, Math.floor(names.length / sampled));
  const sample = names.filter((_, index) => index % step === 0);
  const isThere = (path: string) => statOrNull(path) !== null;
  for (const named of [(name: string) => name, (name: string) => basename(name)]) {
    const root = usual.find((folder) => sample.every((name) => isThere(resolve(folder, named(name)))));
    if (root !== undefined) return { root, paths: names.map(named), notes: [] };
  }

  const searched = images === undefined ? [...new Set([dirname(file), dirname(dirname(file))])] : [images];
  const foldersOf = await pictureFolders(searched, new Set(names.map((name) => basename(name))));
  const found = names.map((name) => {
    if (isAbsolute(name) && isThere(name)) return dirname(name);
    return bestFolder(name, foldersOf.get(basename(name)) ?? []);
  });
  const first = found.find((folder) => folder !== null);
  if (first === undefined && images === undefined) {
    throw new Error(
      `cocoDataset: none of the ${names.length} pictures of ${file} is found, e.g. ${shownName(names[0]!)}, in ` +
        `${searched.join(" and ")} and the folders inside. Give the folder of the pictures with images ` +
        "(--images), or open that folder itself.",
    );
  }
  const fallback = first ?? images!;
  const paths = names.map((name, index) =>
    found[index] === null ? join(fallback, name) : join(found[index]!, basename(name)),
  );
  const root = commonFolder([...new Set(paths.map((path) => dirname(path)))]);
  const missing = names.filter((_, index) => found[index] === null);
  const notes: DatasetNote[] = [];
  if (missing.length > 0) {
    const text =
      `${missing.length} of the ${names.length} pictures of ${file} are not found in ${searched.join(" and ")}, ` +
      `e.g. ${shownName(missing[0]!)}`;
    notes.push({ level: "warning", text });
  }
  return { root, paths: paths.map((path) => relative(root, path)), notes };
}

/** The folders that hold a picture of each of the names. */
async function pictureFolders(
  roots: readonly string[],
  names: ReadonlySet<string>,
): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  const seen = new Set<string>();
  let level = [...roots];
  for (let depth = 0; depth <= deepest; depth++) {
    const below: string[] = [];
    for (const folder of level) {
      if (seen.has(folder) || seen.size >= mostFolders) continue;
      seen.add(folder);
      for (const { name, kind } of await new FolderScan(folder, pictureExtensions).entries(folder)) {
        if (kind === "folder" || kind === "folderLink") below.push(join(folder, name));
        else if (names.has(name)) found.set(name, [...(found.get(name) ?? []), folder]);
      }
    }
    level = below;
  }
  return found;
}

/**
 * Of the folders with a file of a name the one that ends as its path does, by as many names as possible; null: there is
 * none.
 */
function bestFolder(name: string, folders: readonly string[]): string | null {
  const wanted = dirname(name).split("/").reverse();
  const agreement = (folder: string) => {
    const parts = folder.split("/").reverse();
    const differs = wanted.findIndex((part, place) => part !== parts[place]);
    return differs < 0 ? wanted.length : differs;
  };
  let best: string | null = null;
  let most = -1;
  for (const folder of folders) {
    const count = agreement(folder);
    if (count > most) {
      best = folder;
      most = count;
    }
  }
  return best;
}
