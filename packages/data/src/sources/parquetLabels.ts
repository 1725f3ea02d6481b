import { className, type LabelledPart, mostClasses } from "./labels.js";
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
import { sortNames } from "./sortNames.js";

/** A file with what was found in its footer. */
export interface OpenedFile {
  readonly path: string;
  readonly footer: ParquetFooter;
  readonly image: ParquetColumn;
  /** null: there are no labels. */
  readonly label: ParquetColumn | null;
  /** The names of the label's classes in the hub's notes; null without. */
  readonly classes: readonly string[] | null;
}

const mostNames = 1 << 16;

/** A column of labels holds something that cannot be labels; nothing is damaged. */
export class UnusableLabelsError extends Error {
  /** `"UnusableLabelsError"`. */
  override readonly name = "UnusableLabelsError";
}

/**
 * Reads the labels of a file.
 *
 * @throws UnusableLabelsError (rejects) If the column holds no class numbers or names.
 * @throws Error (rejects) If it is damaged.
 */
export async function readParquetLabels(
  files: OpenFiles,
  { path, footer, label: column, classes }: OpenedFile,
): Promise<LabelledPart> {
  const labels = new Int32Array(footer.groupRows.reduce((sum, rows) => sum + rows, 0)).fill(-1);
  if (column === null) return { source: path, labels, names: null };
  const names = new Map<string, number>();
  let row = 0;
  for (const [group, rows] of footer.groupRows.entries()) {
    try {
      await readGroup(files, path, column, group, labels.subarray(row, row + rows), names);
    } catch (error) {
      const where = `column ${column.name} of ${path}`;
      if (error instanceof UnusableLabelsError) {
        throw new UnusableLabelsError(
          `parquetDataset: the ${where} holds no labels: ${error.message}. Name another column with label, or ` +
            "set label: null.",
        );
      }
      throw new Error(
        `parquetDataset: the labels in the ${where} cannot be read: ${parserReason(error)}. Get the file anew, ` +
          "or leave the labels out with label: null.",
        { cause: error },
      );
    }
    row += rows;
  }
  if (column.type === "BYTE_ARRAY") return sortedByName(path, labels, names);
  return { source: path, labels, names: column.type === "BOOLEAN" ? ["false", "true"] : classes };
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
    const present = "numbers" in values ? values.numbers : numbersOf(values, names);
    for (let row = 0; row < page.rows; row++) {
      const value = page.order === null ? row : page.order[row]!;
      const label = value < 0 ? -1 : present[value]!;
      // What pandas makes of whole numbers with gaps: 64-bit numbers with NaN where there is none.
      if (Number.isNaN(label)) continue;
      if (!(Number.isInteger(label) && label >= -1 && label < mostClasses)) {
        throw new UnusableLabelsError(
          `row ${first + row} of row group ${group} has the label ${label}, and labels are whole numbers from 0 ` +
            `to ${mostClasses - 1} (or −1 for none), names or booleans`,
        );
      }
      target[first + row] = label;
    }
  }
}

/** The numbers of names, in the order of their first use; −1 for an empty one. */
function numbersOf(
  values: { readonly bytes: Uint8Array; readonly starts: Float64Array; readonly lengths: Int32Array },
  names: Map<string, number>,
): Int32Array {
  const { bytes, starts, lengths } = values;
  return lengths.map((length, value) => {
    if (length === 0) return -1;
    const text = Buffer.from(bytes.buffer, bytes.byteOffset + starts[value]!, length).toString("utf8");
    const name = className(text);
    const number = names.get(name) ?? names.size;
    if (number >= mostNames) {
      throw new UnusableLabelsError(`there are more than ${mostNames} different names, as captions are`);
    }
    names.set(name, number);
    return number;
  });
}

function sortedByName(source: string, labels: Int32Array, found: ReadonlyMap<string, number>): LabelledPart {
  const names = sortNames(found.keys());
  const renumbered = new Int32Array(found.size);
  for (const [label, name] of names.entries()) renumbered[found.get(name)!] = label;
  return { source, labels: labels.map((label) => (label < 0 ? label : renumbered[label]!)), names };
}
