import {
  type CompressionCodec,
  type FileMetaData,
  parquetMetadataAsync,
  parquetSchema,
  type SchemaTree,
} from "hyparquet";
import { statFile } from "./fileFacts.js";
import type { OpenFiles } from "./openFiles.js";
import {
  type ColumnFacts,
  checkNumbers,
  isStoredType,
  needsDictionary,
  type Page,
  type PagePlace,
  readDictionary,
  readPage,
  readPageHeader,
  rowsOf,
  type Values,
} from "./parquetPages.js";
import { parserReason, shown } from "./parserReason.js";

/** The part of a column that a row group holds. */
export interface ColumnChunk {
  readonly codec: CompressionCodec;
  /** First byte in the file. */
  readonly start: number;
  /** Behind the last byte. */
  readonly end: number;
  readonly rows: number;
}

/** A column of plain values, maybe inside structs. */
export interface ParquetColumn {
  /** Its path, e.g. `image.bytes`. */
  readonly name: string;
  readonly type: ColumnFacts["type"];
  readonly definitionLevels: number;
  /** By row group. */
  readonly chunks: readonly ColumnChunk[];
}

/** What a Parquet file's footer says. */
export interface ParquetFooter {
  /** The tree of its columns. */
  readonly schema: SchemaTree;
  /** The JSON that Hugging Face's `datasets` leaves; null without. */
  readonly huggingface: string | null;
  /** Rows by row group. */
  readonly groupRows: readonly number[];
  /** Reads the places of a column. */
  column(path: readonly string[]): ParquetColumn;
}

/** A file as hyparquet reads it: what it asks for must be in the file. */
function asyncBuffer(files: OpenFiles, path: string, size: number) {
  return {
    byteLength: size,
    async slice(start: number, end = size): Promise<ArrayBuffer> {
      if (!(start >= 0 && end >= start && end <= size)) {
        throw new Error(`it points to bytes ${start} to ${end} of ${size}`);
      }
      const bytes = await files.read(path, start, end - start);
      checkNumbers(bytes);
      return bytes.buffer as ArrayBuffer;
    },
  };
}

/**
 * Reads a file's footer.
 *
 * @throws Error (rejects) If it is missing or damaged.
 */
export async function readFooter(files: OpenFiles, path: string): Promise<ParquetFooter> {
  const { size } = statFile("parquetDataset", path);
  const damaged = (reason: string, cause?: unknown) =>
    new Error(
      `parquetDataset: ${path} cannot be read: ${reason}. It is damaged, cut short or no Parquet file: get it anew.`,
      { cause },
    );
  if (size < 12) throw damaged(`it has ${size} bytes, and a Parquet file at least 12`);
  try {
    // Statistics and geometry of the columns are of no use here.
    const metadata = await parquetMetadataAsync(asyncBuffer(files, path, size), { geoparquet: false });
    const groupRows = metadata.row_groups.map(({ num_rows }) => Number(num_rows));
    const total = groupRows.reduce((sum, rows) => sum + rows, 0);
    if (groupRows.some((rows) => !(rows >= 0)) || total > size || total !== Number(metadata.num_rows)) {
      throw new Error(
        `its ${size} bytes are said to hold ${shown(metadata.num_rows)} rows, in row groups of ${shown(total)} rows`,
      );
    }
    const schema = parquetSchema(metadata);
    const huggingface = metadata.key_value_metadata?.find(({ key }) => key === "huggingface")?.value ?? null;
    return {
      schema,
      huggingface,
      groupRows,
      column: (columnPath) => {
        try {
          return columnOf(metadata, schema, columnPath, groupRows, size);
        } catch (error) {
          throw damaged(parserReason(error), error);
        }
      },
    };
  } catch (error) {
    throw damaged(parserReason(error), error);
  }
}

function columnOf(
  metadata: FileMetaData,
  schema: SchemaTree,
  path: readonly string[],
  groupRows: readonly number[],
  size: number,
): ParquetColumn {
  const name = path.join(".");
  let node = schema;
  let definitionLevels = 0;
  for (const part of path) {
    const child = node.children.find(({ element }) => element.name === part);
    if (child === undefined) throw new Error(`there is no column ${name}`);
    if (child.element.repetition_type === "REPEATED") throw new Error(`the column ${name} is a list`);
    if (child.element.repetition_type !== "REQUIRED") definitionLevels++;
    node = child;
  }
  const { type } = node.element;
  if (!isStoredType(type)) {
    throw new Error(`the column ${name} holds ${type ?? "a group"}`);
  }
  const chunks = metadata.row_groups.map(({ columns }, group): ColumnChunk => {
    const facts = columns.find(({ meta_data }) => meta_data?.path_in_schema.join(".") === name)?.meta_data;
    if (facts === undefined) throw new Error(`row group ${group} has no column ${name}`);
    const first = Number(facts.dictionary_page_offset ?? 0n) || Number(facts.data_page_offset);
    const start = Math.min(first, Number(facts.data_page_offset));
    const end = start + Number(facts.total_compressed_size);
    if (!(start >= 0 && end >= start && end <= size)) {
      throw new Error(
        `the column ${name} of row group ${group} is said to lie at bytes ${shown(start)} to ${shown(end)} of ${size}`,
      );
    }
    return { codec: facts.codec, start, end, rows: groupRows[group]! };
  });
  return { name, type, definitionLevels, chunks };
}

