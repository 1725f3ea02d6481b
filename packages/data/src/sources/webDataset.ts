import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { NdArray } from "ndarray";
import {
  type DecodeOptions,
  decodePicture,
  type PictureSize,
  readPictureSize,
} from "../decoding/decodePicture.js";
import {
  checkIndex,
  type DatasetIdentity,
  type ImageDataset,
  type ImageRequest,
  PictureError,
} from "../imageDataset.js";
import { identifyFiles } from "./datasetIdentity.js";
import { fingerprintFiles, statFile } from "./fileFacts.js";
import { commonFolder } from "./imageFiles.js";
import { classesFor, parseClassNames } from "./labels.js";
import { OpenFiles } from "./openFiles.js";
import { searchSorted } from "./searchSorted.js";
import { readShardIndex, type ShardIndex, writeShardIndex } from "./shardIndex.js";
import { isGzipped, unpackShard } from "./unpackShard.js";
import { indexShard, type ShardSettings, type WebDatasetLabels } from "./webDatasetIndex.js";

/** Options of `webDataset`. */
export interface WebDatasetOptions extends DecodeOptions {
  /** Ending of the pictures, e.g. `"jpg"` or `"seg.png"`. Default: the first of a sample that is a picture's. */
  readonly picture?: string;
  /**
   * Which file of a sample holds its class, as a number or a name (`json`: in the field `label`, `cls`, `class`, `class_name` or `target`); null: there are no labels. Default: the first of
   * `cls`, `json` and `txt` that is there, a `txt` only if it is a number, since most are captions.
   */
  readonly labels?: WebDatasetLabels | null;
  /** The classes by label. Default: the lines of `classes.txt` beside the first shard; else the names in the shards, sorted; else `"0"`, `"1"`, …. */
  readonly classes?: readonly string[];
  /** Folder for the indexes (some 50 MB a million pictures) and for unpacked `.tar.gz`. Default: beside the shards; `.tar.gz` is not unpacked without it. */
  readonly cacheFolder?: string;
  /** Called when a shard is indexed that has no index yet. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Stops the indexing. */
  readonly signal?: AbortSignal;
}

interface Shard {
  /** What was given. */
  readonly source: string;
  /** The same, or its unpacked copy. */
  readonly path: string;
  readonly index: ShardIndex;
}

/** The pictures of tar shards. Made by `webDataset`. */
export class WebDataset implements ImageDataset {
  readonly classes: readonly string[];
  /** Why the index of a shard could not be kept, so that it is made anew each time; null: all are kept. */
  readonly indexNotKept: string | null;
  readonly #shards: readonly Shard[];
  /** Number of the first picture of each shard. */
  readonly #starts: Int32Array;
  readonly #labels: Int32Array;
  /** Ending of the pictures; null: any. */
  readonly #picture: string | null;
  readonly #decode: DecodeOptions;
  readonly #files = new OpenFiles();

