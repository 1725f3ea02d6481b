import { type Dirent, type PathLike, realpath, type Stats, stat } from "node:fs";
import { resolve } from "node:path";
import { convertPathToPattern, type FileSystemAdapter, glob, isDynamicPattern } from "tinyglobby";
import { fileOf, nameFromBytes } from "../fileNames.js";
import { commonFolder } from "./commonFolder.js";
import { type FolderEntry, FolderScan } from "./folderScan.js";
import { ImageFiles, labelsByFolder } from "./imageFiles.js";
import type { ImageFolderOptions } from "./imageFolder.js";
import { wholePart } from "./parts.js";
import { isPictureName, pictureExtensions, sentence } from "./pictureFormats.js";
import { sortNames } from "./sortNames.js";

/** Whether a path has wildcards (`*`, `?`, `[…]`, `{…}`, `!(…)`). */
export function isGlob(path: string): boolean {
  return isDynamicPattern(path);
}

/** The folder of a relative path; null at the top. */
function folderOf(file: string): string | null {
  const slash = file.lastIndexOf("/");
  return slash < 0 ? null : file.slice(0, slash);
}

/** The folder before the first wildcard, and the pattern in it. */
function splitPattern(pattern: string): { base: string; rest: string } {
  const parts = pattern.split("/");
  const first = parts.findIndex((part) => isDynamicPattern(part));
  const cut = first < 0 ? parts.length - 1 : first;
  return {
    base: parts.slice(0, cut).join("/") || (pattern.startsWith("/") ? "/" : "."),
    rest: parts.slice(cut).join("/"),
  };
}

/** The files of any kind whose paths fit a pattern, absolute and sorted. */
export async function findFiles(pattern: string): Promise<string[]> {
  const { base, rest } = splitPattern(pattern);
  const cwd = resolve(base);
  const scan = new FolderScan(cwd, pictureExtensions);
  const found = await glob(rest, { cwd, expandDirectories: false, fs: fileSystem(scan) });
  return sortNames(found.map((file) => resolve(cwd, file)));
}

/** The file system as `scan` reads it, with the callbacks that tinyglobby calls. */
function fileSystem(scan: FolderScan): FileSystemAdapter {
  const read = (path: PathLike, _options: object, done: (error: null, entries: Dirent[]) => void) => {
    scan.entries(String(path)).then((entries) => done(null, entries.map(direntOf)));
  };
  const resolveLink = (path: PathLike, done: (error: Error | null, resolved: string) => void) =>
    realpath(fileOf(String(path)), { encoding: "buffer" }, (error, resolved) =>
      done(error, error === null ? nameFromBytes(resolved) : ""),
    );
  const facts = (path: PathLike, done: (error: Error | null, status: Stats) => void) =>
    stat(fileOf(String(path)), done);
  return { readdir: read, realpath: resolveLink, stat: facts } as unknown as FileSystemAdapter;
}

/** What tinyglobby asks of an entry. A dead link is a file: whether it is a picture's, its name says. */
function direntOf({ name, kind }: FolderEntry): Dirent {
  return {
    name,
    isFile: () => kind === "file" || kind === "deadLink",
    isDirectory: () => kind === "folder",
    isSymbolicLink: () => kind === "folderLink",
  } as Dirent;
}

/**
 * The pictures whose paths fit a pattern (`photos/**` + `/*.jpg`), sorted by path. As in `imageFolder`, first-level
 * folders below the part before the first wildcard are the classes (those inside of them, if they are `train`, `test`
 * and the like), and hidden files are left out. Files that are not pictures by their ending are left out too.
 *
 * @param pattern The pattern, or several: a picture that fits any of them is taken, once.
 * @throws Error (rejects) If no picture fits, or one lies in a folder that `classes` does not name.
 */
export async function imageGlob(
  pattern: string | readonly string[],
  options: ImageFolderOptions = {},
): Promise<ImageFiles> {
  const { classes: forced, extensions = pictureExtensions, ...decode } = options;
  const endings = extensions.map((ending) => ending.toLowerCase());
  const patterns = [pattern].flat();
  const found = new Map<string, string | null>();
  const parts = patterns.map(splitPattern).map(({ base, rest }) => ({ base: resolve(base), rest }));
  const root = commonFolder(parts.map(({ base }) => base));
  const scan = new FolderScan(root, endings);
  for (const { base, rest } of parts) {
    for (const file of await glob(rest, { cwd: base, expandDirectories: false, fs: fileSystem(scan) })) {
      const path = resolve(base, file);
      if (isPictureName(file, endings)) found.set(path, folderOf(file));
      else scan.leaveAlone(path);
    }
  }
  if (found.size === 0) {
    const leftOut = scan.notes().map(({ text }) => ` ${sentence(text)}`);
    throw new Error(
      `imageGlob: no pictures fit ${patterns.join(", ")} (from ${process.cwd()}). Expected files that end in ` +
        `${extensions.join(", ")}. Put the pattern in quotes so that the shell leaves it alone, and a \\ before ` +
        `wildcards that are part of a name, e.g. ${convertPathToPattern("photos (1)/*.jpg")}.${leftOut.join("")}`,
    );
  }
  const files = sortNames(found.keys());
  const first = files.map((file) => found.get(file)!);
  // A pattern over a divided folder finds its parts first: these are no classes, the folders in them are.
  const isDivided = first.every((folder) => folder !== null && wholePart(folder.split("/")[0]!) !== null);
  const folders = first.map((folder) => folder?.split("/")[isDivided ? 1 : 0] ?? null);
  const labels = labelsByFolder("imageGlob", patterns.join(", "), folders, forced);
  return new ImageFiles(root, files, { ...labels, notes: [...scan.notes(), ...labels.notes] }, decode);
}
