import { extname } from "node:path";
import { parse } from "csv-parse/sync";
import { bytesOfName, nameFromBytes } from "../fileNames.js";
import type { DatasetNote } from "../imageDataset.js";
import { shownName } from "../shownName.js";
import { isPictureName } from "./pictureFormats.js";
import { parseJson } from "./textFile.js";

/** A picture of a table or list, and what it says of its class. */
export interface ListedPicture {
  /** Its path as it stands there. */
  readonly name: string;
  /** A number or a name; null: nothing is said. */
  readonly label: string | null;
}

/** What a table holds. */
export interface LabelTable {
  readonly pictures: readonly ListedPicture[];
  /** Whether it has a column of labels, even if nothing stands there. */
  readonly isLabelled: boolean;
  /** What was not taken. */
  readonly notes: readonly DatasetNote[];
}

/** Which columns of a table are read. */
export interface TableColumns {
  /** That of the paths. Default: by its name, or the first that holds a picture's. */
  readonly image?: string | undefined;
  /** That of the labels; null: none. Default: by its name. */
  readonly label?: string | null | undefined;
}

/** Names of columns of paths, the usual ones first. */
const imageNames =
  "file_name filename file path filepath file_path image image_path image_file image_name img img_path".split(
    " ",
  );
/** Names of columns of labels. */
const labelNames = "label class category target cls label_name class_name category_name labels".split(" ");

/** Rows in which names of pictures are looked for. */
const sampled = 8;

const delimiters = [",", "\t", ";"] as const;

type Row = Readonly<Record<string, unknown>>;

/** Whether a file is a table by its name: `.csv`, `.tsv`, `.jsonl`. */
export function isTableName(path: string): boolean {
  return /\.(csv|tsv|jsonl|ndjson)$/i.test(path);
}

/** Whether a text begins with a header that names a column of paths. */
export function hasTableHeader(text: string): boolean {
  const fields = firstLine(text)
    .split(/[,\t;]/)
    .map((field) =>
      field
        .trim()
        .replace(/^"(.*)"$/, "$1")
        .toLowerCase(),
    );
  return fields.length > 1 && fields.some((field) => imageNames.includes(field));
}

const firstLine = (text: string) => text.slice(0, text.search(/\r|\n|$/));

/**
 * Reads a table of pictures: rows of CSV under a header or without one (commas, tabs or semicolons; quotes as in RFC
 * 4180), or JSON, one object a line.
 *
 * @param file Its path, for messages.
 * @param isPicture Whether a text is the name of a picture that is there: the column of such names is taken where none
 *   is called as usual or holds names that end as pictures do.
 * @throws Error If it cannot be parsed, or a column is not there.
 */
export function parseLabelTable(
  file: string,
  text: string,
  columns: TableColumns,
  isPicture: (text: string) => boolean,
): LabelTable {
  const isJson = /\.(jsonl|ndjson)$/i.test(extname(file)) || text.trimStart().startsWith("{");
  const rows = isJson ? jsonRows(file, text) : csvRows(file, text);
  if (rows.length === 0) return { pictures: [], isLabelled: false, notes: [] };
  const present = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const image =
    chosenColumn(file, "imageColumn", columns.image, present, imageNames) ??
    pictureColumn(rows.slice(0, 1), isPictureName) ??
    pictureColumn(rows.slice(0, sampled), isPicture);
  if (image === null) {
    throw new Error(
      `${file}: no column of ${shownName(present.join(", "))} holds paths of pictures, nor their names in the ` +
        `folders around it; expected ${imageNames[0]}, or another with imageColumn (--image-column) and the ` +
        "pictures' folder (--images).",
    );
  }
  const label =
    columns.label === null ? null : chosenColumn(file, "labelColumn", columns.label, present, labelNames);
  const pictures = rows.flatMap((row) => {
    const name = textOf(row[image]);
    if (name === null) return [];
    return [{ name, label: label === null ? null : textOf(row[label]) }];
  });
  const others = present.filter((name) => name !== image && name.trim() !== "");
  const isLabelled = label !== null;
  if (isLabelled || columns.label === null || others.length === 0) return { pictures, isLabelled, notes: [] };
  const note =
    `${file}: no column is called ${labelNames.slice(0, 3).join(", ")} or the like, so no labels are taken; there ` +
    `are ${shownName(others.join(", "))} (--label-column)`;
  return { pictures, isLabelled, notes: [{ level: "info", text: note }] };
}

function textOf(value: unknown): string | null {
  if (typeof value !== "string" && typeof value !== "number") return null;
  const text = String(value).trim();
  return text === "" ? null : text;
}

function chosenColumn(
  file: string,
  option: string,
  given: string | undefined,
  present: readonly string[],
  usual: readonly string[],
): string | null {
  if (given !== undefined) {
    if (present.includes(given)) return given;
    throw new Error(
      `${file}: there is no column ${given} (${option}); there are ${shownName(present.join(", "))}.`,
    );
  }
  const byName = new Map(present.map((name) => [name.trim().toLowerCase(), name]));
  const found = usual.find((name) => byName.has(name));
  return found === undefined ? null : byName.get(found)!;
}

/** The first column that holds pictures and nothing else, each of them once. */
function pictureColumn(rows: readonly Row[], isPicture: (text: string) => boolean): string | null {
  const holdsPictures = (name: string) => {
    const texts = rows.map((row) => textOf(row[name])).filter((text) => text !== null);
    return texts.length > 0 && new Set(texts).size === texts.length && texts.every((text) => isPicture(text));
  };
  return Object.keys(rows[0]!).find(holdsPictures) ?? null;
}

function jsonRows(file: string, text: string): Row[] {
  return text.split(/\r?\n/).flatMap((line, place) => {
    if (line.trim() === "") return [];
    try {
      const row = parseJson(line);
      if (typeof row === "object" && row !== null) return [row as Row];
    } catch {
      // said below
    }
    throw new Error(
      `${file}: line ${place + 1} is no JSON object; expected one a line, such as {"file_name": "a.jpg"}.`,
    );
  });
}

function csvRows(file: string, text: string): Row[] {
  const first = firstLine(text);
  const count = (delimiter: string) => first.split(delimiter).length;
  const delimiter = [...delimiters].sort((a, b) => count(b) - count(a))[0]!;
  let records: string[][];
  try {
    // As bytes, which the parser would make UTF-8 of: names of files may be none.
    const fields: string[][] = parse(bytesOfName(text), {
      delimiter,
      encoding: "latin1",
      relax_column_count: true,
      relax_quotes: true,
      skip_empty_lines: true,
    });
    records = fields.map((record) => record.map((field) => nameFromBytes(Buffer.from(field, "latin1"))));
  } catch (error) {
    throw new Error(`${file} cannot be read as a table (${(error as Error).message}). Mend it.`, {
      cause: error,
    });
  }
  const [header = []] = records;
  // A first row with a picture in it is not a header: then the column after the pictures holds the labels.
  const picture = header.findIndex((field) => isPictureName(field.trim()));
  const names = picture < 0 ? header : header.map((_, place) => nameOfColumn(place, picture));
  return (picture < 0 ? records.slice(1) : records).map((record) =>
    Object.fromEntries(names.map((name, place) => [name, record[place]])),
  );
}

function nameOfColumn(place: number, picture: number): string {
  if (place === picture) return imageNames[0]!;
  return place === (picture === 0 ? 1 : 0) ? labelNames[0]! : `column ${place + 1}`;
}
