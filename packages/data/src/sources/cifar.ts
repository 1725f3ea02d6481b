import { dirname, extname, join, resolve } from "node:path";
import ndarray, { type NdArray } from "ndarray";
import type { PictureSize } from "../decoding/decodePicture.js";
import {
  checkIndex,
  type DatasetIdentity,
  type DatasetNote,
  type ImageDataset,
  PictureError,
} from "../imageDataset.js";
import { readCifarBatch, readCifarNames } from "./cifarPickle.js";
import { readClassNames } from "./classNames.js";
import { commonFolder } from "./commonFolder.js";
import { identifyFiles } from "./datasetIdentity.js";
import { fingerprintFiles, statFile, statOrNull } from "./fileFacts.js";
import { namesIn } from "./folderNames.js";
import { type AlignedLabels, alignLabels } from "./labels.js";
import { OpenFiles } from "./openFiles.js";
import { interleaveChannels } from "./rawPicture.js";
import { searchSorted, startsOf } from "./searchSorted.js";

/** Options of `cifarDataset`. */
export interface CifarDatasetOptions {
  /** Which files of a folder: `data_batch_*` / `train`, or `test_batch` / `test`, with `.bin` or without. Default `"train"`. */
  readonly split?: "train" | "test";
  /** Which of the two labels of CIFAR-100. Default `"fine"`, the 100 classes; `"coarse"` are the 20 superclasses. */
  readonly labels?: "fine" | "coarse";
  /** The classes that are wanted, by label; labels are matched by name, without names by number. Default: those of `batches.meta.txt`, `fine_label_names.txt` or `coarse_label_names.txt` beside the files, else `"0"`, `"1"`, …. */
  readonly classes?: readonly string[];
}

const side = 32;
const pixelBytes = 3 * side * side;

/** How the records of a binary file look. */
interface Layout {
  /** Label bytes before the pixels. */
  readonly labelBytes: 1 | 2;
  /** The label byte that is read. */
  readonly labelAt: number;
  readonly classCount: number;
  /** Where the names of the classes are. */
  readonly namesFile: string;
}

const cifar10: Layout = { labelBytes: 1, labelAt: 0, classCount: 10, namesFile: "batches.meta.txt" };
const cifar100 = {
  fine: { labelBytes: 2, labelAt: 1, classCount: 100, namesFile: "fine_label_names.txt" },
  coarse: { labelBytes: 2, labelAt: 0, classCount: 20, namesFile: "coarse_label_names.txt" },
} as const satisfies Record<string, Layout>;

/** A file's pictures: where the pixels of each are, and its label. */
interface Batch {
  readonly path: string;
  /** First byte of the first picture's pixels. */
  readonly first: number;
  /** Bytes from one picture to the next. */
  readonly stride: number;
  readonly labels: Int32Array;
}

/** The pictures of CIFAR's files. Made by `cifarDataset`. */
export class CifarDataset implements ImageDataset {
  readonly classes: readonly string[];
  readonly notes: readonly DatasetNote[];
  readonly #batches: readonly Batch[];
  /** Number of the first picture of each file. */
  readonly #starts: Int32Array;
  readonly #labels: Int32Array;
  readonly #which: string;
  readonly #files = new OpenFiles();

