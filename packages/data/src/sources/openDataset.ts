import { statSync } from "node:fs";
import { open as openFile } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import type { DecodeOptions } from "../decoding/decodePicture.js";
import { isNamed, signatureOf } from "../decoding/signature.js";
import { fileOf, recoverName, shownName } from "../fileNames.js";
import type { DatasetNote, ImageDataset } from "../imageDataset.js";
import { cifarDataset, cifarNames, cifarPart } from "./cifar.js";
import { cocoDataset } from "./coco.js";
import { concatenateDatasets } from "./concatenateDatasets.js";
import { isCifarArchive, refuseArchive, refuseConvertible } from "./convertible.js";
import { expandBraces, hasBraces } from "./expandBraces.js";
import { fileLength, statOrNull } from "./fileFacts.js";
import { isFolder, namesIn } from "./folderNames.js";
import { type IdxDatasetOptions, idxDataset } from "./idx.js";
import { imageFolder } from "./imageFolder.js";
import { findFiles, imageGlob, isGlob } from "./imageGlob.js";
import { imageList } from "./imageList.js";
import { parquetDataset } from "./parquet.js";
import {
  type ChosenParts,
  chooseParts,
  type DatasetUse,
  type PartEntry,
  partOf,
  wholePart,
} from "./parts.js";
import { isPictureName, remedyFor } from "./pictureFormats.js";
import { settleValueRange } from "./settleValueRange.js";
import { webDataset } from "./webDataset.js";

/** How pictures may be stored. */
export type DatasetFormat = "folder" | "glob" | "list" | "webdataset" | "parquet" | "idx" | "cifar" | "coco";

/** Options of `openDataset`. */
export interface OpenDatasetOptions extends DecodeOptions {
  /** How the pictures are stored. Default: by the names of the files. */
  readonly format?: DatasetFormat;
  /**
   * Which part of a folder, where the names of its files or folders speak of several: `"train"`, `"validation"` (`"val"`, `"dev"`), `"test"` or another name that stands there; `"all"`. Of a
   * folder of pictures also any folder inside it. Default: by `use`.
   */
  readonly split?: string;
  /** What the pictures are for, which chooses the part where no `split` does. Default `"any"`: everything. */
  readonly use?: DatasetUse;
  /** Where the pictures are in a container: the column of Parquet files, the ending in a sample of tar shards (`"jpg"`, `"input.jpg"`). Default: by their names. */
  readonly imageColumn?: string;
  /** Where the labels are: the column of Parquet files; of tar shards the ending `cls`, `json` or `txt` (or `output.cls`), or a field of the `json` files; null: there are none. Default: by their names. */
  readonly labelColumn?: string | null;
  /** The folder that paths in a COCO file or a list start at. Default: looked for around the COCO file; the list's own. */
  readonly images?: string;
  /** The classes by label. Default: see each format. */
  readonly classes?: readonly string[];
  /** IDX: 3 spreads greyscale to three channels, 1 leaves it. Default 3. */
  readonly channels?: 1 | 3;
  /** WebDataset: folder of caches, for the indexes of shards and unpacked `.tar.gz`. Default: indexes beside the shards, all else in `defaultCacheFolder()`. */
  readonly cacheFolder?: string;
  /** WebDataset: called when a shard is open. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Stops the indexing of shards. */
  readonly signal?: AbortSignal;
}

const endings: Readonly<Record<string, RegExp>> = {
  webdataset: /\.(tar|tar\.gz|tgz)$/i,
  parquet: /\.parquet$/i,
  idx: /images.*idx\d[-.]ubyte(\.gz)?$|\.idx\d?(\.gz)?$/i,
  cifar: /\.bin$|^(data_batch_\d+|test_batch)$/i,
  coco: /\.json$/i,
  list: /\.(txt|lst|list|csv|tsv|jsonl|ndjson)$/i,
};

const lookedFor = [
  "a folder of pictures",
  "a pattern such as 'photos/**/*.jpg'",
  "a text file with one path a line (.txt), or a table (.csv, .tsv, .jsonl)",
  "tar shards (.tar, a folder of them, or 'shard-{000000..000012}.tar')",
  "Parquet files (.parquet, or a folder of them)",
  "IDX files (train-images-idx3-ubyte.gz, or the folder of them)",
  "CIFAR's files (data_batch_1, data_batch_1.bin, or the folder of them)",
  "COCO annotations (.json)",
].join("; ");

