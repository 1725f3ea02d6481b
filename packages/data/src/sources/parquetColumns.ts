import type { DatasetNote } from "../imageDataset.js";
import { listNames } from "./labels.js";
import type { ParquetFooter } from "./parquetFile.js";
import { isStoredType } from "./parquetPages.js";

const imageNames = ["image", "img", "jpg", "jpeg", "png", "webp", "picture"];
const labelNames = ["label", "labels", "fine_label", "cls", "class", "class_name", "target", "category"];

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

type Column = ParquetFooter["schema"];

/** Columns by their names, in the order in which they are looked for. */
function present(columns: readonly Column[], names: readonly string[]): Column[] {
  const found = names.map((name) => columns.find(({ element }) => element.name === name));
  return [...new Set(found)].filter((column) => column !== undefined);
}

const nameOf = ({ element }: Column) => element.name;

/** Where the bytes of pictures are in a column; null: it is none of pictures. */
function imagePath({ children, element }: Column): string[] | null {
  if (children.some((child) => child.element.name === "bytes")) return [element.name, "bytes"];
  return children.length === 0 ? [element.name] : null;
}

/** The path of the column of pictures. */
export function imageColumn(
  path: string,
  { schema }: ParquetFooter,
  { images }: HubFeatures,
  wanted: string | undefined,
): { readonly path: string[]; readonly notes: readonly DatasetNote[] } {
  const names = [...imageNames.filter((name) => images.includes(name)), ...images, ...imageNames];
  const [first, ...others] = present(schema.children, wanted === undefined ? names : [wanted]).filter(
    (column) => imagePath(column) !== null,
  );
  if (first === undefined) {
    const columns = schema.children.map(nameOf).slice(0, 50);
    throw new Error(
      `parquetDataset: ${path} has the columns ${columns.join(", ")}; expected ${wanted ?? "image"} with the ` +
        'bytes of pictures, or as a struct with "bytes". Name the column with image.',
    );
  }
  return { path: imagePath(first)!, notes: othersNote(path, "pictures", first, others, "--image-column") };
}

function othersNote(
  path: string,
  what: string,
  taken: Column,
  others: readonly Column[],
  option: string,
): readonly DatasetNote[] {
  if (others.length === 0) return [];
  const text =
    `${path}: the ${what} are those of the column ${nameOf(taken)}; also there: ${others.map(nameOf).join(", ")} ` +
    `(${option})`;
  return [{ level: "info", text }];
}

/** Why a column cannot be one of labels, in words; null: it can. */
function unfit({ children, element }: Column): string | null {
  if (element.repetition_type === "REPEATED" || element.converted_type === "LIST") return "lists";
  if (children.length > 0) return "structs";
  return isStoredType(element.type) ? null : (element.type ?? "nothing");
}

/** The name of the column of labels; null: there is none. */
export function labelColumn(
  path: string,
  { schema }: ParquetFooter,
  { classes }: HubFeatures,
  wanted: string | null | undefined,
): { readonly name: string | null; readonly notes: readonly DatasetNote[] } {
  if (wanted === null) return { name: null, notes: [] };
  if (wanted !== undefined) {
    const [column] = present(schema.children, [wanted]);
    if (column !== undefined && unfit(column) === null) return { name: wanted, notes: [] };
    const reason = column === undefined ? "" : `: it holds ${unfit(column)}`;
    throw new Error(
      `parquetDataset: ${path} has no column ${wanted} of whole numbers, booleans or names${reason}. The ` +
        `columns are ${listNames(schema.children.map(nameOf))}. Name another with label, or set label: null.`,
    );
  }
  const hub = [...classes.keys()];
  const named = present(schema.children, [
    ...labelNames.filter((name) => classes.has(name)),
    ...labelNames,
    ...hub,
  ]);
  const usable = named.filter((column) => unfit(column) === null);
  const [first] = usable;
  if (first === undefined) {
    const text = named
      .map((column) => `${path}: the column ${nameOf(column)} holds ${unfit(column)}, so no labels are taken`)
      .at(0);
    return { name: null, notes: text === undefined ? [] : [{ level: "warning", text }] };
  }
  return { name: nameOf(first), notes: othersNote(path, "labels", first, usable.slice(1), "--label-column") };
}