  /** @internal Use `cifarDataset`. */
  constructor(batches: readonly Batch[], { labels, classes, notes }: AlignedLabels, which: string) {
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

  #locate(what: string, index: number): { batch: Batch; row: number } {
    checkIndex(what, index, this.length);
    const file = searchSorted(this.#starts, index);
    return { batch: this.#batches[file]!, row: index - this.#starts[file]! };
  }
}

/** Files of pickled batches have names without an ending; those of CIFAR-100 only say something beside `meta`. */
const pickledNames = /^(data_batch_\d+|test_batch)$/;
const binaryNames = /^(data_batch_\d+|test_batch|train|test)\.bin$/;

/** Those of a folder's files that are called as CIFAR's. */
export function cifarNames(names: readonly string[]): string[] {
  const binary = names.filter((name) => binaryNames.test(name));
  if (binary.length > 0) return binary;
  const hundred = names.includes("meta") ? ["train", "test"] : [];
  return names.filter((name) => pickledNames.test(name) || hundred.includes(name));
}

/** The part that a file of CIFAR is of. */
export function cifarPart(name: string): "train" | "test" {
  return /^test/.test(name) ? "test" : "train";
}

/**
 * CIFAR-10 or CIFAR-100, the binary version (records of one label byte, CIFAR-100: coarse, then fine, and 3×32×32 pixels) or the Python version (pickles of an array and a list, of which nothing is
 * executed). Pictures are read when they are wanted; only the labels are in memory. Format: https://www.cs.toronto.edu/~kriz/cifar.html.
 *
 * @param source The folder that the archive unpacks to (`cifar-10-batches-bin`, `cifar-100-python`), or its files.
 * @throws Error (rejects) If a file is missing, has no whole number of records, or holds a label that there is not.
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
      `cifarDataset: ${folder} holds no ${split === "train" ? "data_batch_1.bin or train.bin" : "test_batch.bin or test.bin"}; expected what the binary or the Python version of CIFAR-10 or CIFAR-100 unpacks to (tar xzf cifar-10-binary.tar.gz).`,
    );
  }
  return files.map((name) => join(folder, name));
}

interface OpenedBatches {
  readonly batches: readonly Batch[];
  /** Names of the classes; numbers where the folder has none. */
  readonly classes: readonly string[];
}

const numbersBelow = (count: number) => Array.from({ length: count }, (_, label) => String(label));

async function openPickled(paths: readonly string[], which: "fine" | "coarse"): Promise<OpenedBatches> {
  const read = [];
  for (const path of paths) read.push(await readCifarBatch(path, which));
  const kinds = new Set(read.map(({ key }) => key));
  if (kinds.size > 1) {
    throw new Error(
      `cifarDataset: ${paths.join(", ")} hold the labels ${[...kinds].join(" and ")}; expected files of one data set.`,
    );
  }
  const [{ key }] = read as [(typeof read)[number]];
  const count = { labels: 10, fine_labels: 100, coarse_labels: 20 }[key];
  const names = await readCifarNames(dirname(paths[0]!), key);
  if (names !== null && names.length !== count) {
    throw new Error(
      `cifarDataset: the names beside ${paths[0]} are ${names.length}; expected ${count}. Get the files anew.`,
    );
  }
  const batches = read.map(({ first, labels }, file): Batch => {
    const row = labels.findIndex((label) => !(Number.isInteger(label) && label >= 0 && label < count));
    if (row >= 0) throw strangeLabel(paths[file]!, row, labels[row]!, count);
    return { path: paths[file]!, first, stride: pixelBytes, labels: Int32Array.from(labels) };
  });
  return { batches, classes: names ?? numbersBelow(count) };
}

async function openBinary(paths: readonly string[], which: "fine" | "coarse"): Promise<OpenedBatches> {
  const sizes = paths.map((path) => statFile("cifarDataset", path).size);
  const layout = layoutOf(paths, sizes, which);
  const { labelBytes, classCount } = layout;
  const record = labelBytes + pixelBytes;
  const odd = sizes.findIndex((size) => size === 0 || size % record !== 0);
  if (odd >= 0) {
    throw new Error(
      `cifarDataset: ${paths[odd]} has ${sizes[odd]} bytes; expected records of ${record} (${labelBytes === 1 ? "CIFAR-10" : "CIFAR-100"}). It is cut short or is another file: get it anew.`,
    );
  }
  const classes = await classNames(dirname(paths[0]!), layout);
  const batches: Batch[] = [];
  const files = new OpenFiles();
  try {
    for (const [file, path] of paths.entries()) {
      const labels = new Int32Array(sizes[file]! / record);
      await readLabels(files, path, sizes[file]!, layout, classCount, labels);
      batches.push({ path, first: labelBytes, stride: record, labels });
    }
  } finally {
    await files.close();
  }
  return { batches, classes };
}

function strangeLabel(path: string, row: number, label: number, count: number): Error {
  return new Error(
    `cifarDataset: picture ${row} of ${path} has the label ${label}; expected one below ${count}. The file is damaged or of another format.`,
  );
}

/** By the size, which hardly ever fits both, and then by the name. */
function layoutOf(paths: readonly string[], sizes: readonly number[], which: "fine" | "coarse"): Layout {
  const fits = (labelBytes: number) => sizes.every((size) => size % (labelBytes + pixelBytes) === 0);
  const named = /^(train|test)\.bin$/.test(paths[0]!.slice(dirname(paths[0]!).length + 1));
  const isHundred = fits(1) === fits(2) ? named : fits(2);
  return isHundred ? cifar100[which] : cifar10;
}

async function classNames(folder: string, { namesFile, classCount }: Layout): Promise<string[]> {
  const path = join(folder, namesFile);
  const names = (await readClassNames(path)) ?? numbersBelow(classCount);
  if (names.length === classCount) return names;
  throw new Error(
    `cifarDataset: ${path} holds ${names.length} names; expected ${classCount}, one a line. Mend the file, or give the classes.`,
  );
}

/** Records that are read at once for their labels. */
const recordsAtOnce = 512;

async function readLabels(
  files: OpenFiles,
  path: string,
  size: number,
  { labelBytes, labelAt }: Layout,
  classCount: number,
  labels: Int32Array,
): Promise<void> {
  const record = labelBytes + pixelBytes;
  for (let position = 0; position < size; position += recordsAtOnce * record) {
    const bytes = await files.read(path, position, Math.min(recordsAtOnce * record, size - position));
    for (let at = labelAt; at < bytes.length; at += record) {
      const number = (position + at - labelAt) / record;
      const label = bytes[at]!;
      if (label >= classCount) {
        throw strangeLabel(path, number, label, classCount);
      }
      labels[number] = label;
    }
  }
}