/** Where the pages of a chunk are. */
export interface PageTable {
  /** First byte of the dictionary's page; −1: there is none. */
  readonly dictionary: number;
  /** First byte of each page of data. */
  readonly positions: Float64Array;
  /** First row of each page in the row group. */
  readonly firstRows: Int32Array;
}

const headerGuess = 256;
/** Statistics in a header may be long. */
const longestHeader = 1 << 20;

async function pageAt(
  files: OpenFiles,
  path: string,
  position: number,
  { end }: ColumnChunk,
): Promise<PagePlace> {
  for (let length = headerGuess; ; length *= 8) {
    const wanted = Math.min(length, end - position);
    const place = readPageHeader(await files.read(path, position, wanted));
    if (place === null) {
      if (wanted === end - position || length > longestHeader) {
        throw new Error(`the page at byte ${position} has a damaged header`);
      }
      continue;
    }
    const bytes = place.header.compressed_page_size;
    if (!(bytes >= 0 && position + place.headerBytes + bytes <= end)) {
      throw new Error(
        `the page at byte ${position} claims to have ${shown(bytes)} bytes, and its column ends at ${end}`,
      );
    }
    return place;
  }
}

const factsOf = (column: ParquetColumn, { codec }: ColumnChunk): ColumnFacts => ({
  type: column.type,
  codec,
  definitionLevels: column.definitionLevels,
});

/** Goes through the headers of a chunk's pages; the pages are not read. */
export async function readPageTable(
  files: OpenFiles,
  path: string,
  column: ParquetColumn,
  group: number,
): Promise<PageTable> {
  const chunk = column.chunks[group]!;
  const positions: number[] = [];
  const firstRows: number[] = [];
  let dictionary = -1;
  let rows = 0;
  for (let position = chunk.start; position < chunk.end && rows < chunk.rows; ) {
    const { header, headerBytes } = await pageAt(files, path, position, chunk);
    const content = position + headerBytes;
    const pageRows = rowsOf(header);
    if (pageRows !== null) {
      if (!(pageRows >= 0 && rows + pageRows <= chunk.rows)) {
        throw new Error(`row group ${group} has ${chunk.rows} rows, and its pages of ${column.name} more`);
      }
      if (pageRows > 0) {
        positions.push(position);
        firstRows.push(rows);
      }
      rows += pageRows;
    } else if (header.type === "DICTIONARY_PAGE") {
      dictionary = position;
    }
    position = content + header.compressed_page_size;
  }
  if (rows !== chunk.rows) {
    throw new Error(`row group ${group} has ${chunk.rows} rows, and its pages of ${column.name} ${rows}`);
  }
  return { dictionary, positions: Float64Array.from(positions), firstRows: Int32Array.from(firstRows) };
}

/** Where a page lies, and what is needed to read it. */
export interface TablePlace {
  readonly files: OpenFiles;
  readonly path: string;
  readonly column: ParquetColumn;
  readonly group: number;
  readonly table: PageTable;
}

async function packedPage({ files, path, column, group }: TablePlace, position: number) {
  const { header, headerBytes } = await pageAt(files, path, position, column.chunks[group]!);
  return { header, packed: await files.read(path, position + headerBytes, header.compressed_page_size) };
}

/** Reads and decodes the dictionary of a chunk. */
export async function readTableDictionary(place: TablePlace): Promise<Values> {
  const { column, group, table } = place;
  if (table.dictionary < 0) throw new Error("a page points into a dictionary that is missing");
  const { header, packed } = await packedPage(place, table.dictionary);
  return readDictionary(header, packed, factsOf(column, column.chunks[group]!));
}

/**
 * Reads and decodes page `number` of a chunk.
 *
 * @param dictionary Gives the chunk's dictionary where the page needs it.
 */
export async function readTablePage(
  place: TablePlace,
  number: number,
  dictionary: () => Promise<Values>,
): Promise<Page> {
  const { column, group, table } = place;
  const chunk = column.chunks[group]!;
  const position = table.positions[number]!;
  const { header, packed } = await packedPage(place, position);
  const end = table.firstRows[number + 1] ?? chunk.rows;
  if (rowsOf(header) !== end - table.firstRows[number]!) {
    throw new Error(`the page at byte ${position} has changed since it was opened`);
  }
  return readPage(
    header,
    packed,
    factsOf(column, chunk),
    needsDictionary(header) ? await dictionary() : null,
  );
}
