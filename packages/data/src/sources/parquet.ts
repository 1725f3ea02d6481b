import { dirname, resolve } from "node:path";
import type { NdArray } from "ndarray";
import {
  type DecodeOptions,
  decodePicture,
  readPictureSize,
  readStoredValues,
} from "../decoding/decodePicture.js";
import { PictureError } from "../decoding/pictureError.js";
import type { PictureSize } from "../decoding/pictureSize.js";
import type { StoredValues } from "../decoding/storedValues.js";
import {
  checkIndex,
  type DatasetIdentity,
  type DatasetNote,
  type ImageDataset,
  type ImageRequest,
} from "../imageDataset.js";
import { BoundedCache } from "./boundedCache.js";
import { commonFolder } from "./commonFolder.js";
import { identifyFiles } from "./datasetIdentity.js";
import { fingerprintFiles } from "./fileFacts.js";
import { type AlignedLabels, type LabelledPart, mergeLabels } from "./labels.js";
import { OpenFiles } from "./openFiles.js";
import { hubFeatures, imageColumn, labelColumn } from "./parquetColumns.js";
import {
  type PageTable,
  readFooter,
  readPageTable,
  readTableDictionary,
  readTablePage,
} from "./parquetFile.js";
import { type OpenedFile, readParquetLabels, UnusableLabelsError } from "./parquetLabels.js";
import type { Page } from "./parquetPages.js";
import { parserReason } from "./parserReason.js";
import { searchSorted, startsOf } from "./searchSorted.js";

/** Options of `parquetDataset`. */
export interface ParquetDatasetOptions extends DecodeOptions {
  /**
   * The column of pictures: a struct with `bytes`, or bytes. Default: of those that the hub's notes call an image the
   * one called `image`, `img`, `jpg`, `jpeg`, `png`, `webp` or `picture`, else their first; without notes, the column
   * of such a name.
   */
  readonly image?: string;
  /**
   * The column of labels: whole numbers (also as floats), booleans or names; null: there are none. Default: a class
   * label in the hub's notes that is called `label`, `labels`, `fine_label`, `cls`, `class`, `class_name`, `target` or
   * `category`; else any column of such a name; else the notes' first class label.
   */
  readonly label?: string | null;
  /**
   * The classes that are wanted, by label; labels are matched by name, and where there are numbers only by number.
   * Default: those of the hub's notes of all files; else the names in the column, sorted; else `"0"`, `"1"`, ….
   */
  readonly classes?: readonly string[];
  /** Bytes of unpacked pages that are kept. Default 128 MiB; one page always is. Never changes a picture. */
  readonly cacheBytes?: number;
}

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
  readonly channels?: number;
  /** Where row groups begin. */
  readonly groups: Int32Array;
  readonly notes: readonly DatasetNote[];
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
    { labels, classes, notes }: AlignedLabels,
    cacheBytes: number,
    decode: DecodeOptions,
  ) {
    this.classes = classes;
    this.notes = notes;
    this.#files = files;
    this.#opened = opened;
    this.#labels = labels;
    this.#decode = decode;
    if (decode.channels !== undefined) this.channels = decode.channels;
    this.#pages = new BoundedCache(cacheBytes, bytesOf);
    this.#places = opened.flatMap((file) => {
      const { groupRows } = file.footer;
      const firstRows = startsOf(groupRows);
      return groupRows.flatMap((rows, group) =>
        rows === 0 ? [] : [{ file, group, firstRow: firstRows[group]! }],
      );
    });
    this.groups = startsOf(this.#places.map(({ file, group }) => file.footer.groupRows[group]!));
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

  /** The values that picture `index` stores, if it has more than 8 bits. */
  async values(index: number): Promise<StoredValues | null> {
    const place = this.#locate("values", index);
    return readStoredValues(await this.#read(place), { ...this.#decode, name: this.#pathOf(place) });
  }

  async image(index: number, request: ImageRequest = {}): Promise<NdArray<Uint8Array>> {
    const place = this.#locate("image", index);
    const bytes = await this.#read(place);
    return decodePicture(bytes, { ...this.#decode, ...request, name: this.#pathOf(place) });
  }

  async stored(index: number): Promise<Uint8Array> {
    return this.#read(this.#locate("stored", index));
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
 * The pictures of Parquet files as the Hugging Face hub has them: a column `image` with `bytes` and `path`, or one of
 * bytes, and maybe one of labels. Of the pictures, only the pages that are
 * wanted are read, and a bounded number of them is kept; only the labels are in memory.
 *
 * @param files Paths of `.parquet` files, in the order of their rows.
 * @throws Error (rejects) If a file is missing or damaged, has no column of pictures, or a label is none of the
 * classes.
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
    const notes: DatasetNote[] = [];
    for (const path of paths) {
      const footer = await readFooter(open, path);
      const features = hubFeatures(footer.huggingface);
      const picture = imageColumn(path, footer, features, image);
      const column = footer.column(picture.path);
      if (column.type !== "BYTE_ARRAY") {
        throw new Error(
          `parquetDataset: the column ${column.name} of ${path} holds ${column.type}; expected bytes of pictures.`,
        );
      }
      const found = labelColumn(path, footer, features, label);
      if (opened.length === 0) notes.push(...picture.notes, ...found.notes);
      opened.push({
        path,
        footer,
        image: column,
        label: found.name === null ? null : footer.column([found.name]),
        classes: found.name === null ? null : (features.classes.get(found.name) ?? null),
      });
    }
    if (opened.every(({ footer }) => footer.groupRows.every((rows) => rows === 0))) {
      throw new Error(`parquetDataset: ${paths[0]} holds no rows; expected at least one.`);
    }
    const parts = await readLabels(open, opened, label !== undefined, notes);
    const aligned = mergeLabels("parquetDataset", parts, classes);
    return new ParquetDataset(
      open,
      opened,
      { ...aligned, notes: [...notes, ...aligned.notes] },
      cacheBytes,
      decode,
    );
  } catch (error) {
    await open.close();
    throw error;
  }
}

/** The labels of all files; none, and a note, where a column that nobody asked for holds something else. */
async function readLabels(
  files: OpenFiles,
  opened: readonly OpenedFile[],
  asked: boolean,
  notes: DatasetNote[],
): Promise<LabelledPart[]> {
  const parts: LabelledPart[] = [];
  try {
    for (const file of opened) parts.push(await readParquetLabels(files, file));
    return parts;
  } catch (error) {
    if (asked || !(error instanceof UnusableLabelsError)) throw error;
    notes.push({ level: "warning", text: `${error.message} The pictures are taken without labels.` });
    return await readLabels(
      files,
      opened.map((file) => ({ ...file, label: null })),
      true,
      notes,
    );
  }
}
