import { extname, resolve } from "node:path";
import { convertPathToPattern, glob, isDynamicPattern } from "tinyglobby";
import { commonFolder, firstFolder, ImageFiles, labelsByFolder, sorted } from "./imageFiles.js";
import type { ImageFolderOptions } from "./imageFolder.js";
import { pictureExtensions } from "./pictureFormats.js";

/** Whether a path has wildcards (`*`, `?`, `[…]`, `{…}`, `!(…)`). */
export function isGlob(path: string): boolean {
  return isDynamicPattern(path);
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

/**
 * The pictures whose paths fit a pattern (`photos/**` + `/*.jpg`), sorted by path. As in `imageFolder`, first-level folders below the part before the first wildcard are the classes, and hidden
 * files are left out. Files that are no pictures by their ending are left out too.
 *
 * @param pattern The pattern, or several: a picture that fits any of them is taken, once.
 * @throws Error (rejects) If no picture fits, or one lies in a folder that `classes` does not name.
 */
export async function imageGlob(
  pattern: string | readonly string[],
  options: ImageFolderOptions = {},
): Promise<ImageFiles> {
  const { classes: forced, extensions = pictureExtensions, ...decode } = options;
  const endings = new Set(extensions.map((ending) => ending.toLowerCase()));
  const patterns = [pattern].flat();
  const found = new Map<string, string | null>();
  const bases: string[] = [];
  for (const each of patterns) {
    const { base, rest } = splitPattern(each);
    const cwd = resolve(base);
    bases.push(cwd);
    const files = await glob(rest, { cwd, expandDirectories: false });
    for (const file of files) {
      if (endings.has(extname(file).toLowerCase())) found.set(resolve(cwd, file), firstFolder(file));
    }
  }
  if (found.size === 0) {
    throw new Error(
      `imageGlob: no pictures fit ${patterns.join(", ")} (from ${process.cwd()}). Expected files that end in ${extensions.join(", ")}. Put the pattern in quotes so that the shell leaves it alone, and a \\ before wildcards that are part of a name, e.g. ${convertPathToPattern("photos (1)/*.jpg")}.`,
    );
  }
  const files = sorted(found.keys());
  const { classes, labels } = labelsByFolder(
    files.map((file) => found.get(file)!),
    forced,
    (unknown) =>
      new Error(
        `imageGlob: ${patterns.join(", ")} finds pictures in ${unknown.join(", ")}, but the classes are ${forced?.join(", ")}. Narrow the pattern, or give all classes.`,
      ),
  );
  return new ImageFiles(commonFolder(bases), files, labels, classes, decode);
}