/** Whether a picture lies in a folder itself. */
const holdsPictureFile = (folder: string) => namesIn(folder).some((name) => isPictureName(name));

/** Folders are looked into so deep: `MNIST/raw/…`, `default/train/0000.parquet`, `data/train/cat/1.png`. */
const deepest = 3;

const formatsOfFolders = ["parquet", "webdataset", "idx", "cifar"] as const;
type ContainerFormat = (typeof formatsOfFolders)[number];

/**
 * Those of a folder's files that are containers of a format, by their names. An archive beside the folder that it was unpacked to is none, nor CIFAR's, which have to be unpacked, nor the Parquet
 * file of the same name as a tar shard, in which img2dataset keeps what it knows of the shard's pictures.
 */
function containerNames(
  format: ContainerFormat,
  files: readonly string[],
  folders: readonly string[],
): string[] {
  if (format === "cifar") return cifarNames(files);
  const found = files.filter((name) => endings[format]!.test(name));
  const stem = (name: string) => name.replace(endings[format]!, "");
  if (format === "webdataset") {
    return found.filter((name) => !isCifarArchive(name) && !folders.includes(stem(name)));
  }
  if (format !== "parquet") return found;
  const shards = new Set(
    containerNames("webdataset", files, folders).map((name) => name.replace(endings.webdataset!, "")),
  );
  return found.filter((name) => !shards.has(stem(name)));
}

/**
 * A folder is one of pictures, unless there are none on its first two floors nor in its parts, and files of another format are. Deeper floors are looked at until something is known.
 *
 * @throws Error If it holds what has to be converted first.
 */
