import { readdirSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import type { DecodeOptions } from "../decoding/decodePicture.js";
import { fileOf, nameFromBytes, recoverName, shownName } from "../fileNames.js";
import type { ImageDataset } from "../imageDataset.js";
import { cifarDataset, cifarFiles } from "./cifar.js";
import { cocoDataset } from "./coco.js";
import { expandBraces, hasBraces } from "./expandBraces.js";
import { statOrNull } from "./fileFacts.js";
import { idxDataset } from "./idx.js";
import { sorted } from "./imageFiles.js";
import { imageFolder } from "./imageFolder.js";
import { findFiles, imageGlob, isGlob } from "./imageGlob.js";
import { imageList } from "./imageList.js";
import { parquetDataset } from "./parquet.js";
import { isPictureName } from "./pictureFormats.js";
import { isHiddenOrSystem } from "./systemNames.js";
import { webDataset } from "./webDataset.js";

/** How pictures may be stored. */
export type DatasetFormat = "folder" | "glob" | "list" | "webdataset" | "parquet" | "idx" | "cifar" | "coco";

/** Options of `openDataset`. */
export interface OpenDatasetOptions extends DecodeOptions {
  /** How the pictures are stored. Default: by the names of the files. */
  readonly format?: DatasetFormat;
  /**
   * Which part of a folder: of Parquet files and shards, those whose name begins with it; of IDX and CIFAR files `"train"` or `"test"`; of pictures, the folder of that name. Default: of pictures all; of the
   * others `"train"` where the names say so, else all.
   */
  readonly split?: string;
  /** Where the pictures are in a container: the column of Parquet files, the ending in a sample of tar shards (`"jpg"`, `"input.jpg"`). Default: by their names. */
  readonly imageColumn?: string;
  /** Where the labels are: the column of Parquet files; of tar shards the ending `cls`, `json` or `txt` (or `output.cls`), or a field of the `json` files; null: there are none. Default: by their names. */
  readonly labelColumn?: string | null;
  /** The classes by label. Default: see each format. */
  readonly classes?: readonly string[];
  /** IDX: 3 spreads greyscale to three channels, 1 leaves it. Default 3. */
  readonly channels?: 1 | 3;
  /** WebDataset: folder for the indexes of shards. Default: beside the shards. */
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
  cifar: /\.bin$/i,
  coco: /\.json$/i,
  list: /\.(txt|lst|list)$/i,
};

const lookedFor = [
  "a folder of pictures",
  "a pattern such as 'photos/**/*.jpg'",
  "a text file with one path a line (.txt)",
  "tar shards (.tar, a folder of them, or 'shard-{000000..000012}.tar')",
  "Parquet files (.parquet, or a folder of them)",
  "IDX files (train-images-idx3-ubyte.gz, or the folder of them)",
  "CIFAR's binary files (.bin, or the folder of them)",
  "COCO annotations (.json)",
].join("; ");

function namesIn(folder: string): string[] {
  try {
    const names = readdirSync(fileOf(folder), { encoding: "buffer" }).map(nameFromBytes);
    return sorted(names.filter((name) => !isHiddenOrSystem(name)));
  } catch {
    return []; // whoever opens it says why
  }
}

/** A folder is one of pictures, unless there are none on its first two floors and files of another format are. */
function formatOfFolder(folder: string): DatasetFormat {
  const names = namesIn(folder);
  if (names.some((name) => isPictureName(name))) return "folder";
  const inner = names.filter((name) => isFolder(join(folder, name)));
  if (inner.some((name) => namesIn(join(folder, name)).some((inside) => isPictureName(inside))))
    return "folder";
  const files = [...names, ...(inner.includes("data") ? namesIn(join(folder, "data")) : [])];
  const found = (["parquet", "webdataset", "idx"] as const).find((format) =>
    files.some((name) => endings[format]!.test(name)),
  );
  if (found !== undefined) return found;
  return cifarFiles(folder, "train").length + cifarFiles(folder, "test").length > 0 ? "cifar" : "folder";
}

function isFolder(path: string): boolean {
  return statOrNull(path)?.isDirectory() ?? false;
}

/** By its kind and ending; null if it is nothing that is known. */
function formatOf(path: string): DatasetFormat | null {
  if (isFolder(path)) return formatOfFolder(path);
  const formats = ["webdataset", "parquet", "idx", "cifar", "coco", "list"] as const;
  return formats.find((format) => endings[format]!.test(basename(path))) ?? null;
}

/** The files of a format in a folder (or its `data`), those of one split. */
function filesIn(
  folder: string,
  format: "webdataset" | "parquet" | "idx",
  split: string | undefined,
): string[] {
  const ending = endings[format]!;
  const inner = [folder, join(folder, "data")].find((each) =>
    namesIn(each).some((name) => ending.test(name)),
  );
  const all = namesIn(inner ?? folder).filter((name) => ending.test(name));
  // MNIST calls its test pictures t10k.
  const aliases = format === "idx" && split === "test" ? ["test", "t10k"] : [split ?? "train"];
  const isOf = (name: string) => aliases.some((alias) => new RegExp(`(^|[-_.])${alias}[-_.]`).test(name));
  const chosen = all.filter(isOf);
  if (chosen.length === 0 && split !== undefined) {
    throw new Error(
      `openDataset: no file in ${inner ?? folder} is called ${aliases.join(" or ")}; there are ${all.slice(0, 10).join(", ")}${all.length > 10 ? ", …" : ""}. Give another split, or none.`,
    );
  }
  return (chosen.length > 0 ? chosen : all).map((name) => join(inner ?? folder, name));
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
  const { format: given, split, classes, channels, cacheFolder, onProgress, signal, ...others } = options;
  const { imageColumn, labelColumn, ...decode } = others;
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
  const common = { ...decode, ...(classes === undefined ? {} : { classes }) };
  const one = () => {
    if (paths.length === 1) return paths[0]!;
    throw new Error(`openDataset: ${paths.length} paths of the format ${format} were given; expected one.`);
  };
  const files = (kind: "webdataset" | "parquet" | "idx") =>
    paths.flatMap((path) => (isFolder(path) ? filesIn(path, kind, split) : [path]));
  switch (format) {
    case "folder":
      return imageFolder(split === undefined ? paths : paths.map((path) => join(path, split)), common);
    case "glob":
      return imageGlob(paths, common);
    case "list":
      return imageList(one(), common);
    case "webdataset":
      return webDataset(files("webdataset"), {
        ...common,
        ...(imageColumn === undefined ? {} : { picture: imageColumn }),
        ...(labelColumn === undefined ? {} : { labels: labelColumn }),
        ...(cacheFolder === undefined ? {} : { cacheFolder }),
        ...(onProgress === undefined ? {} : { onProgress }),
        ...(signal === undefined ? {} : { signal }),
      });
    case "parquet":
      return parquetDataset(files("parquet"), {
        ...common,
        ...(imageColumn === undefined ? {} : { image: imageColumn }),
        ...(labelColumn === undefined ? {} : { label: labelColumn }),
      });
    case "idx": {
      const found = files("idx");
      if (found.length === 1) return idxDataset(found[0]!, { ...common, ...(channels ? { channels } : {}) });
      throw new Error(
        `openDataset: ${found.length} IDX files of pictures were found, ${found.join(", ")}; expected one. Give its path, or a split.`,
      );
    }
    case "cifar":
      return cifarDataset(paths.length === 1 ? paths[0]! : paths, {
        ...common,
        ...(split ? { split: cifarSplit(split) } : {}),
      });
    case "coco":
      return cocoDataset(one(), decode);
  }
}

function cifarSplit(split: string): "train" | "test" {
  if (split === "train" || split === "test") return split;
  throw new Error(`openDataset: the split of CIFAR is ${split}; expected train or test.`);
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
    : "of no format that is known";
  throw new Error(
    `openDataset: ${absolute} is ${hint}. Expected ${lookedFor}. If the name misleads, say which with format.`,
  );
}
