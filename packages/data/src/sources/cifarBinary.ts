import { basename, dirname, join } from "node:path";
import { type CifarBatch, invalidLabel, type OpenedBatches, pixelBytes } from "./cifarBatches.js";
import { readClassNames } from "./classNames.js";
import { statFile } from "./fileFacts.js";
import { numberNames } from "./labels.js";
import { OpenFiles } from "./openFiles.js";

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

/**
 * Opens files of the binary version.
 *
 * @param which Which of the two labels of CIFAR-100.
 * @throws Error (rejects) If a file has no whole number of records, or holds a label that is out of range.
 */
export async function openBinary(paths: readonly string[], which: "fine" | "coarse"): Promise<OpenedBatches> {
  const sizes = paths.map((path) => statFile("cifarDataset", path).size);
  const layout = layoutOf(paths, sizes, which);
  const { labelBytes, classCount } = layout;
  const record = labelBytes + pixelBytes;
  const odd = sizes.findIndex((size) => size === 0 || size % record !== 0);
  if (odd >= 0) {
    throw new Error(
      `cifarDataset: ${paths[odd]} has ${sizes[odd]} bytes; expected records of ${record} ` +
        `(${labelBytes === 1 ? "CIFAR-10" : "CIFAR-100"}). It is cut short or is another file: get it anew.`,
    );
  }
  const classes = await classNames(dirname(paths[0]!), layout);
  const batches: CifarBatch[] = [];
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

/** By the size, which hardly ever fits both, and then by the name. */
function layoutOf(paths: readonly string[], sizes: readonly number[], which: "fine" | "coarse"): Layout {
  const fits = (labelBytes: number) => sizes.every((size) => size % (labelBytes + pixelBytes) === 0);
  const named = /^(train|test)\.bin$/.test(basename(paths[0]!));
  const isHundred = fits(1) === fits(2) ? named : fits(2);
  return isHundred ? cifar100[which] : cifar10;
}

async function classNames(folder: string, { namesFile, classCount }: Layout): Promise<string[]> {
  const path = join(folder, namesFile);
  const names = (await readClassNames(path)) ?? numberNames(classCount);
  if (names.length === classCount) return names;
  throw new Error(
    `cifarDataset: ${path} holds ${names.length} names; expected ${classCount}, one a line. Mend the file, or ` +
      "give the classes.",
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
        throw invalidLabel(path, number, label, classCount);
      }
      labels[number] = label;
    }
  }
}
