import { opendir, realpath, stat } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import type { DecodeOptions } from "../decoding/decodePicture.js";
import { fileOf, nameFromBytes, recoverName, shownName } from "../fileNames.js";
import type { DatasetNote } from "../imageDataset.js";
import { commonFolder } from "./commonFolder.js";
import { FolderScan } from "./folderScan.js";
import { firstFolder, ImageFiles, labelsByFolder } from "./imageFiles.js";
import { type AlignedLabels, labelsOfTexts } from "./labels.js";
import { parseLabelTable, type TableColumns } from "./labelTable.js";
import { isPictureName, pictureExtensions, sentence } from "./pictureFormats.js";
import { sortNames } from "./sortNames.js";
import { readTextFile } from "./textFile.js";

/** Options of `imageFolder`. */
export interface ImageFolderOptions extends DecodeOptions {
  /**
   * The classes by label, e.g. those of the training folder for the test folder. Default: the first-level folders that hold pictures, sorted; none if all
   * pictures lie at the top.
   */
  readonly classes?: readonly string[];
  /**
   * Tables of labels (as `imageList` reads them), such as Hugging Face's `metadata.csv` or `metadata.jsonl`, with paths
   * relative to them: they say the classes, and pictures that they do not name have none. Where they have no labels, or
   * none is given, folders are the classes.
   */
  readonly labelTables?: readonly string[];
  /** The columns of these tables. Default: by their names. */
  readonly columns?: TableColumns;
  /** Endings of picture files, with the dot. Default: `pictureExtensions`. */
  readonly extensions?: readonly string[];
}

/** The pictures of one or several folders. Made by `imageFolder`. */
export class ImageFolder extends ImageFiles {
  /** Files that are not pictures by their ending, relative to `root`; hidden files are not counted. */
  readonly ignored: readonly string[];

