import { readdir, realpath, stat } from "node:fs/promises";
import { extname, join, resolve } from "node:path";
import type { NdArray } from "ndarray";
import {
  type DecodeOptions,
  decodePicture,
  type PictureSize,
  readPictureSize,
} from "../decoding/decodePicture.js";
import { checkIndex, type ImageDataset, type ImageRequest } from "../imageDataset.js";

/** Endings (lower case) of the files that `imageFolder` takes for pictures, unless told otherwise. */
export const pictureExtensions: readonly string[] = [
  ".jpg",
  ".jpeg",
  ".jpe",
  ".jfif",
  ".png",
  ".webp",
  ".avif",
  ".gif",
  ".tif",
  ".tiff",
  ".svg",
];

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

/** The pictures of a folder. Made by `imageFolder`. */
export class ImageFolder implements ImageDataset {
  /** The folder, absolute. */
  readonly root: string;
  readonly classes: readonly string[];
  /** Files that are no pictures by their ending, relative to `root`; hidden files are not counted. */
  readonly ignored: readonly string[];
  readonly #files: readonly string[];
  readonly #labels: Int32Array;
  readonly #decode: DecodeOptions;

  /** @internal Use `imageFolder`. */
  constructor(
    root: string,
    files: readonly string[],
    labels: Int32Array,
    classes: readonly string[],
    ignored: readonly string[],
    decode: DecodeOptions,
  ) {
    this.root = root;
    this.classes = classes;
    this.ignored = ignored;
    this.#files = files;
    this.#labels = labels;
    this.#decode = decode;
  }

  get length(): number {
    return this.#files.length;
  }

  path(index: number): string {
    checkIndex("path", index, this.length);
    return join(this.root, this.#files[index]!);
  }

  label(index: number): number {
    checkIndex("label", index, this.length);
    return this.#labels[index]!;
  }

  image(index: number, request: ImageRequest = {}): Promise<NdArray<Uint8Array>> {
    return decodePicture(this.path(index), { ...this.#decode, ...request });
  }

  /**
   * The size of picture `index`, from its header only.
   *
   * @throws PictureError (rejects) If the header cannot be read.
   */
  size(index: number): Promise<PictureSize> {
    return readPictureSize(this.path(index));
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
  relative: string,
  extensions: ReadonlySet<string>,
  found: Found,
  ancestors: ReadonlySet<string>,
): Promise<void> {
  const folder = join(root, relative);
  const real = await realpath(folder);
  if (ancestors.has(real)) return; // a symbolic link to a folder that we are in
  const inside = new Set(ancestors).add(real);
  found.folders++;
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.name.startsWith(".")) continue;
    const path = relative === "" ? entry.name : `${relative}/${entry.name}`;
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

/** By code units, so that the order is the same on every file system and in every locale. */
function sorted(names: Iterable<string>): string[] {
  return [...names].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

/**
 * The pictures of a folder and of all folders in it, sorted by path. First-level folders that hold pictures are the classes; pictures that lie beside such folders
 * have no label. Hidden files are left out; other files that are no pictures are counted in `ignored`. Nothing is decoded yet.
 *
 * @param path The folder.
 * @throws Error (rejects) If the folder is missing, is no folder, holds no pictures, or holds a class folder that `classes` does not name.
 */
export async function imageFolder(path: string, options: ImageFolderOptions = {}): Promise<ImageFolder> {
  const { classes: forced, extensions = pictureExtensions, ...decode } = options;
  const root = resolve(path);
  const status = await stat(root).catch((error: NodeJS.ErrnoException) => {
    throw new Error(
      error.code === "ENOENT"
        ? `imageFolder: there is no folder ${root}. Check the path; a relative one starts at ${process.cwd()}.`
        : `imageFolder: the folder ${root} cannot be read (${error.code}). Check its permissions.`,
      { cause: error },
    );
  });
  if (!status.isDirectory()) {
    throw new Error(
      `imageFolder: ${root} is a file; expected a folder of pictures. Give the folder that holds it.`,
    );
  }
  const found: Found = { pictures: [], ignored: [], folders: 0 };
  await collect(root, "", new Set(extensions.map((ending) => ending.toLowerCase())), found, new Set());
  if (found.pictures.length === 0) {
    const others =
      found.ignored.length === 0
        ? "no other files either"
        : `${found.ignored.length} other files, e.g. ${sorted(found.ignored)[0]}`;
    throw new Error(
      `imageFolder: no pictures in ${root} (${found.folders === 1 ? "1 folder" : `${found.folders} folders`} searched; ${others}). Expected files that end in ${extensions.join(", ")}, in the folder or in class folders inside it.`,
    );
  }
  const files = sorted(found.pictures);
  const folderOf = (file: string): string | null =>
    file.includes("/") ? file.slice(0, file.indexOf("/")) : null;
  const present = sorted(new Set(files.map(folderOf).filter((name) => name !== null)));
  const classes = forced ?? present;
  const labels = new Map(classes.map((name, label) => [name, label]));
  const unknown = forced === undefined ? [] : present.filter((name) => !labels.has(name));
  if (unknown.length > 0) {
    throw new Error(
      `imageFolder: ${root} holds the class folder${unknown.length > 1 ? "s" : ""} ${unknown.join(", ")}, but the classes are ${classes.join(", ")}. Both folders must use the same names: rename or remove what is not among them.`,
    );
  }
  const labelOf = (file: string): number => {
    const folder = folderOf(file);
    return folder === null ? -1 : labels.get(folder)!;
  };
  return new ImageFolder(
    root,
    files,
    Int32Array.from(files, labelOf),
    classes,
    sorted(found.ignored),
    decode,
  );
}
