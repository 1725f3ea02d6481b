import { basename, dirname, join } from "node:path";
import type { DecodeOptions } from "../decoding/decodePicture.js";
import { recoverName } from "../fileNames.js";
import type { DatasetNote, ImageDataset } from "../imageDataset.js";
import { shownName } from "../shownName.js";
import { cifarDataset } from "./cifar.js";
import { cocoDataset } from "./coco.js";
import { concatenateDatasets } from "./concatenateDatasets.js";
import { expandBraces, hasBraces } from "./expandBraces.js";
import { statOrNull } from "./fileFacts.js";
import { formatAt, lookedFor } from "./findFormat.js";
import { namesIn } from "./folderNames.js";
import { chooseFiles } from "./folderParts.js";
import { type DatasetFormat, formatByName } from "./formatNames.js";
import { type IdxDatasetOptions, idxDataset } from "./idx.js";
import { imageFolder } from "./imageFolder.js";
import { findFiles, imageGlob, isGlob } from "./imageGlob.js";
import { imageList } from "./imageList.js";
import { mistaken } from "./mistakenName.js";
import { parquetDataset } from "./parquet.js";
import { type DatasetUse, partOf } from "./parts.js";
import { pictureFiles } from "./pictureFiles.js";
import { settleValueRange } from "./settleValueRange.js";
import { webDataset } from "./webDataset.js";

/** Options of `openDataset`. */
export interface OpenDatasetOptions extends DecodeOptions {
  /** How the pictures are stored. Default: by the names of the files. */
  readonly format?: DatasetFormat;
  /**
   * Which part of a folder, where the names of its files or folders speak of several: `"train"`, `"validation"`
   * (`"val"`, `"dev"`), `"test"` or another name that stands there; `"all"`. Of a folder of pictures also any folder
   * inside it. Default: by `use`.
   */
  readonly split?: string;
  /** What the pictures are for, which chooses the part where no `split` does. Default `"any"`: everything. */
  readonly use?: DatasetUse;
  /**
   * Where the pictures are in a container: the column of Parquet files, the ending in a sample of tar shards (`"jpg"`,
   * `"input.jpg"`). Default: by their names.
   */
  readonly imageColumn?: string;
  /**
   * Where the labels are: the column of Parquet files; of tar shards the ending `cls`, `json` or `txt` (or
   * `output.cls`), or a field of the `json` files; null: there are none. Default: by their names.
   */
  readonly labelColumn?: string | null;
  /**
   * The folder that paths in a COCO file or a list start at. Default: looked for around the COCO file; the list's own.
   */
  readonly images?: string;
  /** The classes by label. Default: see each format. */
  readonly classes?: readonly string[];
  /** IDX: 3 spreads grayscale to three channels, 1 leaves it. Default 3. */
  readonly channels?: 1 | 3;
  /**
   * WebDataset: folder of caches, for the indexes of shards and unpacked `.tar.gz`. Default: indexes beside the shards,
   * all else in `defaultCacheFolder()`.
   */
  readonly cacheFolder?: string;
  /** WebDataset: called when a shard is open. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Stops the indexing of shards. */
  readonly signal?: AbortSignal;
}

/** What is opened. */
interface Source {
  readonly format: DatasetFormat;
  /** The paths that were given. */
  readonly paths: readonly string[];
  /** The files or folders of them that were chosen. */
  readonly files: readonly string[];
}

/** The fields that have a value. */
function given<Fields extends object>(
  fields: Fields,
): { [Name in keyof Fields]?: Exclude<Fields[Name], undefined> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [Name in keyof Fields]?: Exclude<Fields[Name], undefined> };
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
  const some = `${shownName(names.slice(0, 5).join(", "))}${names.length > 5 ? ", …" : ""}`;
  const text =
    `${folder}: tables are not read with a folder of pictures (${some}); of one that holds labels, give the path in ` +
    "place of the folder's";
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
  if (formatByName(path, ["webdataset", "parquet"]) === undefined) return [path];
  const found = await findFiles(path);
  return found.length === 0 ? [path] : found;
}

