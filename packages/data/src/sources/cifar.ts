import { existsSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import ndarray, { type NdArray } from "ndarray";
import type { PictureSize } from "../decoding/decodePicture.js";
import { checkIndex, type DatasetIdentity, type ImageDataset, PictureError } from "../imageDataset.js";
import { identifyFiles } from "./datasetIdentity.js";
import { fingerprintFiles, statFile } from "./fileFacts.js";
import { commonFolder } from "./imageFiles.js";
import { parseClassNames } from "./labels.js";
import { OpenFiles } from "./openFiles.js";
import { interleaveChannels } from "./rawPicture.js";
import { searchSorted } from "./searchSorted.js";

/** Options of `cifarDataset`. */
export interface CifarDatasetOptions {
  /** Which files of a folder: `data_batch_*.bin` / `train.bin`, or `test_batch.bin` / `test.bin`. Default `"train"`. */
  readonly split?: "train" | "test";
  /** Which of the two labels of CIFAR-100. Default `"fine"`, the 100 classes; `"coarse"` are the 20 superclasses. */
  readonly labels?: "fine" | "coarse";
  /** Names of the classes by label. Default: those of `batches.meta.txt`, `fine_label_names.txt` or `coarse_label_names.txt` beside the files, else `"0"`, `"1"`, …. */
  readonly classes?: readonly string[];
}

const side = 32;
const pixelBytes = 3 * side * side;

/** How the records of a file look. */
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

/** The pictures of CIFAR's binary files. Made by `cifarDataset`. */
export class CifarDataset implements ImageDataset {
  readonly classes: readonly string[];
  readonly #paths: readonly string[];
  /** Number of the first picture of each file, and of none behind the last. */
  readonly #starts: readonly number[];
  readonly #labels: Int32Array;
  readonly #layout: Layout;
  readonly #files = new OpenFiles();

  /** @internal Use `cifarDataset`. */
  constructor(
    paths: readonly string[],
    starts: readonly number[],
    labels: Int32Array,
    classes: readonly string[],
    layout: Layout,
  ) {
    this.classes = classes;
    this.#paths = paths;
    this.#starts = starts;
    this.#labels = labels;
    this.#layout = layout;
  }

  /** The folder that holds all files. */
  get root(): string {
    return commonFolder(this.#paths.map((path) => dirname(path)));
  }

  get length(): number {
    return this.#labels.length;
  }

  path(index: number): string {
    const { path, record } = this.#locate("path", index);
    return `${path}#${record}`;
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

  async image(index: number): Promise<NdArray<Uint8Array>> {
    const { path, record } = this.#locate("image", index);
    const { labelBytes } = this.#layout;
    try {
      const position = record * (labelBytes + pixelBytes) + labelBytes;
      const planes = await this.#files.read(path, position, pixelBytes);
      return ndarray(await interleaveChannels(planes, 3), [side, side, 3]);
    } catch (error) {
      throw new PictureError(`${path}#${record}`, (error as Error).message, { cause: error });
    }
  }

  fingerprint(): Promise<string> {
    return fingerprintFiles(["cifar", this.#layout.labelAt], this.#paths);
  }

  identity(): Promise<DatasetIdentity> {
    const files = this.#paths;
    return identifyFiles({ format: ["cifar"], count: files.length, path: (file) => files[file]! }, this);
  }

  close(): Promise<void> {
    return this.#files.close();
  }

  #locate(what: string, index: number): { path: string; record: number } {
    checkIndex(what, index, this.length);
    const file = searchSorted(this.#starts, index);
    return { path: this.#paths[file]!, record: index - this.#starts[file]! };
  }
}

/** The files of one part in a folder, by the names that CIFAR comes with. */
export function cifarFiles(folder: string, split: "train" | "test"): string[] {
  const wanted = split === "train" ? /^(data_batch_\d+|train)\.bin$/ : /^(test_batch|test)\.bin$/;
  const names = (existsSync(folder) ? readdirSync(folder) : []).filter((name) => wanted.test(name));
  return names.sort().map((name) => join(folder, name));
}

/**
 * CIFAR-10 or CIFAR-100 in the binary version: records of one label byte (CIFAR-100: coarse, then fine) and 3×32×32 pixels. Pictures are read when they are wanted; only the labels are in memory.
 * Format: https://www.cs.toronto.edu/~kriz/cifar.html.
 *
 * @param source The folder that the archive unpacks to (`cifar-10-batches-bin`, `cifar-100-binary`), or its `.bin` files.
 * @throws Error (rejects) If a file is missing, has no whole number of records, or holds a label that there is not.
 */
export async function cifarDataset(
  source: string | readonly string[],
  options: CifarDatasetOptions = {},
): Promise<CifarDataset> {
  const { split = "train", labels: which = "fine" } = options;
  const paths =
    typeof source === "string" && !source.endsWith(".bin")
      ? folderFiles(resolve(source), split)
      : [source].flat().map((path) => resolve(path));
  if (paths.length === 0) throw new Error("cifarDataset: no files were given; expected at least one.");
  const folder = dirname(paths[0]!);
  const sizes = paths.map((path) => statFile("cifarDataset", path).size);
  const layout = layoutOf(paths, sizes, which);
  const record = layout.labelBytes + pixelBytes;
  const starts: number[] = [];
  let count = 0;
  for (const [file, size] of sizes.entries()) {
    if (size === 0 || size % record !== 0) {
      throw new Error(
        `cifarDataset: ${paths[file]} has ${size} bytes; expected records of ${record} (${layout.labelBytes === 1 ? "CIFAR-10" : "CIFAR-100"}). It is cut short or is another file: get it anew.`,
      );
    }
    starts.push(count);
    count += size / record;
  }
  const classes = options.classes ?? (await classNames(folder, layout));
  const labels = new Int32Array(count);
  const files = new OpenFiles();
  try {
    for (const [file, path] of paths.entries()) {
      await readLabels(files, path, sizes[file]!, layout, classes.length, labels.subarray(starts[file]!));
    }
  } finally {
    await files.close();
  }
  return new CifarDataset(paths, starts, labels, classes, layout);
}

function folderFiles(folder: string, split: "train" | "test"): string[] {
  const files = cifarFiles(folder, split);
  if (files.length === 0) {
    throw new Error(
      `cifarDataset: ${folder} holds no ${split === "train" ? "data_batch_1.bin or train.bin" : "test_batch.bin or test.bin"}; expected what the binary version of CIFAR-10 or CIFAR-100 unpacks to (tar xzf cifar-10-binary.tar.gz).`,
    );
  }
  return files;
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
  if (!existsSync(path)) return Array.from({ length: classCount }, (_, label) => String(label));
  const names = parseClassNames(await readFile(path, "utf8"));
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
        throw new Error(
          `cifarDataset: picture ${number} of ${path} has the label ${label}; expected one below ${classCount}. The file is damaged or of another format.`,
        );
      }
      labels[number] = label;
    }
  }
}
