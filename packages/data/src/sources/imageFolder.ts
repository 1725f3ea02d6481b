import { readdir, realpath, stat } from "node:fs/promises";
import { extname, join, relative, resolve } from "node:path";
import type { DecodeOptions } from "../decoding/decodePicture.js";
import { commonFolder, firstFolder, ImageFiles, labelsByFolder, sorted } from "./imageFiles.js";
import { pictureExtensions } from "./pictureFormats.js";

/** Options of `imageFolder`. */
export interface ImageFolderOptions extends DecodeOptions {
  /**
   * The classes by label, e.g. those of the training folder for the test folder. Default: the first-level folders that hold pictures, sorted; none if all
   * pictures lie at the top.
   */
  readonly classes?: readonly string[];
  /** Endings of picture files, with the dot. Default: `pictureExtensions`. */
  readonly extensions?: readonly string[];
}

/** The pictures of one or several folders. Made by `imageFolder`. */
export class ImageFolder extends ImageFiles {
  /** Files that are no pictures by their ending, relative to `root`; hidden files are not counted. */
  readonly ignored: readonly string[];

  /** @internal Use `imageFolder`. */
  constructor(
    root: string,
    files: readonly string[],
    labels: Int32Array,
    classes: readonly string[],
    ignored: readonly string[],
    decode: DecodeOptions,
  ) {
    super(root, files, labels, classes, decode);
    this.ignored = ignored;
  }
}

interface Found {
  readonly pictures: string[];
  readonly ignored: string[];
  folders: number;
}

/** Collects the files under `root`/`relative`; paths are relative to root with "/" between names. */
async function collect(
  root: string,
  relativeFolder: string,
  extensions: ReadonlySet<string>,
  found: Found,
  ancestors: ReadonlySet<string>,
): Promise<void> {
  const folder = join(root, relativeFolder);
  const real = await realpath(folder);
  if (ancestors.has(real)) return; // a symbolic link to a folder that we are in
  const inside = new Set(ancestors).add(real);
  found.folders++;
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.name.startsWith(".")) continue;
    const path = relativeFolder === "" ? entry.name : `${relativeFolder}/${entry.name}`;
    let isFolder = entry.isDirectory();
    if (entry.isSymbolicLink()) {
      const target = await stat(join(root, path)).catch(() => null);
      isFolder = target?.isDirectory() ?? false;
    }
    if (isFolder) await collect(root, path, extensions, found, inside);
    else if (extensions.has(extname(entry.name).toLowerCase())) found.pictures.push(path);
    else found.ignored.push(path);
  }
}

/** Checks that a folder is one, and gives its absolute path. */
async function checkFolder(path: string): Promise<string> {
  const root = resolve(path);
  const status = await stat(root).catch((error: NodeJS.ErrnoException) => {
    throw new Error(
      error.code === "ENOENT"
        ? `imageFolder: there is no folder ${root}. Check the path; a relative one starts at ${process.cwd()}.`
        : `imageFolder: the folder ${root} cannot be read (${error.code}). Check its permissions.`,
      { cause: error },
    );
  });
  if (status.isDirectory()) return root;
  throw new Error(
    `imageFolder: ${root} is a file; expected a folder of pictures. Give the folder that holds it.`,
  );
}

/**
 * The pictures of a folder and of all folders in it, sorted by path. First-level folders that hold pictures are the classes; pictures that lie beside such folders
 * have no label. Hidden files are left out; other files that are no pictures are counted in `ignored`. Nothing is decoded yet. Of several folders the pictures follow one
 * another, and folders of the same name are one class.
 *
 * @param path The folder, or several.
 * @throws Error (rejects) If a folder is missing, is no folder, holds no pictures, or holds a class folder that `classes` does not name.
 */
export async function imageFolder(
  path: string | readonly string[],
  options: ImageFolderOptions = {},
): Promise<ImageFolder> {
  const { classes: forced, extensions = pictureExtensions, ...decode } = options;
  const roots: string[] = [];
  for (const each of [path].flat()) roots.push(await checkFolder(each));
  if (roots.length === 0) throw new Error("imageFolder: no folder was given; expected at least one.");
  const endings = new Set(extensions.map((ending) => ending.toLowerCase()));
  const root = commonFolder(roots);
  const files: string[] = [];
  const ignored: string[] = [];
  const folders: (string | null)[] = [];
  for (const each of roots) {
    const found: Found = { pictures: [], ignored: [], folders: 0 };
    await collect(each, "", endings, found, new Set());
    if (found.pictures.length === 0) throw noPictures(each, found, extensions);
    const before = each === root ? "" : `${relative(root, each)}/`;
    for (const file of sorted(found.pictures)) {
      files.push(before + file);
      folders.push(firstFolder(file));
    }
    for (const file of sorted(found.ignored)) ignored.push(before + file);
  }
  const { classes, labels } = labelsByFolder(
    folders,
    forced,
    (unknown) =>
      new Error(
        `imageFolder: ${root} holds the class folder${unknown.length > 1 ? "s" : ""} ${unknown.join(", ")}, but the classes are ${forced?.join(", ")}. Both folders must use the same names: rename or remove what is not among them.`,
      ),
  );
  return new ImageFolder(root, files, labels, classes, ignored, decode);
}

function noPictures(root: string, { ignored, folders }: Found, extensions: readonly string[]): Error {
  const others =
    ignored.length === 0
      ? "no other files either"
      : `${ignored.length} other files, e.g. ${sorted(ignored)[0]}`;
  return new Error(
    `imageFolder: no pictures in ${root} (${folders === 1 ? "1 folder" : `${folders} folders`} searched; ${others}). Expected files that end in ${extensions.join(", ")}, in the folder or in class folders inside it.`,
  );
}