/** Opens what was found as the format that it is of. */
async function openSource(
  { format, paths, files }: Source,
  options: Omit<OpenDatasetOptions, "format" | "split" | "use">,
): Promise<ImageDataset> {
  const { cacheFolder, channels, classes, imageColumn, images, labelColumn, ...others } = options;
  const { onProgress, signal, ...decode } = others;
  const common = { ...decode, ...given({ classes }) };
  const one = () => {
    if (paths.length === 1) return paths[0]!;
    throw new Error(`openDataset: ${paths.length} paths of the format ${format} were given; expected one.`);
  };
  switch (format) {
    case "folder": {
      if (labelColumn === null) return imageFolder(files, common);
      const labelTables = labelTablesIn([...paths, ...files]);
      return imageFolder(files, {
        ...common,
        labelTables,
        columns: { image: imageColumn, label: labelColumn },
      });
    }
    case "glob":
      return imageGlob(paths, common);
    case "picture":
      return pictureFiles(paths, common);
    case "list":
      return imageList(one(), { ...common, ...given({ root: images, imageColumn, labelColumn }) });
    case "webdataset": {
      const columns = given({ picture: imageColumn, labels: labelColumn });
      return webDataset(files, { ...common, ...columns, ...given({ cacheFolder, onProgress, signal }) });
    }
    case "parquet":
      return parquetDataset(files, { ...common, ...given({ image: imageColumn, label: labelColumn }) });
    case "idx":
      return openIdx(files, { ...common, ...given({ channels }) });
    case "cifar":
      return cifarDataset(files, common);
    case "coco":
      return cocoDataset(one(), { ...decode, ...given({ images }) });
  }
}

/** One file a part; several parts one after another. */
async function openIdx(files: readonly string[], options: IdxDatasetOptions): Promise<ImageDataset> {
  const parts = new Set(files.map((file) => partOf(`${basename(dirname(file))}/${basename(file)}`).part));
  if (parts.size < files.length) {
    throw new Error(
      `openDataset: ${files.length} IDX files of pictures were found, ${files.join(", ")}; expected one of each ` +
        "split. Give its path, or a split.",
    );
  }
  const datasets: ImageDataset[] = [];
  for (const file of files) datasets.push(await idxDataset(file, options));
  return datasets.length === 1 ? datasets[0]! : concatenateDatasets(datasets);
}

/**
 * Opens pictures in whatever way they are stored, which the names of the files tell: a folder of pictures, a pattern, a
 * text file of paths, tar shards, Parquet files, IDX, CIFAR, COCO; with the use `"any"` also single pictures.
 *
 * @param source A path or pattern, or several of one format.
 * @throws Error (rejects) If nothing is there, the format is not known, several are mixed, or the files are damaged.
 */
export async function openDataset(
  source: string | readonly string[],
  options: OpenDatasetOptions = {},
): Promise<ImageDataset> {
  const { format: forced, split, use = "any", ...reading } = options;
  const paths = (await Promise.all([source].flat().map(expand))).flat();
  if (paths.length === 0) throw new Error(`openDataset: no path was given; expected ${lookedFor}.`);
  const formats = paths.map((path) => forced ?? formatAt(path, use));
  const format = formats[0]!;
  const other = formats.findIndex((each) => each !== format);
  if (other >= 0) {
    throw new Error(
      `openDataset: ${paths[0]} is ${format} and ${paths[other]} is ${formats[other]}; expected paths of one format. ` +
        "Open them one by one and concatenate the data sets.",
    );
  }
  const chosen = paths.map((path) => chooseFiles(path, format, split, use));
  const found: Source = { format, paths, files: chosen.flatMap((each) => each.paths) };
  let dataset = await openSource(found, reading).catch(async (error: unknown) => {
    throw await mistaken(found.files, format, error);
  });
  const { range, note } = await settleValueRange(dataset, reading.valueRange ?? "auto");
  if (range !== null) {
    await dataset.close?.();
    dataset = await openSource(found, { ...reading, valueRange: range });
  }
  const notes = [
    ...chosen.flatMap((each) => each.notes(dataset.length)),
    ...(dataset.notes ?? []),
    ...(format === "folder" && dataset.classes.length < 2 && reading.labelColumn !== null
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
