import type { OpenFiles } from "./openFiles.js";
import {
  type ParquetColumn,
  type ParquetFooter,
  readPageTable,
  readTableDictionary,
  readTablePage,
} from "./parquetFile.js";

import type { Values } from "./parquetPages.js";
import { parserReason } from "./parserReason.js";

/** A file with what was found in its footer. */
export interface OpenedFile {
  readonly path: string;
  readonly footer: ParquetFooter;
  readonly image: ParquetColumn;
  /** null: there are no labels. */
  readonly label: ParquetColumn | null;
}

/** The labels of all rows. */
export interface ParquetLabels {
  readonly labels: Int32Array;
  /** Names that stand in the column itself, sorted; empty where it holds numbers. */
  readonly names: readonly string[];
}

const mostNames = 1 << 16;

/** What `datasets` says of the columns of a file. */
export interface HubFeatures {
  /** Columns of pictures. */
  readonly images: readonly string[];
  /** Class names by column. */
  readonly classes: ReadonlyMap<string, readonly string[]>;
}

/** Reads the features that Hugging Face's `datasets` leaves in a file's footer; what it does not know is left out. */
export function hubFeatures(json: string | null): HubFeatures {
  const images: string[] = [];
  const classes = new Map<string, readonly string[]>();
  try {
    const parsed = JSON.parse(json ?? "{}") as { info?: { features?: Record<string, unknown> } };
    for (const [column, feature] of Object.entries(parsed.info?.features ?? {})) {
      const { _type: type, names } = (feature ?? {}) as { _type?: unknown; names?: unknown };
      if (type === "Image") images.push(column);
      if (type === "ClassLabel" && Array.isArray(names)) classes.set(column, names.map(String));
    }
  } catch {
    // Damaged notes are no notes: the pictures are read all the same.
  }
  return { images, classes };
}

/**
 * Reads the label columns of all files.
 *
 * @throws Error (rejects) If one is damaged, or holds no class numbers or names.
 */
export async function readParquetLabels(
  files: OpenFiles,
  opened: readonly OpenedFile[],
  length: number,
): Promise<ParquetLabels> {
  const labels = new Int32Array(length).fill(-1);
  const names = new Map<string, number>();
  let row = 0;
  for (const { path, footer, label: column } of opened) {
    for (const [group, rows] of footer.groupRows.entries()) {
      if (column !== null) {
        const target = labels.subarray(row, row + rows);
        try {
          await readGroup(files, path, column, group, target, names);
        } catch (error) {
          throw new Error(
            `parquetDataset: the labels in the column ${column.name} of ${path} cannot be read: ${parserReason(error)}. Get the file anew, or leave the labels out with label: null.`,
            { cause: error },
          );
        }
      }
      row += rows;
    }
  }
  return sortNames(labels, names);
}

async function readGroup(
  files: OpenFiles,
  path: string,
  column: ParquetColumn,
  group: number,
  target: Int32Array,
  names: Map<string, number>,
): Promise<void> {
  const table = await readPageTable(files, path, column, group);
  const place = { files, path, column, group, table };
  let dictionary: Promise<Values> | undefined;
  for (let number = 0; number < table.positions.length; number++) {
    const page = await readTablePage(place, number, () => (dictionary ??= readTableDictionary(place)));
    const first = table.firstRows[number]!;
    const { values } = page;
    const present = "numbers" in values ? values.numbers : namesOf(values, names);
    for (let row = 0; row < page.rows; row++) {
      const value = page.order === null ? row : page.order[row]!;
      const label = value < 0 ? -1 : present[value]!;
      if (!(Number.isInteger(label) && label >= -1 && label < 2 ** 31)) {
        throw new Error(`row ${first + row} of row group ${group} has the label ${label}`);
      }
      target[first + row] = label;
    }
  }
}

/** The numbers of names, in the order of their first use. */
function namesOf(
  values: { readonly bytes: Uint8Array; readonly starts: Float64Array; readonly lengths: Int32Array },
  names: Map<string, number>,
): Int32Array {
  const { bytes, starts, lengths } = values;
  return lengths.map((length, value) => {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset + starts[value]!, length).toString("utf8");
    const number = names.get(text) ?? names.size;
    if (number >= mostNames) throw new Error(`there are more than ${mostNames} different names`);
    names.set(text, number);
    return number;
  });
}

function sortNames(labels: Int32Array, names: ReadonlyMap<string, number>): ParquetLabels {
  if (names.size === 0) return { labels, names: [] };
  const sorted = [...names.keys()].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const renumbered = new Int32Array(names.size);
  for (const [label, name] of sorted.entries()) renumbered[names.get(name)!] = label;
  return { labels: labels.map((label) => (label < 0 ? label : renumbered[label]!)), names: sorted };
}