  /** @internal Use `webDataset`. */
  constructor(
    shards: readonly Shard[],
    labels: Int32Array,
    classes: readonly string[],
    indexNotKept: string | null,
    picture: string | null,
    decode: DecodeOptions,
  ) {
    this.classes = classes;
    this.indexNotKept = indexNotKept;
    this.#shards = shards;
    this.#labels = labels;
    this.#picture = picture;
    this.#decode = decode;
    let first = 0;
    this.#starts = Int32Array.from(shards, ({ index }) => {
      const start = first;
      first += index.sizes.length;
      return start;
    });
  }

  /** The folder that holds all files. */
  get root(): string {
    return commonFolder(this.#shards.map(({ path }) => dirname(path)));
  }

  get length(): number {
    return this.#labels.length;
  }

  path(index: number): string {
    const { shard, row } = this.#locate("path", index);
    return this.#pathOf(shard, row);
  }

  label(index: number): number {
    checkIndex("label", index, this.length);
    return this.#labels[index]!;
  }

  /** Height and width of picture `index`, from its header. */
  async size(index: number): Promise<PictureSize> {
    const { shard, row } = this.#locate("size", index);
    return readPictureSize(await this.#read(shard, row), this.#pathOf(shard, row));
  }

  async image(index: number, request: ImageRequest = {}): Promise<NdArray<Uint8Array>> {
    const { shard, row } = this.#locate("image", index);
    const name = this.#pathOf(shard, row);
    return decodePicture(await this.#read(shard, row), { ...this.#decode, ...request, name });
  }

  fingerprint(): Promise<string> {
    return fingerprintFiles(
      ["webdataset", this.#picture, this.#decode, this.length],
      this.#shards.map(({ path }) => path),
    );
  }

  identity(): Promise<DatasetIdentity> {
    const files = this.#shards.map(({ source }) => source);
    return identifyFiles(
      { format: ["webdataset", this.#picture], count: files.length, path: (file) => files[file]! },
      this,
    );
  }

  close(): Promise<void> {
    return this.#files.close();
  }

  #pathOf({ path, index: { names, nameEnds } }: Shard, row: number): string {
    const bytes = names.subarray(row === 0 ? 0 : nameEnds[row - 1]!, nameEnds[row]!);
    return `${path}/${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8")}`;
  }

  async #read(shard: Shard, row: number): Promise<Uint8Array> {
    try {
      return await this.#files.read(shard.path, shard.index.blocks[row]! * 512, shard.index.sizes[row]!);
    } catch (error) {
      throw new PictureError(this.#pathOf(shard, row), (error as Error).message, { cause: error });
    }
  }

  #locate(what: string, index: number): { shard: Shard; row: number } {
    checkIndex(what, index, this.length);
    const place = searchSorted(this.#starts, index);
    return { shard: this.#shards[place]!, row: index - this.#starts[place]! };
  }
}

/**
 * The pictures of WebDataset shards: tar archives in which the files of one sample follow one another and share their name up to its first dot (`0001.jpg`, `0001.cls`).
 * Format: https://github.com/webdataset/webdataset. The headers of a shard are read once into an index that is kept; from then on each picture is one read of its bytes.
 *
 * @param shards Paths of `.tar` files (or `.tar.gz`, with a `cacheFolder` to unpack them in).
 * @throws Error (rejects) If a shard is missing or damaged, there are no pictures in any, or a class is unknown.
 */
export async function webDataset(
  shards: string | readonly string[],
  options: WebDatasetOptions = {},
): Promise<WebDataset> {
  const { picture, labels = "any", classes: given, cacheFolder, onProgress, signal, ...decode } = options;
  const settings = { picture: picture?.toLowerCase().replace(/^\./, "") ?? null, labels } as const;
  const paths = [shards].flat().map((path) => resolve(path));
  if (paths.length === 0)
    throw new Error("webDataset: no shards were given; expected at least one .tar file.");
  const opened: Shard[] = [];
  let notKept: string | null = null;
  for (const [number, path] of paths.entries()) {
    signal?.throwIfAborted();
    const tar = isGzipped(path) ? await unpackShard(path, cacheFolder, signal) : path;
    const { index, failure } = await openIndex(tar, settings, cacheFolder, signal).catch((error: Error) => {
      if (tar === path || signal?.aborted) throw error;
      throw new Error(`webDataset: ${path} is damaged: unpacked, ${error.message}`, { cause: error });
    });
    notKept ??= failure;
    opened.push({ source: path, path: tar, index });
    onProgress?.(number + 1, paths.length);
  }
  const length = opened.reduce((total, { index }) => total + index.sizes.length, 0);
  if (length === 0) {
    throw new Error(
      `webDataset: no pictures in ${paths.length === 1 ? paths[0] : `${paths[0]} and ${paths.length - 1} more`}; expected files that end in ${picture ?? "jpg, png, webp, …"}. A folder of pictures inside a tar file will do.`,
    );
  }
  const namesPath = join(dirname(paths[0]!), "classes.txt");
  const known =
    given ?? (existsSync(namesPath) ? parseClassNames(await readFile(namesPath, "utf8")) : undefined);
  const merged = mergeLabels(opened, length, known);
  return new WebDataset(opened, merged.labels, merged.classes, notKept, settings.picture, decode);
}

async function openIndex(
  path: string,
  settings: ShardSettings,
  cacheFolder: string | undefined,
  signal: AbortSignal | undefined,
): Promise<{ index: ShardIndex; failure: string | null }> {
  const { size, mtimeMs } = statFile("webDataset", path);
  const stamp = { size, mtimeMs, settings: JSON.stringify(settings) };
  const unique = createHash("sha256").update(path).digest("hex").slice(0, 16);
  const indexPath =
    cacheFolder === undefined ? `${path}.index` : join(cacheFolder, `${basename(path)}-${unique}.index`);
  const kept = await readShardIndex(indexPath, stamp);
  if (kept !== null) return { index: kept, failure: null };
  const files = new OpenFiles();
  try {
    const index = await indexShard(files, path, size, settings, signal);
    const failure = await writeShardIndex(indexPath, index, stamp).then(
      () => null,
      (error: Error) => `${error.message}. Give a cacheFolder that can be written.`,
    );
    return { index, failure };
  } finally {
    await files.close();
  }
}

/** One numbering of the classes for all shards. */
function mergeLabels(
  shards: readonly Shard[],
  length: number,
  known: readonly string[] | undefined,
): { labels: Int32Array; classes: readonly string[] } {
  const names = [...new Set(shards.flatMap(({ index }) => index.labelNames))].sort((a, b) =>
    a < b ? -1 : a > b ? 1 : 0,
  );
  const classes = known ?? (names.length > 0 ? names : undefined);
  const numbers = new Map((classes ?? []).map((name, label) => [name, label]));
  const labels = new Int32Array(length);
  let first = 0;
  for (const { path, index } of shards) {
    const mapped = index.labelNames.map((name) => {
      const label = numbers.get(name);
      if (label !== undefined) return label;
      throw new Error(
        `webDataset: ${path} holds the class ${JSON.stringify(name)}, but the classes are ${(classes ?? []).slice(0, 20).join(", ")}${(classes ?? []).length > 20 ? ", …" : ""}. Give all classes, or labels: null.`,
      );
    });
    labels.set(index.labels, first);
    for (let row = first; row < first + index.labels.length; row++) {
      if (labels[row]! < -1) labels[row] = mapped[-2 - labels[row]!]!;
    }
    first += index.labels.length;
  }
  const anyLabel = labels.some((label) => label >= 0);
  return { labels, classes: anyLabel ? classesFor("webDataset", shards[0]!.path, labels, classes) : [] };
}
