import type { Dir } from "node:fs";
import { opendir, readFile } from "node:fs/promises";
import { isAbsolute, resolve } from "node:path";
import type { NdArray } from "ndarray";
import {
  type DecodeOptions,
  decodePicture,
  readPictureSize,
  readStoredValues,
} from "../decoding/decodePicture.js";
import { PictureError } from "../decoding/pictureError.js";
import type { PictureSize } from "../decoding/pictureSize.js";
import type { StoredValues } from "../decoding/storedValues.js";
import { fileOf } from "../fileNames.js";
import {
  checkIndex,
  type DatasetIdentity,
  type DatasetNote,
  type ImageDataset,
  type ImageRequest,
} from "../imageDataset.js";
import { identifyFiles } from "./datasetIdentity.js";
import { fileLength, fingerprintFiles } from "./fileFacts.js";
import { type AlignedLabels, alignLabels, className } from "./labels.js";
import { sortNames } from "./sortNames.js";

/** Pictures that are files of their own. */
export class ImageFiles implements ImageDataset {
  /** The folder that relative paths start at, absolute; names for people are relative to it. */
  readonly root: string;
  readonly classes: readonly string[];
  readonly channels?: number;
  readonly notes: readonly DatasetNote[];
  /** Relative to `root`, or absolute. */
  readonly #files: readonly string[];
  readonly #labels: Int32Array;
  readonly #decode: DecodeOptions;

  /** @internal Use `imageFolder`, `imageGlob` or `imageList`. */
  constructor(
    root: string,
    files: readonly string[],
    { labels, classes, notes }: AlignedLabels,
    decode: DecodeOptions,
  ) {
    this.root = root;
    this.classes = classes;
    this.notes = notes;
    this.#files = files;
    this.#labels = labels;
    this.#decode = decode;
    if (decode.channels !== undefined) this.channels = decode.channels;
  }

  get length(): number {
    return this.#files.length;
  }

  path(index: number): string {
    checkIndex("path", index, this.length);
    return resolve(this.root, this.#files[index]!);
  }

  label(index: number): number {
    checkIndex("label", index, this.length);
    return this.#labels[index]!;
  }

  /**
   * Picture `index`.
   *
   * @throws PictureError (rejects) If it cannot be read.
   * @throws Error (rejects) If that is because the folder of all pictures is not there any more, or is empty, as an
   *   unmounted disk's is: then no picture may take its place.
   */
  async image(index: number, request: ImageRequest = {}): Promise<NdArray<Uint8Array>> {
    const path = this.path(index);
    try {
      return await decodePicture(path, { ...this.#decode, ...request });
    } catch (error) {
      if (error instanceof PictureError) await requireFolder(this.root, error);
      throw error;
    }
  }

  /**
   * The size of picture `index`, from its header only.
   *
   * @throws PictureError (rejects) If the header cannot be read.
   */
  size(index: number): Promise<PictureSize> {
    return readPictureSize(this.path(index));
  }

  async stored(index: number): Promise<Uint8Array> {
    return readFile(fileOf(this.path(index)));
  }

  storedLength(index: number): number {
    return fileLength(this.path(index));
  }

  /**
   * The values that picture `index` stores, if it has more than 8 bits.
   *
   * @throws PictureError (rejects) If it cannot be read.
   */
  values(index: number): Promise<StoredValues | null> {
    return readStoredValues(this.path(index), this.#decode);
  }

  fingerprint(): Promise<string> {
    const { root } = this;
    const files = this.#files;
    function* paths() {
      for (const file of files) yield resolve(root, file);
    }
    return fingerprintFiles(["files", this.#decode], paths());
  }

  identity(): Promise<DatasetIdentity> {
    // Of lists and patterns, whose files are absolute, names start at the folder that holds all pictures.
    const root = isAbsolute(this.#files[0]!) ? {} : { root: this.root };
    const path = (index: number) => this.path(index);
    return identifyFiles({ format: ["files"], count: this.length, path, ...root }, this);
  }
}

/** @throws Error (rejects) where a folder that held pictures holds nothing now. */
async function requireFolder(root: string, cause: Error): Promise<void> {
  let folder: Dir;
  try {
    folder = await opendir(fileOf(root) as string); // bytes do as well, which the types do not know
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") throw folderGone(root, "is not there any more", cause);
    return;
  }
  try {
    if ((await folder.read()) === null) throw folderGone(root, "is empty now", cause);
  } finally {
    await folder.close();
  }
}

function folderGone(root: string, what: string, cause: Error): Error {
  return new Error(
    `The folder of the pictures ${what}, so none of them can be read: ${root}. Put it back, or mount its disk.`,
    { cause },
  );
}

/** The first folder of a path that is relative with "/" between names; null: it lies at the top. */
export function firstFolder(file: string): string | null {
  const slash = file.indexOf("/");
  return slash < 0 ? null : file.slice(0, slash);
}

/**
 * The classes and labels of files by the folder that each belongs to.
 *
 * @param reader Who asks, for messages.
 * @param source Where the files are, for messages.
 * @param folders The folder of each file; null: none, so no label.
 * @param wanted The classes by label; left out: the folders, sorted.
 * @throws Error If a folder is none of the wanted classes.
 */
export function labelsByFolder(
  reader: string,
  source: string,
  folders: readonly (string | null)[],
  wanted: readonly string[] | undefined,
): AlignedLabels {
  const names = new Map<string, string>();
  for (const folder of folders) {
    if (folder !== null && !names.has(folder)) names.set(folder, className(folder));
  }
  const classes = sortNames(new Set(names.values()));
  const numbers = new Map(classes.map((name, label) => [name, label]));
  const labels = Int32Array.from(folders, (name) => (name === null ? -1 : numbers.get(names.get(name)!)!));
  return alignLabels(reader, source, { labels, classes }, wanted);
}
