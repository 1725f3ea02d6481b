import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { type CompressionCodec, type PageHeader, snappyUncompress } from "hyparquet";
import { parquetHeader } from "hyparquet/src/column.js";
import { deltaBinaryUnpack, deltaLengthByteArray } from "hyparquet/src/delta.js";
import { readPlain } from "hyparquet/src/plain.js";
import { readVarInt } from "hyparquet/src/thrift.js";
import { decompressLz4, decompressLz4Raw, decompressZstd } from "hyparquet-compressors";
import { readRuns } from "./parquetRuns.js";
import { shown } from "./parserReason.js";
import { checkSnappy } from "./snappyLengths.js";

/** Ways of storing values that are read: bytes of pictures or names, and every kind of number. */
export type StoredType = "BYTE_ARRAY" | keyof typeof bitsOf;

const bitsOf = { BOOLEAN: 1, INT32: 32, INT64: 64, FLOAT: 32, DOUBLE: 64 } as const;

/** Whether values that are stored so are read. */
export function isStoredType(type: string | undefined): type is StoredType {
  return type === "BYTE_ARRAY" || (type !== undefined && type in bitsOf);
}

/** What a page cannot say of itself. */
export interface ColumnFacts {
  /** How its values are stored. */
  readonly type: StoredType;
  readonly codec: CompressionCodec;
  /** Definition level of a value that is there; 0: all are. */
  readonly definitionLevels: number;
}

/** The values of a page or of a dictionary: byte strings or numbers (0 and 1 for booleans), one behind the other. */
export type Values =
  | { readonly bytes: Uint8Array; readonly starts: Float64Array; readonly lengths: Int32Array }
  | { readonly numbers: Float64Array };

/** The rows of a page. */
export interface Page {
  readonly rows: number;
  /** The value of each row, −1 for null; null: row by row, none is null. */
  readonly order: Int32Array | null;
  readonly values: Values;
}

/** Where a page begins and ends. */
export interface PagePlace {
  readonly header: PageHeader;
  /** Bytes of the header. */
  readonly headerBytes: number;
}

/**
 * By how much a format can pack at most; 64 KiB are always allowed. For the last two there is no bound by the format,
 * so this is one of ours.
 */
const mostExpansion: Partial<Record<CompressionCodec, number>> = {
  UNCOMPRESSED: 1,
  SNAPPY: 24,
  LZ4: 256,
  LZ4_RAW: 256,
  GZIP: 1032,
  BROTLI: 4096,
  ZSTD: 4096,
};
const mostPageBytes = 2 ** 30;

/** A number of so many bytes is none; hyparquet would make one of all of them. */
const longestNumber = 4096;

/** @throws Error If bytes that hold numbers of any length hold one without an end. */
export function checkNumbers(bytes: Uint8Array): void {
  let run = 0;
  for (const byte of bytes) {
    run = byte >= 0x80 ? run + 1 : 0;
    if (run > longestNumber) throw new Error(`${longestNumber} bytes of it are one number`);
  }
}

/**
 * The header of a page at the start of `bytes`; null if it goes on behind them.
 *
 * @throws Error If it is damaged.
 */
export function readPageHeader(bytes: Uint8Array): PagePlace | null {
  const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), offset: 0 };
  checkNumbers(bytes);
  let header: PageHeader;
  try {
    header = parquetHeader(reader);
  } catch (error) {
    // What is cut off shows as a read beyond the view, or as a structure without an end.
    if (error instanceof RangeError || /ended without STOP|exceeds remaining/.test(String(error)))
      return null;
    throw error;
  }
  return { header, headerBytes: reader.offset };
}

/** How many rows a page of data has; null: it is no page of data. */
export function rowsOf(header: PageHeader): number | null {
  if (header.type === "DATA_PAGE") return header.data_page_header?.num_values ?? -1;
  if (header.type === "DATA_PAGE_V2") return header.data_page_header_v2?.num_values ?? -1;
  return null;
}

/** Whether the values of a page are numbers of values of the chunk's dictionary. */
export function needsDictionary(header: PageHeader): boolean {
  const encoding = header.data_page_header?.encoding ?? header.data_page_header_v2?.encoding;
  return encoding === "PLAIN_DICTIONARY" || encoding === "RLE_DICTIONARY";
}

