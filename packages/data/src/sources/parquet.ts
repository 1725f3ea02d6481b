import { dirname, resolve } from "node:path";
import type { NdArray } from "ndarray";
import {
  type DecodeOptions,
  decodePicture,
  type PictureSize,
  readPictureSize,
} from "../decoding/decodePicture.js";
import {
  checkIndex,
  type DatasetIdentity,
  type ImageDataset,
  type ImageRequest,
  PictureError,
} from "../imageDataset.js";
import { BoundedCache } from "./boundedCache.js";
import { identifyFiles } from "./datasetIdentity.js";
import { fingerprintFiles } from "./fileFacts.js";
import { commonFolder } from "./imageFiles.js";
import { classesFor } from "./labels.js";
import { OpenFiles } from "./openFiles.js";
import {
  type PageTable,
  type ParquetFooter,
  readFooter,
  readPageTable,
  readTableDictionary,
  readTablePage,
} from "./parquetFile.js";
import { type HubFeatures, hubFeatures, type OpenedFile, readParquetLabels } from "./parquetLabels.js";
import type { Page } from "./parquetPages.js";
import { parserReason } from "./parserReason.js";
import { searchSorted } from "./searchSorted.js";

/** Options of `parquetDataset`. */
export interface ParquetDatasetOptions extends DecodeOptions {
  /** The column of pictures: a struct with `bytes`, or bytes. Default: the first that the hub's notes call an image, else `image`, `img`, `jpg`, `jpeg`, `png`, `webp` or `picture`. */
  readonly image?: string;
  /** The column of labels, whole numbers or names; null: there are none. Default: the first that the hub's notes call a class label, else `label`, `labels`, `fine_label` or `cls`. */
  readonly label?: string | null;
  /** The classes by label. Default: those of the hub's notes; else the names in the column, sorted; else `"0"`, `"1"`, …. */
  readonly classes?: readonly string[];
  /** Bytes of unpacked pages that are kept. Default 128 MiB; one page always is. Never changes a picture. */
  readonly cacheBytes?: number;
}

const imageNames = ["image", "img", "jpg", "jpeg", "png", "webp", "picture"];
const labelNames = ["label", "labels", "fine_label", "cls"];
const defaultCacheBytes = 128 << 20;
/** Page tables that are kept; each is some kilobytes. */
const keptTables = 4096;

interface Place {
  readonly file: OpenedFile;
  readonly group: number;
  /** First row of the row group in its file. */
  readonly firstRow: number;
  /** Number of the row group among all. */
  readonly number: number;
  /** Row in the group. */
  readonly row: number;
}

/** The pictures of Parquet files. Made by `parquetDataset`. */
export class ParquetDataset implements ImageDataset {
  readonly classes: readonly string[];
  /** Where row groups begin. */
  readonly groups: Int32Array;
  readonly #opened: readonly OpenedFile[];
  /** File and group of each row group. */
  readonly #places: readonly Pick<Place, "file" | "group" | "firstRow">[];
  readonly #labels: Int32Array;
  readonly #decode: DecodeOptions;
  readonly #files: OpenFiles;
  readonly #tables = new Map<number, Promise<PageTable>>();
  /** By row group and page. */
  readonly #pages: BoundedCache<Page>;