function formatOfFolder(folder: string): DatasetFormat {
  const names = namesIn(folder);
  const floors = (path: string) =>
    namesIn(path)
      .map((name) => join(path, name))
      .filter(isFolder);
  if (names.some((name) => isPictureName(name))) return "folder";
  let floor = floors(folder);
  if (floor.some(holdsPictureFile)) return "folder";
  if (pictureParts(folder).length > 0) return "folder";
  let found = containerIn(names) ?? containerAmong(floor);
  for (let depth = 2; depth <= deepest && found === undefined && floor.length > 0; depth++) {
    floor = floor.flatMap(floors);
    found = containerAmong(floor);
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
  formatsOfFolders.find((format) => containerNames(format, names, names).length > 0);

/** The containers of a format in a folder and in those inside it. */
function containersIn(folder: string, format: ContainerFormat): PartEntry[] {
  const found: string[] = [];
  const visit = (inside: string, depth: number): void => {
    const within = (name: string) => (inside === "" ? name : `${inside}/${name}`);
    const [folders, files] = partition(namesIn(join(folder, inside)), (name) =>
      isFolder(join(folder, within(name))),
    );
    found.push(...containerNames(format, files, folders).map(within));
    if (depth < deepest) for (const name of folders) visit(within(name), depth + 1);
  };
  visit("", 0);
  // torchvision unpacks MNIST's files and leaves the packed ones beside them.
  const single =
    format === "idx"
      ? found.filter((name) => !found.includes(name.replace(/\.gz$/, "")) || !name.endsWith(".gz"))
      : found;
  return single.map((relative) => ({
    path: join(folder, relative),
    ...(format === "cifar" ? knownPart(cifarPart(basename(relative))) : partOf(relative)),
  }));
}

const knownPart = (part: string) => ({ part, name: part });

function partition<Item>(items: readonly Item[], fits: (item: Item) => boolean): [Item[], Item[]] {
  const places = items.map(fits);
  return [items.filter((_, place) => places[place]), items.filter((_, place) => !places[place])];
}

/** Whether there is a picture in a folder, on one of its first floors: links may lead round in circles. */
function holdsPictures(folder: string, depth = 0): boolean {
  const names = namesIn(folder);
  if (names.some((name) => isPictureName(name))) return true;
  return (
    depth < 2 * deepest &&
    names.some((name) => isFolder(join(folder, name)) && holdsPictures(join(folder, name), depth + 1))
  );
}

/**
 * The folders of a folder's parts, where it is divided in such (`train` and `val` of class folders or of pictures, also inside of a single folder); empty: it is not. One that holds other folders
 * of pictures too is divided if two parts at least are called by their whole names: a class may be called train.
 */
function pictureParts(folder: string, depth = 0): PartEntry[] {
  const names = namesIn(folder);
  if (names.some((name) => isPictureName(name))) return [];
  const entries = names
    .map((name): PartEntry => ({ path: join(folder, name), ...partOf(name) }))
    .filter(({ path }) => isFolder(path));
  const named = entries.filter(({ part, path }) => part !== null && holdsPictures(path));
  if (named.length === 0) {
    const [only, second] = firstTwo(entries, ({ path }) => holdsPictures(path));
    return only !== undefined && second === undefined && depth < deepest
      ? pictureParts(only.path, depth + 1)
      : [];
  }
  const others = entries.filter(({ part, path }) => part === null && holdsPictures(path));
  const whole = new Set(named.map(({ path }) => wholePart(basename(path))).filter((part) => part !== null));
  const distinct = new Set(named.map(({ part }) => part)).size;
  const isDivided = others.length === 0 ? whole.size > 0 || distinct > 1 : whole.size > 1;
  if (!isDivided) return [];
  return [
    ...named.map((entry) => ({ ...entry, path: innermost(entry), name: basename(entry.path) })),
    ...others.map((entry) => ({ ...entry, part: basename(entry.path), name: basename(entry.path) })),
  ].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** The first two that fit; the rest, maybe a thousand folders of classes, is not looked at. */
function firstTwo<Item>(items: readonly Item[], fits: (item: Item) => boolean): Item[] {
  const found: Item[] = [];
  for (const item of items) {
    if (fits(item)) found.push(item);
    if (found.length === 2) break;
  }
  return found;
}

/** Some archives have the folder of a part twice: `seg_train/seg_train/…`. */
function innermost({ path, part }: PartEntry): string {
  const [only, second] = namesIn(path).filter((name) => isFolder(join(path, name)));
  const isTwice = only !== undefined && second === undefined && partOf(only).part === part;
  return isTwice && !holdsPictureFile(path) ? join(path, only) : path;
}

/** By its kind and ending; null if it is nothing that is known. */
function formatOf(path: string): DatasetFormat | null {
  if (isFolder(path)) return formatOfFolder(path);
  const formats = ["webdataset", "parquet", "idx", "cifar", "coco", "list"] as const;
  return formats.find((format) => endings[format]!.test(basename(path))) ?? null;
}

/** Hugging Face's tables of labels beside pictures. */
function labelTablesIn(folders: readonly string[]): string[] {
  return [...new Set(folders)].flatMap((folder) =>
    ["metadata.csv", "metadata.jsonl"]
      .map((name) => join(folder, name))
      .filter((path) => statOrNull(path)?.isFile()),
  );
}

/** A note on the tables in a folder, whose labels are not read. */
function tablesBeside(folder: string): DatasetNote[] {
  const names = namesIn(folder).filter(
    (name) => /\.(csv|tsv|jsonl|parquet)$/i.test(name) && !/^metadata\./i.test(name),
  );
  if (names.length === 0) return [];
  const some = shownName(names.slice(0, 5).join(", "));
  const text = `${folder}: tables are not read with a folder of pictures (${some}${names.length > 5 ? ", …" : ""}); of one that holds labels, give the path in place of the folder's`;
  return [{ level: "info", text }];
}

/** What stands in place of patterns: the files of another format that they find, or the patterns themselves. */
async function expand(given: string): Promise<string[]> {
  const path = recoverName(given);
  if (statOrNull(path) !== null) return [path];
  if (hasBraces(path) && /\.\.|\.(tar|tgz|parquet)/.test(path)) {
    const paths = expandBraces(path);
    if (!paths.some(isGlob)) return paths;
  }
  if (!isGlob(path)) return [path];
  const container = ["webdataset", "parquet"].find((format) => endings[format]!.test(path));
  if (container === undefined) return [path];
  const found = await findFiles(path);
  return found.length === 0 ? [path] : found;
}

/**
 * Opens pictures in whatever way they are stored, which the names of the files tell: a folder of pictures, a pattern, a text file of paths, tar shards, Parquet files, IDX, CIFAR, COCO.
 *
 * @param source A path or pattern, or several of one format.
 * @throws Error (rejects) If nothing is there, the format is not known, several are mixed, or the files are damaged.
 */
export async function openDataset(
  source: string | readonly string[],
  options: OpenDatasetOptions = {},
): Promise<ImageDataset> {
  const {
    format: given,
    split,
    use = "any",
    classes,
    channels,
    cacheFolder,
    onProgress,
    signal,
    ...others
  } = options;
  const { imageColumn, images, labelColumn, ...decode } = others;
  const paths = (await Promise.all([source].flat().map(expand))).flat();
  if (paths.length === 0) throw new Error(`openDataset: no path was given; expected ${lookedFor}.`);
  const formats = paths.map((path) => given ?? checkedFormat(path));
  const format = formats[0]!;
  const other = formats.findIndex((each) => each !== format);
  if (other >= 0) {
    throw new Error(
      `openDataset: ${paths[0]} is ${format} and ${paths[other]} is ${formats[other]}; expected paths of one format. Open them one by one and concatenate the data sets.`,
    );
  }
  const one = () => {
    if (paths.length === 1) return paths[0]!;
    throw new Error(`openDataset: ${paths.length} paths of the format ${format} were given; expected one.`);
  };
  const chosen = paths.map((path) => chooseIn(path, format, split, use));
  const files = chosen.flatMap((each) => each.paths);
  const open = async (reading: Omit<DecodeOptions, "channels">): Promise<ImageDataset> => {
    const common = { ...reading, ...(classes === undefined ? {} : { classes }) };
    switch (format) {
      case "folder":
        return imageFolder(files, {
          ...common,
          ...(labelColumn === null
            ? {}
            : {
                labelTables: labelTablesIn([...paths, ...files]),
                columns: { image: imageColumn, label: labelColumn },
              }),
        });
      case "glob":
        return imageGlob(paths, common);
      case "list":
        return imageList(one(), {
          ...common,
          ...(images === undefined ? {} : { root: images }),
          ...(imageColumn === undefined ? {} : { imageColumn }),
          ...(labelColumn === undefined ? {} : { labelColumn }),
        });
      case "webdataset":
        return webDataset(files, {
          ...common,
          ...(imageColumn === undefined ? {} : { picture: imageColumn }),
          ...(labelColumn === undefined ? {} : { labels: labelColumn }),
          ...(cacheFolder === undefined ? {} : { cacheFolder }),
          ...(onProgress === undefined ? {} : { onProgress }),
          ...(signal === undefined ? {} : { signal }),
        });
      case "parquet":
        return parquetDataset(files, {
          ...common,
          ...(imageColumn === undefined ? {} : { image: imageColumn }),
          ...(labelColumn === undefined ? {} : { label: labelColumn }),
        });
      case "idx":
        return openIdx(files, { ...common, ...(channels ? { channels } : {}) });
      case "cifar":
        return cifarDataset(files, common);
      case "coco":
        return cocoDataset(one(), { ...reading, ...(images === undefined ? {} : { images }) });
    }
  };
  let dataset = await open(decode).catch(async (error: unknown) => {
    throw await mistaken(files, format, error);
  });
  const { range, note } = await settleValueRange(dataset, decode.valueRange ?? "auto");
  if (range !== null) {
    await dataset.close?.();
    dataset = await open({ ...decode, valueRange: range });
  }
  const notes = [
    ...chosen.flatMap((each) => each.notes(dataset.length)),
    ...(dataset.notes ?? []),
    ...(format === "folder" && dataset.classes.length < 2 && labelColumn !== null
      ? paths.flatMap(tablesBeside)
      : []),
    ...(note === null ? [] : [note]),
  ];
  // In place, so that the data set stays one of its class.
  return Object.assign(
    dataset,
    notes.length === 0 ? {} : { notes },
    range === null ? {} : { valueRange: range },
  );
}

/** What the formats' own files are by their first bytes. */
const ownSignature: Readonly<Partial<Record<DatasetFormat, string>>> = {
  webdataset: "a tar archive",
  parquet: "a Parquet file",
  idx: "gzip data",
};

/** The error of files that could not be opened, with what the one that it names really is: a pointer of Git LFS, an HTML page, gzip data under a tar archive's name. */
async function mistaken(files: readonly string[], format: DatasetFormat, error: unknown): Promise<unknown> {
  if (!(error instanceof Error)) return error;
  const file = files.find((each) => error.message.includes(shownName(resolve(each))));
  if (file === undefined || fileLength(file) <= 0) return error;
  const signature = signatureOf(await firstBytes(file));
  if (signature.kind === "picture" || !isNamed(signature.what)) return error;
  if (signature.what === ownSignature[format]) return error;
  const what = /^looks/.test(signature.what) ? signature.what : `is ${signature.what}`;
  return new Error(`${error.message} By its first bytes it ${what}.`, { cause: error });
}

async function firstBytes(path: string): Promise<Uint8Array> {
  const file = await openFile(fileOf(path));
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(1024), 0, 1024, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** The files or folders of a path that are opened. */
function chooseIn(
  path: string,
  format: DatasetFormat,
  split: string | undefined,
  use: DatasetUse,
): ChosenParts {
  const whole = { paths: [path], notes: () => [] };
  if (!isFolder(path)) {
    if (split === undefined || split === "all") return whole;
    throw new Error(
      `openDataset: the split ${split} was asked for, but ${path} is no folder that has several. Leave the split out, or give the folder.`,
    );
  }
  if (format === "folder") {
    const parts = pictureParts(path);
    if (split !== undefined && split !== "all" && !parts.some(({ name }) => name === split)) {
      const inside = join(path, split);
      if (isFolder(inside)) return { paths: [inside], notes: () => [] };
    }
    const entries = parts.length > 0 ? parts : [{ path, part: null, name: null }];
    return chooseParts(path, entries, split, use, "folders");
  }
  const isFound = formatsOfFolders.find((each) => each === format);
  const entries = isFound === undefined ? [] : containersIn(path, isFound);
  if (entries.length === 0) return whole;
  const chosen = chooseParts(path, entries, split, use, "files");
  const configurations = configurationsOf(path, entries);
  if (configurations.length < 2) return chosen;
  const text = `${path}: ${shownName(configurations.join(", "))} each have parts of their own, as the configurations of a data set do, and all of them are taken; for one alone give its folder`;
  return { ...chosen, notes: (pictures) => [...chosen.notes(pictures), { level: "warning", text }] };
}

/** The folders in which there are files of several parts each: `small/train.parquet`, `small/test.parquet`, `large/…`. */
function configurationsOf(path: string, entries: readonly PartEntry[]): string[] {
  const parts = new Map<string, Set<string>>();
  for (const { path: file, part } of entries) {
    const folder = dirname(file);
    const around = folder !== path && partOf(basename(folder)).part !== null ? dirname(folder) : folder;
    const name = relative(path, around);
    if (part !== null) parts.set(name, (parts.get(name) ?? new Set()).add(part));
  }
  return [...parts].filter(([, { size }]) => size > 1).map(([name]) => name || ".");
}

/** One file a part; several parts one after another. */
async function openIdx(files: readonly string[], options: IdxDatasetOptions): Promise<ImageDataset> {
  const parts = new Set(files.map((file) => partOf(`${basename(dirname(file))}/${basename(file)}`).part));
  if (parts.size < files.length) {
    throw new Error(
      `openDataset: ${files.length} IDX files of pictures were found, ${files.join(", ")}; expected one of each split. Give its path, or a split.`,
    );
  }
  const datasets: ImageDataset[] = [];
  for (const file of files) datasets.push(await idxDataset(file, options));
  return datasets.length === 1 ? datasets[0]! : concatenateDatasets(datasets);
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

/** @throws Error If the path is nothing that can be opened. */
function checkedFormat(path: string): DatasetFormat {
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
      `openDataset: there is no folder ${absolute}, nor a file of that name. Check the path; a relative one starts at ${process.cwd()}. Expected ${lookedFor}.`,
    );
  }
  const hint = isPictureName(path)
    ? "one picture; give the folder that holds it"
    : (remedyFor(path) ?? "of no format that is known");
  throw new Error(
    `openDataset: ${absolute} is ${hint}. Expected ${lookedFor}. If the name misleads, say which with format.`,
  );
}