/** Unpacks, after a look at whether so much can be in there at all. */
function decompress(packed: Uint8Array, length: number, codec: CompressionCodec): Uint8Array {
  const expansion = mostExpansion[codec];
  if (expansion === undefined)
    throw new Error(`pages are packed with ${codec ?? "an unknown codec"}, which is not read`);
  const most = codec === "UNCOMPRESSED" ? packed.length : packed.length * expansion + (64 << 10);
  if (!(length >= 0 && length <= Math.min(most, mostPageBytes))) {
    throw new Error(`a page of ${packed.length} bytes claims to unpack to ${shown(length)}`);
  }
  const unpacked = unpack(packed, length, codec);
  if (unpacked.length !== length) {
    throw new Error(`a page unpacks to ${unpacked.length} bytes instead of ${length}`);
  }
  return unpacked;
}

function unpack(packed: Uint8Array, length: number, codec: CompressionCodec): Uint8Array {
  if (length === 0 || codec === "UNCOMPRESSED") return packed.subarray(0, length);
  if (codec === "GZIP") return gunzipSync(packed, { maxOutputLength: length });
  if (codec === "BROTLI") return brotliDecompressSync(packed, { maxOutputLength: length });
  if (codec === "ZSTD") return decompressZstd(packed, new Uint8Array(length));
  if (codec === "LZ4") return decompressLz4(packed, length);
  if (codec === "LZ4_RAW") return decompressLz4Raw(packed, length);
  checkSnappy(packed, length);
  const output = new Uint8Array(length);
  snappyUncompress(packed, output);
  return output;
}

/**
 * The values of a page's or a dictionary's bytes.
 *
 * @throws Error If they are fewer, or reach beyond the page.
 */
function readValues(bytes: Uint8Array, encoding: string, count: number, type: ColumnFacts["type"]): Values {
  const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), offset: 0 };
  const isPlain = encoding === "PLAIN";
  if (isPlain && type === "BYTE_ARRAY") return readByteStrings(bytes, count);
  if (isPlain && type !== "BYTE_ARRAY" && count * bitsOf[type] > 8 * bytes.length) throw tooFew(count, bytes);
  // Runs of a column of booleans begin with their length.
  if (type === "BOOLEAN" && encoding === "RLE") {
    return {
      numbers: count === 0 ? new Float64Array(0) : Float64Array.from(readRuns(bytes.subarray(4), 1, count)),
    };
  }
  if (encoding.startsWith("DELTA_")) checkDelta(bytes);
  if (encoding === "DELTA_LENGTH_BYTE_ARRAY" && type === "BYTE_ARRAY") {
    if (count > 32 * bytes.length) throw tooFew(count, bytes);
    const parts: Uint8Array[] = [];
    deltaLengthByteArray(reader, count, parts);
    return {
      bytes,
      starts: Float64Array.from(parts, (part) => part.byteOffset - bytes.byteOffset),
      lengths: Int32Array.from(parts, (part) => part.length),
    };
  }
  const isWhole = type === "INT32" || type === "INT64";
  if (type !== "BYTE_ARRAY" && (isPlain || (isWhole && encoding === "DELTA_BINARY_PACKED"))) {
    if (isPlain) return { numbers: Float64Array.from(readPlain(reader, type, count, undefined), Number) };
    if (count > 1024 * bytes.length) throw tooFew(count, bytes);
    const numbers = type === "INT32" ? new Int32Array(count) : new BigInt64Array(count);
    if (count > 0) deltaBinaryUnpack(reader, count, numbers);
    return { numbers: Float64Array.from(numbers as ArrayLike<number | bigint>, Number) };
  }
  throw new Error(
    `values of type ${type} in the encoding ${encoding === "undefined" ? "(none)" : encoding} are not read`,
  );
}

function tooFew(count: number, bytes: Uint8Array): Error {
  return new Error(`a page of ${bytes.length} bytes claims to hold ${count} values`);
}

/** A block of deltas says how it is cut; these numbers become lengths. */
function checkDelta(bytes: Uint8Array): void {
  const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), offset: 0 };
  const block = readVarInt(reader);
  const miniblocks = readVarInt(reader);
  if (!(block > 0 && block <= 65_536 && miniblocks > 0 && miniblocks <= 512 && block % miniblocks === 0)) {
    throw new Error(`a page of deltas is cut into ${miniblocks} parts of ${block} values`);
  }
}

