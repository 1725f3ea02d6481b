import { dirname, join, resolve } from "node:path";
import type { NdArray } from "ndarray";
import { defaultCacheFolder, shardsFolder } from "../cache/cacheFolder.js";
import {
  type DecodeOptions,
  decodePicture,
  readPictureSize,
  readStoredValues,
} from "../decoding/decodePicture.js";
import { PictureError } from "../decoding/pictureError.js";
import type { PictureSize } from "../decoding/pictureSize.js";
import type { StoredValues } from "../decoding/storedValues.js";
import { nameFromBytes } from "../fileNames.js";
import {
  checkIndex,
  type DatasetIdentity,
  type DatasetNote,
  type ImageDataset,
  type ImageRequest,
} from "../imageDataset.js";
import { readClassNames } from "./classNames.js";
import { commonFolder } from "./commonFolder.js";
import { identifyFiles } from "./datasetIdentity.js";
import { fingerprintFiles, statOrNull } from "./fileFacts.js";
import { type AlignedLabels, type LabelledPart, mergeLabels } from "./labels.js";
import { OpenFiles } from "./openFiles.js";
import { openShardIndex } from "./openShardIndex.js";
import { isPictureName, sentence } from "./pictureFormats.js";
import { searchSorted, startsOf } from "./searchSorted.js";
import type { ShardIndex } from "./shardIndex.js";
import { isGzipped, unpackShard } from "./unpackShard.js";
import { namedLabels } from "./webDatasetLabels.js";
import { type ChosenRows, chooseRows } from "./webDatasetRows.js";

/** Options of `webDataset`. */
export interface WebDatasetOptions extends DecodeOptions {
  /**
   * Which picture of a sample, by what stands behind the sample's name: `"jpg"`, `"seg.png"`, or `"input"` for
   * `0001.input.jpg`. Default: the first that has a picture's ending alone (`0001.jpg`), else the ending of several
   * parts that comes first in the shards. What is left out is in `notes`.
   */
  readonly picture?: string;
  /**
   * Where the class of a sample is, as a number or a name: a file's ending (`"cls"`, `"json"`, `"txt"`, or
   * `"output.cls"`), or any other text: a field of the `json` file. null: there are no labels. Default: the first of
   * `cls`, `json` and `txt` that is there; of `json` the field `label`, `cls`, `class`, `class_name` or `target`, a
   * `txt` only if it is a number, since most are captions.
   */
  readonly labels?: string | null;
  /**
   * The classes that are wanted, by label; labels are matched by name, and where there are numbers only by number.
   * Default: the lines of `classes.txt` beside each shard; else the names in the shards, sorted; else `"0"`, `"1"`, ….
   */
  readonly classes?: readonly string[];
  /**
   * Folder of all caches, for the indexes (some 60 MB a million pictures) and for unpacked `.tar.gz`; they lie in its
   * `shards`. Default: the indexes beside the shards where that can be written, all else in `defaultCacheFolder()`.
   */
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
  /** The rows of the index that are pictures of the data set. */
  readonly rows: Uint32Array;
}

/** The pictures of tar shards. Made by `webDataset`. */
export class WebDataset implements ImageDataset {
  readonly classes: readonly string[];
  readonly channels?: number;
  readonly notes: readonly DatasetNote[];
  /** Why the index of a shard could not be kept, so that it is made anew each time; null: all are kept. */
  readonly indexNotKept: string | null;
  readonly #shards: readonly Shard[];
  /** Number of the first picture of each shard. */
  readonly #starts: Int32Array;
  readonly #labels: Int32Array;
  /** Which picture of a sample; null: not given. */
  readonly #picture: string | null;
  readonly #decode: DecodeOptions;
  readonly #files = new OpenFiles();

  /** @internal Use `webDataset`. */
  constructor(
    shards: readonly Shard[],
    { labels, classes, notes }: AlignedLabels,
    indexNotKept: string | null,
    picture: string | null,
    decode: DecodeOptions,
  ) {
    this.classes = classes;
    this.notes = notes;
    this.indexNotKept = indexNotKept;
    this.#shards = shards;
    this.#labels = labels;
    this.#picture = picture;
    this.#decode = decode;
    if (decode.channels !== undefined) this.channels = decode.channels;
    this.#starts = startsOf(shards.map(({ rows }) => rows.length));
  }