  /** @internal Use `imageFolder`. */
  constructor(
    root: string,
    files: readonly string[],
    labels: AlignedLabels,
    ignored: readonly string[],
    decode: DecodeOptions,
  ) {
    super(root, files, labels, decode);
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
  scan: FolderScan,
  root: string,
  relativeFolder: string,
  extensions: readonly string[],
  found: Found,
  ancestors: ReadonlySet<string>,
): Promise<void> {
  const folder = join(root, relativeFolder);
  const real = await realpath(fileOf(folder), { encoding: "buffer" }).then(nameFromBytes, () => folder);
  if (ancestors.has(real)) return; // a symbolic link to a folder that we are in
  const inside = new Set(ancestors).add(real);
  found.folders++;
  for (const { name, kind } of await scan.entries(folder)) {
    const path = relativeFolder === "" ? name : `${relativeFolder}/${name}`;
    if (kind === "folder" || kind === "folderLink") {
      await collect(scan, root, path, extensions, found, inside);
    } else if (isPictureName(name, extensions)) found.pictures.push(path);
    else {
      found.ignored.push(path);
      scan.leaveAlone(join(folder, name));
    }
  }
}

/** Checks that a folder is one, and gives its absolute path. */
async function checkFolder(path: string): Promise<string> {
  const root = resolve(recoverName(path));
  const unreadable = (error: NodeJS.ErrnoException) => {
    throw new Error(
      error.code === "ENOENT"
        ? `imageFolder: there is no folder ${root}. Check the path; a relative one starts at ${process.cwd()}.`
        : `imageFolder: the folder ${root} cannot be read (${error.code}). Check its permissions.`,
      { cause: error },
    );
  };
  const status = await stat(fileOf(root)).catch(unreadable);
  if (status.isDirectory()) {
    await (await opendir(fileOf(root) as string).catch(unreadable)).close();
    return root;
  }
  throw new Error(
    `imageFolder: ${root} is a file; expected a folder of pictures. Give the folder that holds it.`,
  );
}

/**
 * The pictures of a folder and of all folders in it, sorted by path. First-level folders that hold pictures are the
 * classes; pictures that lie beside such folders have no label. Hidden files, and what systems put there (`@eaDir`,
 * `__MACOSX`), are left out, and so are folders inside it that cannot be read: `notes` tell. Other files that are no
 * pictures are counted in `ignored`. Nothing is decoded yet. Of several folders the pictures follow one another, and
 * folders of the same name are one class.
 *
 * @param path The folder, or several.
 * @throws Error (rejects) If a folder is missing, is not a folder, holds no pictures, or holds a class folder that
 * `classes` does not name.
 */
export async function imageFolder(
  path: string | readonly string[],
  options: ImageFolderOptions = {},
): Promise<ImageFolder> {
  const {
    classes: forced,
    columns = {},
    extensions = pictureExtensions,
    labelTables = [],
    ...decode
  } = options;
  const roots: string[] = [];
  for (const each of [path].flat()) roots.push(await checkFolder(each));
  if (roots.length === 0) throw new Error("imageFolder: no folder was given; expected at least one.");
  const endings = extensions.map((ending) => ending.toLowerCase());
  const root = commonFolder(roots);
  const scan = new FolderScan(root, endings);
  const files: string[] = [];
  const ignored: string[] = [];
  const folders: (string | null)[] = [];
  for (const each of roots) {
    const found: Found = { pictures: [], ignored: [], folders: 0 };
    await collect(scan, each, "", endings, found, new Set());
    if (found.pictures.length === 0) throw noPictures(each, found, scan, extensions);
    const before = each === root ? "" : `${relative(root, each)}/`;
    for (const file of sortNames(found.pictures)) {
      files.push(before + file);
      folders.push(firstFolder(file));
    }
    for (const file of sortNames(found.ignored)) ignored.push(before + file);
  }
  const texts = await readLabels(
    labelTables,
    columns,
    files.map((file) => resolve(root, file)),
  );
  const labels =
    texts === null
      ? labelsByFolder("imageFolder", root, folders, forced)
      : labelsOfTexts("imageFolder", labelTables.join(" and "), texts, forced);
  const notes = [...tableNotes(labelTables, texts), ...scan.notes(), ...labels.notes];
  return new ImageFolder(root, files, { ...labels, notes }, ignored, decode);
}

/** The label of each picture as tables have it; null: they have none. */
async function readLabels(
  tables: readonly string[],
  columns: TableColumns,
  paths: readonly string[],
): Promise<(string | null)[] | null> {
  const labels = new Map<string, string>();
  for (const table of tables) {
    for (const { name, label } of parseLabelTable(table, await readTextFile(table), columns)) {
      if (label !== null) labels.set(resolve(dirname(table), name), label);
    }
  }
  return labels.size === 0 ? null : paths.map((path) => labels.get(path) ?? null);
}

function tableNotes(tables: readonly string[], texts: readonly (string | null)[] | null): DatasetNote[] {
  if (texts === null) return [];
  const count = texts.filter((text) => text !== null).length;
  const text = `labels are read from ${shownName(tables.join(" and "))}, of ${count} of the ${texts.length} pictures`;
  return [{ level: count < texts.length ? "warning" : "info", text }];
}

function noPictures(
  root: string,
  { ignored, folders }: Found,
  scan: FolderScan,
  extensions: readonly string[],
): Error {
  const others =
    ignored.length === 0
      ? "no other files either"
      : `${ignored.length} other files, e.g. ${shownName(sortNames(ignored)[0]!)}`;
  const leftOut = scan.notes().map(({ text }) => ` ${sentence(text)}`);
  return new Error(
    `imageFolder: no pictures in ${root} (${folders === 1 ? "1 folder" : `${folders} folders`} searched; ` +
      `${others}). Expected files that end in ${extensions.join(", ")}, in the folder or in class folders inside ` +
      `it.${leftOut.join("")}`,
  );
}