  /** @internal Use `parquetDataset`. */
  constructor(
    files: OpenFiles,
    opened: readonly OpenedFile[],
    labels: Int32Array,
    classes: readonly string[],
    cacheBytes: number,
    decode: DecodeOptions,
  ) {
    this.classes = classes;
    this.#files = files;
    this.#opened = opened;
    this.#labels = labels;
    this.#decode = decode;
    this.#pages = new BoundedCache(cacheBytes, bytesOf);
    this.#places = opened.flatMap((file) => {
      let next = 0;
      return file.footer.groupRows.flatMap((rows, group) => {
        const firstRow = next;
        next += rows;
        return rows === 0 ? [] : [{ file, group, firstRow }];
      });
    });
    let first = 0;
    this.groups = Int32Array.from(this.#places, ({ file, group }) => {
      const start = first;
      first += file.footer.groupRows[group]!;
      return start;
    });
  }

  /** The folder that holds all files. */
  get root(): string {
    return commonFolder(this.#opened.map(({ path }) => dirname(path)));
  }

  get length(): number {
    return this.#labels.length;
  }

  path(index: number): string {
    return this.#pathOf(this.#locate("path", index));
  }

  label(index: number): number {
    checkIndex("label", index, this.length);
    return this.#labels[index]!;
  }

  /** Height and width of picture `index`, from its header. */
  async size(index: number): Promise<PictureSize> {
    const place = this.#locate("size", index);
    return readPictureSize(await this.#read(place), this.#pathOf(place));
  }

  async image(index: number, request: ImageRequest = {}): Promise<NdArray<Uint8Array>> {
    const place = this.#locate("image", index);
    const bytes = await this.#read(place);
    return decodePicture(bytes, { ...this.#decode, ...request, name: this.#pathOf(place) });
  }

  fingerprint(): Promise<string> {
    return fingerprintFiles(
      ["parquet", this.#decode, this.#opened[0]!.image.name],
      this.#opened.map(({ path }) => path),
    );
  }

  identity(): Promise<DatasetIdentity> {
    const files = this.#opened.map(({ path }) => path);
    return identifyFiles(
      { format: ["parquet", this.#opened[0]!.image.name], count: files.length, path: (file) => files[file]! },
      this,
    );
  }

  close(): Promise<void> {
    this.#pages.clear();
    this.#tables.clear();
    return this.#files.close();
  }

  #pathOf({ file, firstRow, row }: Place): string {
    return `${file.path}#${firstRow + row}`;
  }

  #locate(what: string, index: number): Place {
    checkIndex(what, index, this.length);
    const number = searchSorted(this.groups, index);
    return { ...this.#places[number]!, number, row: index - this.groups[number]! };
  }

  /** The bytes of a picture. */
  async #read(place: Place): Promise<Uint8Array> {
    try {
      const table = await this.#table(place);
      const number = searchSorted(table.firstRows, place.row);
      const page = await this.#page(place, table, number);
      const row = place.row - table.firstRows[number]!;
      const value = page.order === null ? row : page.order[row]!;
      if (value < 0) throw new Error("it has no bytes in the file, at most a path");
      const { values } = page;
      if ("numbers" in values) throw new Error("its column holds numbers");
      const start = values.starts[value]!;
      return values.bytes.subarray(start, start + values.lengths[value]!);
    } catch (error) {
      throw new PictureError(this.#pathOf(place), parserReason(error), { cause: error });
    }
  }

  #table({ file, group, number }: Place): Promise<PageTable> {
    let table = this.#tables.get(number);
    if (table === undefined) {
      if (this.#tables.size >= keptTables) this.#tables.clear();
      table = readPageTable(this.#files, file.path, file.image, group);
      table.catch(() => this.#tables.delete(number));
      this.#tables.set(number, table);
    }
    return table;
  }

  #page({ file, group, number }: Place, table: PageTable, pageNumber: number): Promise<Page> {
    const place = { files: this.#files, path: file.path, column: file.image, group, table };
    const dictionary = async () => {
      // Kept like a page: a row group's first pictures may all lie in it.
      const values = await this.#pages.get(`${number} dictionary`, async () => ({
        rows: 0,
        order: null,
        values: await readTableDictionary(place),
      }));
      return values.values;
    };
    return this.#pages.get(`${number} ${pageNumber}`, () => readTablePage(place, pageNumber, dictionary));
  }
}

/** Bytes of a page; a dictionary is counted with every page that points into it, so rather too many. */
function bytesOf({ order, values }: Page): number {
  const own =
    "bytes" in values ? values.bytes.length + 12 * values.lengths.length : 8 * values.numbers.length;
  return own + 4 * (order?.length ?? 0);
}

/**
 * The pictures of Parquet files as the Hugging Face hub has them: a column `image` with `bytes` and `path`, or one of bytes, and maybe one of labels. Of the pictures, only the pages that are
 * wanted are read, and a bounded number of them is kept; only the labels are in memory.
 *
 * @param files Paths of `.parquet` files, in the order of their rows.
 * @throws Error (rejects) If a file is missing or damaged, has no column of pictures, or a label has no class.
 */
export async function parquetDataset(
  files: string | readonly string[],
  options: ParquetDatasetOptions = {},
): Promise<ParquetDataset> {
  const { image, label, classes, cacheBytes = defaultCacheBytes, ...decode } = options;
  const paths = [files].flat().map((path) => resolve(path));
  if (paths.length === 0) throw new Error("parquetDataset: no files were given; expected at least one.");
  const open = new OpenFiles();
  try {
    const opened: OpenedFile[] = [];
    let known: readonly string[] | undefined;
    for (const path of paths) {
      const footer = await readFooter(open, path);
      const features = hubFeatures(footer.huggingface);
      const column = footer.column(imagePath(path, footer, features, image));
      if (column.type !== "BYTE_ARRAY") {
        throw new Error(
          `parquetDataset: the column ${column.name} of ${path} holds ${column.type}; expected bytes of pictures.`,
        );
      }
      const labelName = labelColumn(path, footer, features, label);
      known ??= labelName === null ? undefined : features.classes.get(labelName);
      opened.push({
        path,
        footer,
        image: column,
        label: labelName === null ? null : footer.column([labelName]),
      });
    }
    const length = opened.reduce(
      (sum, { footer }) => footer.groupRows.reduce((rows, more) => rows + more, sum),
      0,
    );
    if (length === 0) throw new Error(`parquetDataset: ${paths[0]} holds no rows; expected at least one.`);
    const { labels, names } = await readParquetLabels(open, opened, length);
    const own = names.length > 0 ? names : known;
    const renamed = names.length > 0 && classes !== undefined ? renumber(labels, names, classes) : labels;
    const anyLabel = renamed.some((each) => each >= 0);
    const named = anyLabel ? classesFor("parquetDataset", paths[0]!, renamed, classes ?? own) : [];
    return new ParquetDataset(open, opened, renamed, named, cacheBytes, decode);
  } catch (error) {
    await open.close();
    throw error;
  }
}

/** Labels by names in the numbering of the given classes. */
function renumber(labels: Int32Array, names: readonly string[], classes: readonly string[]): Int32Array {
  const numbers = names.map((name) => classes.indexOf(name));
  const unknown = names.filter((_, number) => numbers[number]! < 0);
  if (unknown.length > 0) {
    throw new Error(
      `parquetDataset: the labels are called ${unknown.slice(0, 20).join(", ")}, but the classes are ${classes.join(", ")}. Give all classes.`,
    );
  }
  return labels.map((label) => (label < 0 ? label : numbers[label]!));
}

/** The path of the column of pictures. */
function imagePath(
  path: string,
  { schema }: ParquetFooter,
  { images }: HubFeatures,
  wanted: string | undefined,
): string[] {
  const names = wanted !== undefined ? [wanted] : [...images, ...imageNames];
  for (const name of names) {
    const column = schema.children.find(({ element }) => element.name === name);
    if (column === undefined) continue;
    if (column.children.some(({ element }) => element.name === "bytes")) return [name, "bytes"];
    if (column.children.length === 0) return [name];
  }
  const present = schema.children.map(({ element }) => element.name).slice(0, 50);
  throw new Error(
    `parquetDataset: ${path} has the columns ${present.join(", ")}; expected ${wanted ?? "image"} with the bytes of pictures, or as a struct with "bytes". Name the column with image.`,
  );
}

function labelColumn(
  path: string,
  { schema }: ParquetFooter,
  { classes }: HubFeatures,
  wanted: string | null | undefined,
): string | null {
  if (wanted === null) return null;
  const names = wanted !== undefined ? [wanted] : [...classes.keys(), ...labelNames];
  const readable = new Set(["INT32", "INT64", "BYTE_ARRAY"]);
  const column = schema.children.find(
    ({ element, children }) =>
      names.includes(element.name) &&
      children.length === 0 &&
      readable.has(String(element.type)) &&
      element.repetition_type !== "REPEATED",
  );
  if (column === undefined && wanted !== undefined) {
    throw new Error(
      `parquetDataset: ${path} has no column ${wanted} of whole numbers or names. Name another with label, or set label: null.`,
    );
  }
  return column?.element.name ?? null;
}
