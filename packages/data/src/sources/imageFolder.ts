import { opendir, realpath, stat } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import type { DecodeOptions } from "../decoding/decodePicture.js";
import { fileOf, nameFromBytes, recoverName } from "../fileNames.js";
import type { DatasetNote } from "../imageDataset.js";
import { shownName } from "../shownName.js";
import { commonFolder } from "./commonFolder.js";
import { FolderScan } from "./folderScan.js";
import { firstFolder, ImageFiles, labelsByFolder } from "./imageFiles.js";
import { type AlignedLabels, className, labelsOfTexts } from "./labels.js";
import { parseLabelTable, type TableColumns } from "./labelTable.js";
import { WrittenNames } from "./listedFiles.js";
import { isPictureName, pictureExtensions, sentence } from "./pictureFormats.js";
import { sortNames } from "./sortNames.js";
import { readTextFile } from "./textFile.js";

/** Options of `imageFolder`. */
export interface ImageFolderOptions extends DecodeOptions {
  /**
   * The classes by label, e.g. those of the training folder for the test folder. Default: the first-level folders that
   * hold pictures (or those of a
   * single one that holds several), sorted; none if all pictures lie at the top.
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
 * classes (where everything lies in a single folder that holds several, those); pictures that lie beside such folders
 * have no label. Hidden files, and what systems put there (`@eaDir`, `__MACOSX`), are left out, and so are folders
 * inside it that cannot be read: `notes` tell. Other files that are no pictures are counted in `ignored`. Nothing is
 * decoded yet. Of several folders the pictures follow one another, and folders of the same name are one class.
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
  const wrapped: DatasetNote[] = [];
  for (const each of roots) {
    const found: Found = { pictures: [], ignored: [], folders: 0 };
    await collect(scan, each, "", endings, found, new Set());
    if (found.pictures.length === 0) throw noPictures(each, found, scan, extensions);
    const before = each === root ? "" : `${relative(root, each)}/`;
    const wrapper = wrapperOf(found.pictures, forced);
    for (const file of sortNames(found.pictures)) {
      files.push(before + file);
      folders.push(firstFolder(file.slice(wrapper.length)));
    }
    if (wrapper !== "") {
      const text =
        `${shownName(each)}: all pictures lie in ${shownName(wrapper.slice(0, -1))}, so the folders in there are ` +
        "the classes";
      wrapped.push({ level: "info", text });
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
  const notes = [
    ...(texts === null ? wrapped : tableNotes(labelTables, texts)),
    ...scan.notes(),
    ...labels.notes,
  ];
  return new ImageFolder(root, files, { ...labels, notes }, ignored, decode);
}

/**
 * What all paths begin with, up to a "/", where several folders of pictures and nothing else lie in there: as in an
 * archive that holds one folder (`101_ObjectCategories/accordion/1.jpg`), whose
 * name is no class unless it is wanted as such.
 */
function wrapperOf(files: readonly string[], wanted: readonly string[] | undefined): string {
  const shared = commonFolder([...new Set(files.map((file) => dirname(file)))]);
  const [first] = files;
  if (shared === "." || shared === sep || files.some((file) => dirname(file) === shared)) return "";
  return wanted?.map(className).includes(className(firstFolder(first!)!)) ? "" : `${shared}/`;
}

/** The label of each picture as tables have it; null: they have none. */
async function readLabels(
  tables: readonly string[],
  columns: TableColumns,
  paths: readonly string[],
): Promise<(string | null)[] | null> {
  const labels = new Map<string, string>();
  const written = new WrittenNames();
  for (const table of tables) {
    const folder = dirname(table);
    const isPicture = (text: string) => isPictureName(written.fileOf(folder, text) ?? "");
    const { pictures } = parseLabelTable(table, await readTextFile(table), columns, isPicture);
    for (const { name, label } of pictures) {
      if (label !== null) labels.set(written.fileOf(folder, name) ?? resolve(folder, name), label);
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