  /** The folder that holds all files. */
  get root(): string {
    return commonFolder(this.#shards.map(({ source }) => dirname(source)));
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

  /** The values that picture `index` stores, if it has more than 8 bits. */
  async values(index: number): Promise<StoredValues | null> {
    const { shard, row } = this.#locate("values", index);
    const name = this.#pathOf(shard, row);
    return readStoredValues(await this.#read(shard, row), { ...this.#decode, name });
  }

  async image(index: number, request: ImageRequest = {}): Promise<NdArray<Uint8Array>> {
    const { shard, row } = this.#locate("image", index);
    const name = this.#pathOf(shard, row);
    return decodePicture(await this.#read(shard, row), { ...this.#decode, ...request, name });
  }

  async stored(index: number): Promise<Uint8Array> {
    const { shard, row } = this.#locate("stored", index);
    return this.#read(shard, row);
  }

  storedLength(index: number): number {
    const { shard, row } = this.#locate("storedLength", index);
    return shard.index.sizes[row]!;
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

  #pathOf({ source, index: { names, nameEnds } }: Shard, row: number): string {
    const bytes = names.subarray(row === 0 ? 0 : nameEnds[row - 1]!, nameEnds[row]!);
    return `${source}/${nameFromBytes(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))}`;
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
    const shard = this.#shards[place]!;
    return { shard, row: shard.rows[index - this.#starts[place]!]! };
  }
}

/**
 * The pictures of WebDataset shards: tar archives in which the files of one sample follow one another and share their
 * name up to its first dot (`0001.jpg`, `0001.cls`).
 * Format: https://github.com/webdataset/webdataset. The headers of a shard are read once into an index that is kept;
 * from then on each picture is one read of its bytes.
 *
 * @param shards Paths of `.tar` files (or `.tar.gz`, which are unpacked in the cache folder).
 * @throws Error (rejects) If a shard is missing or damaged, there are no pictures in any, or a class is unknown.
 */
export async function webDataset(
  shards: string | readonly string[],
  options: WebDatasetOptions = {},
): Promise<WebDataset> {
  const { picture, labels = "any", classes: given, cacheFolder, onProgress, signal, ...decode } = options;
  const wanted = picture?.toLowerCase().replace(/^\./, "") ?? null;
  // The index of a shard is the same for all pictures that are pictures by their ending.
  const settings = { picture: wanted === null || isPictureName(`.${wanted}`) ? null : wanted, labels };
  const paths = [shards].flat().map((path) => resolve(path));
  if (paths.length === 0)
    throw new Error("webDataset: no shards were given; expected at least one .tar file.");
  const cache = cacheFolder ?? defaultCacheFolder();
  const folder = cache === null ? null : shardsFolder(cache);
  const opened: Omit<Shard, "rows">[] = [];
  let notKept: string | null = null;
  for (const [number, path] of paths.entries()) {
    signal?.throwIfAborted();
    const tar = isGzipped(path) ? await unpackShard(path, folder, signal) : path;
    const beside = cacheFolder === undefined;
    const { index, failure } = await openShardIndex(tar, settings, { beside, folder }, signal).catch(
      (error: Error) => {
        if (tar === path || signal?.aborted) throw error;
        throw new Error(`webDataset: ${path} is damaged: unpacked, ${error.message}`, { cause: error });
      },
    );
    notKept ??= failure;
    opened.push({ source: path, path: tar, index });
    onProgress?.(number + 1, paths.length);
  }
  const chosen = chooseRows(
    opened.map(({ index }) => index),
    wanted,
  );
  const chosenShards = opened.map((shard, number): Shard => ({ ...shard, rows: chosen.rows[number]! }));
  if (chosen.rows.every((rows) => rows.length === 0)) throw noPictures(paths, picture, chosen);
  const parts: LabelledPart[] = [];
  for (const [number, shard] of chosenShards.entries()) {
    const path = paths[number]!;
    parts.push(namedLabels(path, shard, await readClassNames(join(dirname(path), "classes.txt"))));
  }
  const aligned = mergeLabels("webDataset", parts, given);
  if (labels !== "any" && labels !== null && aligned.labels.every((label) => label < 0)) {
    throw new Error(
      `webDataset: no labels were found in ${labels} of ${paths[0]}; expected files that end so, or a field of ` +
        "that name in .json files, that hold a number or a name. Give another (labels), or none.",
    );
  }
  const notes = [...chosen.notes, ...shardNotes(paths, chosenShards, notKept), ...aligned.notes];
  return new WebDataset(chosenShards, { ...aligned, notes }, notKept, wanted, decode);
}

/** What was written besides, or could not be. */
function shardNotes(
  paths: readonly string[],
  shards: readonly Shard[],
  notKept: string | null,
): DatasetNote[] {
  const notes: DatasetNote[] = [];
  const unpacked = shards.filter(({ path }, number) => path !== paths[number]);
  if (unpacked.length > 0) {
    const bytes = unpacked.reduce((total, { path }) => total + (statOrNull(path)?.size ?? 0), 0);
    const what = unpacked.length === 1 ? "1 gzipped shard is" : `${unpacked.length} gzipped shards are`;
    const where = dirname(unpacked[0]!.path);
    notes.push({
      level: "info",
      text: `${what} unpacked in ${where}, ${(bytes / 1e9).toFixed(2)} GB; splitmask cache clear deletes that`,
    });
  }
  if (notKept !== null) {
    notes.push({ level: "warning", text: `the index of a shard is made anew each time: ${notKept}` });
  }
  return notes;
}

function noPictures(paths: readonly string[], picture: string | undefined, chosen: ChosenRows): Error {
  const where = paths.length === 1 ? paths[0] : `${paths[0]} and ${paths.length - 1} more`;
  if (chosen.endings !== "") {
    return new Error(
      `webDataset: no picture in ${where} ends in ${picture}; there are ${chosen.endings}. Give one of these ` +
        "endings, or none.",
    );
  }
  const others = chosen.notes.map(({ text }) => ` ${sentence(text)}`).join("");
  return new Error(
    `webDataset: no pictures in ${where}; expected files that end in ${picture ?? "jpg, png, webp, …"}. A ` +
      `folder of pictures inside a tar file will do.${others}`,
  );
}