function readByteStrings(bytes: Uint8Array, count: number): Values {
  if (4 * count > bytes.length) throw tooFew(count, bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const starts = new Float64Array(count);
  const lengths = new Int32Array(count);
  let position = 0;
  for (let value = 0; value < count; value++) {
    const length = position + 4 <= bytes.length ? view.getUint32(position, true) : bytes.length;
    position += 4;
    if (position + length > bytes.length) {
      throw new Error(`value ${value} of a page reaches beyond its ${bytes.length} bytes`);
    }
    starts[value] = position;
    lengths[value] = length;
    position += length;
  }
  return { bytes, starts, lengths };
}

/** The dictionary that the pages behind it point into. */
export function readDictionary(header: PageHeader, packed: Uint8Array, facts: ColumnFacts): Values {
  const count = header.dictionary_page_header?.num_values ?? -1;
  const bytes = decompress(packed, header.uncompressed_page_size, facts.codec);
  if (!(count >= 0)) throw new Error(`a dictionary of ${count} values`);
  return readValues(bytes, "PLAIN", count, facts.type);
}

/**
 * Decodes a page of data. Every length in it is held against what is there.
 *
 * @param packed The bytes of the page behind its header.
 * @throws Error If it is damaged, or in an encoding that is not read.
 */
export function readPage(
  header: PageHeader,
  packed: Uint8Array,
  facts: ColumnFacts,
  dictionary: Values | null,
): Page {
  const rows = rowsOf(header) ?? -1;
  if (!(rows >= 0)) throw new Error(`a page of ${rows} rows`);
  const { bytes, levels, encoding } =
    header.type === "DATA_PAGE" ? splitPage(header, packed, facts) : splitPageV2(header, packed, facts);
  const defined = levels === null ? null : readRuns(levels, bitWidth(facts.definitionLevels), rows);
  const present = defined === null ? rows : countOf(defined, facts.definitionLevels);
  if (!needsDictionary(header)) {
    const values = readValues(bytes, encoding, present, facts.type);
    return { rows, values, order: orderOf(defined, facts.definitionLevels, present, null) };
  }
  if (dictionary === null) throw new Error("a page points into a dictionary that is missing");
  const size = "numbers" in dictionary ? dictionary.numbers.length : dictionary.lengths.length;
  const width = bytes[0] ?? 0;
  const indices = present === 0 ? new Int32Array(0) : readRuns(bytes.subarray(1), width, present);
  for (const index of indices) {
    if (index >= size || index < 0) throw new Error(`value ${index} of a dictionary of ${size}`);
  }
  return { rows, values: dictionary, order: orderOf(defined, facts.definitionLevels, present, indices) };
}

interface SplitPage {
  readonly bytes: Uint8Array;
  /** Runs of definition levels; null: every value is there. */
  readonly levels: Uint8Array | null;
  readonly encoding: string;
}

/** A page of the first kind is packed as a whole; the levels begin with their length. */
function splitPage(header: PageHeader, packed: Uint8Array, facts: ColumnFacts): SplitPage {
  const page = decompress(packed, header.uncompressed_page_size, facts.codec);
  const encoding = String(header.data_page_header?.encoding);
  if (facts.definitionLevels === 0) return { bytes: page, levels: null, encoding };
  if (page.length < 4) throw new Error("a page ends before its levels");
  const length = new DataView(page.buffer, page.byteOffset).getUint32(0, true);
  if (4 + length > page.length) throw new Error(`levels of ${length} bytes in a page of ${page.length}`);
  return { bytes: page.subarray(4 + length), levels: page.subarray(4, 4 + length), encoding };
}

/** A page of the second kind has its levels before what is packed. */
function splitPageV2(header: PageHeader, packed: Uint8Array, facts: ColumnFacts): SplitPage {
  const facts2 = header.data_page_header_v2!;
  const repetition = facts2.repetition_levels_byte_length;
  const definition = facts2.definition_levels_byte_length;
  if (repetition !== 0 || !(definition >= 0 && definition <= packed.length)) {
    throw new Error(
      `levels of ${shown(repetition)} and ${shown(definition)} bytes in a page of ${packed.length}`,
    );
  }
  const rest = packed.subarray(definition);
  const length = header.uncompressed_page_size - definition;
  const bytes = facts2.is_compressed === false ? rest : decompress(rest, length, facts.codec);
  const levels = facts.definitionLevels === 0 ? null : packed.subarray(0, definition);
  return { bytes, levels, encoding: String(facts2.encoding) };
}

const bitWidth = (most: number) => 32 - Math.clz32(most);

function countOf(levels: Int32Array, wanted: number): number {
  let count = 0;
  for (const level of levels) if (level === wanted) count++;
  return count;
}

/** Which value each row has. */
function orderOf(
  levels: Int32Array | null,
  wanted: number,
  present: number,
  indices: Int32Array | null,
): Int32Array | null {
  if (levels === null || present === levels.length) return indices;
  let next = 0;
  return levels.map((level) => {
    if (level !== wanted) return -1;
    const value = next++;
    return indices === null ? value : indices[value]!;
  });
}
