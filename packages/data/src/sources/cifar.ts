import { dirname, extname, join, resolve } from "node:path";
import ndarray, { type NdArray } from "ndarray";
import { PictureError } from "../decoding/pictureError.js";
import type { PictureSize } from "../decoding/pictureSize.js";
import { checkIndex, type DatasetIdentity, type DatasetNote, type ImageDataset } from "../imageDataset.js";
import { type CifarBatch, pixelBytes, side } from "./cifarBatches.js";
import { openBinary } from "./cifarBinary.js";
import { cifarNames, cifarPart } from "./cifarNames.js";
import { openPickled } from "./cifarPickle.js";
import { commonFolder } from "./commonFolder.js";
import { identifyFiles } from "./datasetIdentity.js";
import { fingerprintFiles, statOrNull } from "./fileFacts.js";
import { namesIn } from "./folderNames.js";
import { type AlignedLabels, alignLabels } from "./labels.js";
import { OpenFiles } from "./openFiles.js";
import { interleaveChannels } from "./rawPicture.js";
import { searchSorted, startsOf } from "./searchSorted.js";

/** Options of `cifarDataset`. */
export interface CifarDatasetOptions {
  /**
   * Which files of a folder: `data_batch_*` / `train`, or `test_batch` / `test`, with `.bin` or without. Default
   * `"train"`.
   */
  readonly split?: "train" | "test";
  /** Which of the two labels of CIFAR-100. Default `"fine"`, the 100 classes; `"coarse"` are the 20 superclasses. */
  readonly labels?: "fine" | "coarse";
  /**
   * The classes that are wanted, by label; labels are matched by name, without names by number. Default: those of
   * `batches.meta.txt`, `fine_label_names.txt` or `coarse_label_names.txt` beside the files, else `"0"`, `"1"`, ….
   */
  readonly classes?: readonly string[];
}

/** The pictures of CIFAR's files. Made by `cifarDataset`. */
export class CifarDataset implements ImageDataset {
  readonly classes: readonly string[];
  readonly notes: readonly DatasetNote[];
  readonly #batches: readonly CifarBatch[];
  /** Number of the first picture of each file. */
  readonly #starts: Int32Array;
  readonly #labels: Int32Array;
  readonly #which: string;
  readonly #files = new OpenFiles();

  /** @internal Use `cifarDataset`. */
  constructor(batches: readonly CifarBatch[], { labels, classes, notes }: AlignedLabels, which: string) {
    this.classes = classes;
    this.notes = notes;
    this.#batches = batches;
    this.#starts = startsOf(batches.map((batch) => batch.labels.length));
    this.#labels = labels;
    this.#which = which;
  }

  /** The folder that holds all files. */
  get root(): string {
    return commonFolder(this.#batches.map(({ path }) => dirname(path)));
  }

  get length(): number {
    return this.#labels.length;
  }

  path(index: number): string {
    const { batch, row } = this.#locate("path", index);
    return `${batch.path}#${row}`;
  }

  label(index: number): number {
    checkIndex("label", index, this.length);
    return this.#labels[index]!;
  }

  /** 32×32. */
  async size(index: number): Promise<PictureSize> {
    checkIndex("size", index, this.length);
    return { height: side, width: side };
  }

  /** The planes of red, green and blue. */
  async stored(index: number): Promise<Uint8Array> {
    const { batch, row } = this.#locate("stored", index);
    return this.#files.read(batch.path, batch.first + row * batch.stride, pixelBytes);
  }

  storedLength(index: number): number {
    checkIndex("storedLength", index, this.length);
    return pixelBytes;
  }

  async image(index: number): Promise<NdArray<Uint8Array>> {
    const path = this.path(index);
    try {
      const planes = await this.stored(index);
      return ndarray(await interleaveChannels(planes, 3), [side, side, 3]);
    } catch (error) {
      throw new PictureError(path, (error as Error).message, { cause: error });
    }
  }

  fingerprint(): Promise<string> {
    return fingerprintFiles(
      ["cifar", this.#which],
      this.#batches.map(({ path }) => path),
    );
  }

  identity(): Promise<DatasetIdentity> {
    const batches = this.#batches;
    const path = (file: number) => batches[file]!.path;
    return identifyFiles({ format: ["cifar", this.#which], count: batches.length, path }, this);
  }

  close(): Promise<void> {
    return this.#files.close();
  }

  #locate(what: string, index: number): { batch: CifarBatch; row: number } {
    checkIndex(what, index, this.length);
    const file = searchSorted(this.#starts, index);
    return { batch: this.#batches[file]!, row: index - this.#starts[file]! };
  }
}

/**
 * CIFAR-10 or CIFAR-100, the binary version (records of one label byte, CIFAR-100: coarse, then fine, and 3×32×32
 * pixels) or the Python version (pickles of an array and a list, of which nothing is executed). Pictures are read when
 * they are wanted; only the labels are in memory. Format: https://www.cs.toronto.edu/~kriz/cifar.html.
 *
 * @param source The folder that the archive unpacks to (`cifar-10-batches-bin`, `cifar-100-python`), or its files.
 * @throws Error (rejects) If a file is missing, has no whole number of records, or holds a label that is out of range.
 */
export async function cifarDataset(
  source: string | readonly string[],
  options: CifarDatasetOptions = {},
): Promise<CifarDataset> {
  const { split = "train", labels: which = "fine" } = options;
  const isFolder = typeof source === "string" && statOrNull(source)?.isFile() !== true;
  const paths = isFolder
    ? folderFiles(resolve(source as string), split)
    : [source].flat().map((path) => resolve(path));
  if (paths.length === 0) throw new Error("cifarDataset: no files were given; expected at least one.");
  const pickled = paths.every((path) => extname(path) === "");
  const { batches, classes } = pickled ? await openPickled(paths, which) : await openBinary(paths, which);
  const labels = new Int32Array(batches.reduce((sum, batch) => sum + batch.labels.length, 0));
  let start = 0;
  for (const batch of batches) {
    labels.set(batch.labels, start);
    start += batch.labels.length;
  }
  const aligned = alignLabels("cifarDataset", paths[0]!, { labels, classes }, options.classes);
  return new CifarDataset(batches, aligned, which);
}

function folderFiles(folder: string, split: "train" | "test"): string[] {
  const names = cifarNames(namesIn(folder));
  const files = names.filter((name) => cifarPart(name) === split).sort();
  if (files.length === 0) {
    throw new Error(
      `cifarDataset: ${folder} holds no ` +
        `${split === "train" ? "data_batch_1.bin or train.bin" : "test_batch.bin or test.bin"}; expected what the ` +
        "binary or the Python version of CIFAR-10 or CIFAR-100 unpacks to (tar xzf cifar-10-binary.tar.gz).",
    );
  }
  return files.map((name) => join(folder, name));
}
