import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileOf } from "../fileNames.js";
import { type CifarBatch, invalidLabel, type OpenedBatches, pixelBytes } from "./cifarBatches.js";
import { statFile, statOrNull } from "./fileFacts.js";
import { numberNames } from "./labels.js";
import { isPickledBytes, isPickledObject, type PickledValue, readPickle } from "./pickle.js";

/** What the lists of labels are called: CIFAR-10's, and the two of CIFAR-100. */
type CifarLabelKey = "labels" | "fine_labels" | "coarse_labels";

const classCounts: Readonly<Record<CifarLabelKey, number>> = {
  labels: 10,
  fine_labels: 100,
  coarse_labels: 20,
};

/** A pickled batch of pictures. */
interface PickledBatch {
  readonly key: CifarLabelKey;
  /** First byte of the pixels, 3,072 a picture. */
  readonly first: number;
  readonly labels: readonly number[];
}

/** A batch of all of CIFAR has 150 MB of pixels. */
const mostBytes = 2 ** 30;

async function readDictionary(path: string): Promise<Map<string, PickledValue>> {
  const { size } = statFile("cifarDataset", path);
  if (size > mostBytes) throw damaged(path, `it has ${size} bytes, more than ${mostBytes}`);
  let value: PickledValue;
  try {
    value = readPickle(await readFile(fileOf(path)));
  } catch (error) {
    throw damaged(path, (error as Error).message, error);
  }
  if (value instanceof Map) return value;
  throw damaged(path, "it holds no dictionary");
}

function damaged(path: string, reason: string, cause?: unknown): Error {
  return new Error(
    `cifarDataset: ${path} cannot be read as a pickle of CIFAR's Python version: ${reason}. Get it anew, or ` +
      "take the binary version.",
    { cause },
  );
}

/**
 * Reads the labels of a pickled batch, and where its pixels are.
 *
 * @param path The file.
 * @param which Which of the two labels of CIFAR-100.
 * @throws Error (rejects) If it is not such a file.
 */
async function readBatch(path: string, which: "fine" | "coarse"): Promise<PickledBatch> {
  const batch = await readDictionary(path);
  const key: CifarLabelKey = batch.has("labels") ? "labels" : `${which}_labels`;
  const [labels, data] = [batch.get(key), batch.get("data")];
  if (!Array.isArray(labels) || !labels.every((label) => typeof label === "number")) {
    throw damaged(path, `it has no list ${key} of numbers`);
  }
  const { shape, type, byColumns, bytes } = arrayOf(data);
  const [rows, columns] = Array.isArray(shape) ? shape : [];
  const [kind] = isPickledObject(type) ? type.arguments : [];
  if (!isPickledBytes(bytes) || !isPickledBytes(kind) || kind.text !== "u1" || byColumns !== false) {
    throw damaged(path, "data is no array of bytes, row by row");
  }
  if (columns !== pixelBytes || rows !== labels.length || bytes.length !== labels.length * pixelBytes) {
    throw damaged(
      path,
      `data has the shape ${[shape].flat().join("×")} and ${bytes.length} bytes, with ${labels.length} labels; ` +
        `expected ${pixelBytes} bytes a label`,
    );
  }
  return { key, first: bytes.start, labels };
}

interface PickledArray {
  readonly bytes?: PickledValue | undefined;
  readonly type?: PickledValue | undefined;
  readonly shape?: PickledValue | undefined;
  readonly byColumns?: PickledValue | undefined;
}

/**
 * What numpy writes of an array: up to protocol 4 what it is told after it was made, in protocol 5 what it is made of.
 */
function arrayOf(data: PickledValue | undefined): PickledArray {
  if (!isPickledObject(data)) return {};
  if (data.name.endsWith("._frombuffer")) {
    const [bytes, type, shape, order] = data.arguments;
    return { bytes, type, shape, byColumns: !(isPickledBytes(order) && order.text === "C") };
  }
  const [, shape, type, byColumns, bytes] = Array.isArray(data.state) ? data.state : [];
  return { bytes, type, shape, byColumns };
}

/**
 * Reads the names of the classes beside pickled batches.
 *
 * @param folder Where the batches are.
 * @param key Whose names.
 * @returns null where there is no such file.
 * @throws Error (rejects) If it cannot be read.
 */
async function readNames(folder: string, key: CifarLabelKey): Promise<string[] | null> {
  const path = join(folder, key === "labels" ? "batches.meta" : "meta");
  if (statOrNull(path) === null) return null;
  const field = `${key.replace(/s$/, "")}_names`;
  const names = (await readDictionary(path)).get(field);
  if (Array.isArray(names) && names.every(isPickledBytes)) return names.map(({ text }) => text);
  throw damaged(path, `it has no list ${field} of names`);
}

/**
 * Opens files of the Python version; nothing in them is executed.
 *
 * @param which Which of the two labels of CIFAR-100.
 * @throws Error (rejects) If a file cannot be read, or holds a label that is out of range.
 */
export async function openPickled(
  paths: readonly string[],
  which: "fine" | "coarse",
): Promise<OpenedBatches> {
  const read = [];
  for (const path of paths) read.push(await readBatch(path, which));
  const kinds = new Set(read.map(({ key }) => key));
  if (kinds.size > 1) {
    throw new Error(
      `cifarDataset: ${paths.join(", ")} hold the labels ${[...kinds].join(" and ")}; expected files of one data set.`,
    );
  }
  const [{ key }] = read as [(typeof read)[number]];
  const count = classCounts[key];
  const names = await readNames(dirname(paths[0]!), key);
  if (names !== null && names.length !== count) {
    throw new Error(
      `cifarDataset: the names beside ${paths[0]} are ${names.length}; expected ${count}. Get the files anew.`,
    );
  }
  const batches = read.map(({ first, labels }, file): CifarBatch => {
    const row = labels.findIndex((label) => !(Number.isInteger(label) && label >= 0 && label < count));
    if (row >= 0) throw invalidLabel(paths[file]!, row, labels[row]!, count);
    return { path: paths[file]!, first, stride: pixelBytes, labels: Int32Array.from(labels) };
  });
  return { batches, classes: names ?? numberNames(count) };
}
