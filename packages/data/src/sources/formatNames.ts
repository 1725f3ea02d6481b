import { cifarNames } from "./cifarNames.js";
import { isCifarArchive } from "./convertible.js";

/** How pictures may be stored. */
export type DatasetFormat =
  | "folder"
  | "glob"
  | "picture"
  | "list"
  | "webdataset"
  | "parquet"
  | "idx"
  | "cifar"
  | "coco";

/** What the names of files of a format look like. */
const patterns = {
  webdataset: /\.(tar|tar\.gz|tgz)$/i,
  parquet: /\.parquet$/i,
  idx: /images.*idx\d[-.]ubyte(\.gz)?$|\.idx\d?(\.gz)?$/i,
  cifar: /\.bin$|^(data_batch_\d+|test_batch)$/i,
  coco: /\.json$/i,
  list: /\.(txt|lst|list|csv|tsv|jsonl|ndjson)$/i,
} as const satisfies Partial<Record<DatasetFormat, RegExp>>;

/** A format whose files hold many pictures each, and may lie in a folder together. */
export type ContainerFormat = "parquet" | "webdataset" | "idx" | "cifar";

/** In the order in which a folder is searched for them. */
export const containerFormats: readonly ContainerFormat[] = ["parquet", "webdataset", "idx", "cifar"];

/** The format of a file by its name, of some formats; undefined: it is of none of them. */
export function formatByName<Format extends keyof typeof patterns>(
  name: string,
  formats: readonly Format[] = Object.keys(patterns) as Format[],
): Format | undefined {
  return formats.find((format) => patterns[format].test(name));
}

/**
 * Those of a folder's files that are containers of a format, by their names. An archive beside the folder that it was
 * unpacked to is none, nor CIFAR's, which have to be unpacked, nor the Parquet file of the same name as a tar shard, in
 * which img2dataset keeps what it knows of the shard's pictures.
 */
export function containerNames(
  format: ContainerFormat,
  files: readonly string[],
  folders: readonly string[],
): string[] {
  if (format === "cifar") return cifarNames(files);
  const found = files.filter((name) => patterns[format].test(name));
  const stem = (name: string) => name.replace(patterns[format], "");
  if (format === "webdataset") {
    return found.filter((name) => !isCifarArchive(name) && !folders.includes(stem(name)));
  }
  if (format !== "parquet") return found;
  const shards = containerNames("webdataset", files, folders);
  const stems = new Set(shards.map((name) => name.replace(patterns.webdataset, "")));
  return found.filter((name) => !stems.has(stem(name)));
}
