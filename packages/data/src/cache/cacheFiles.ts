import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFileDurably } from "@splitmask/files";
import { checksum } from "@splitmask/kernels";
import type { CacheSettings } from "./cacheFolder.js";

/**
 * The files of a cache's folder; numbers are little-endian.
 *
 * - `settings.json`: what the cache is of.
 * - `pixels-000000.bin` …: the pictures, H×W×C bytes each, 64-byte aligned, one after the other in the order in which
 * they were decoded. Only ever appended to.
 * - `journal.bin`, while it is built: a record of 32 bytes for each picture whose pixels are on the disk.
 * - `bad.jsonl`: a line for each picture that could not be decoded.
 * - `index.bin`, when it is built: where each picture lies, in columns.
 * - `complete.json`, written last: sizes and checksums of the other files.
 * - `build.lock`, while a process builds it.
 */
export const cacheFiles = {
  settings: "settings.json",
  journal: "journal.bin",
  bad: "bad.jsonl",
  index: "index.bin",
  complete: "complete.json",
  lock: "build.lock",
} as const;

/** The name of a file of pixels. */
export function segmentFile(number: number): string {
  return `pixels-${String(number).padStart(6, "0")}.bin`;
}

/** Where in the files of pixels pictures begin. */
export const pictureAlignment = 64;

/** What `complete.json` holds. */
export interface CompleteCache {
  /** What the cache is of. */
  readonly settings: CacheSettings;
  /** The first picture's path, for people. */
  readonly source: string;
  /** Sizes of the files of pixels, in bytes. */
  readonly segments: readonly number[];
  /** Checksums of the other files. */
  readonly checksums: { readonly index: string; readonly bad: string };
}

/** One picture of the journal. */
export interface JournalRecord {
  readonly index: number;
  readonly segment: number;
  readonly offset: number;
  readonly height: number;
  readonly width: number;
  readonly checksum: bigint;
}

/** Size of a record of the journal. */
export const recordBytes = 32;

function recordCheck(bytes: Buffer): number {
  return Number(checksum(bytes.subarray(0, recordBytes - 4)) & 0xffffffffn);
}

/** A record as the journal holds it, with a checksum of its own. */
export function encodeRecord({
  index,
  segment,
  offset,
  height,
  width,
  checksum: sum,
}: JournalRecord): Buffer {
  const bytes = Buffer.alloc(recordBytes);
  bytes.writeBigUInt64LE(sum, 0);
  let at = 8;
  for (const value of [index, segment, offset, height, width]) at = bytes.writeUInt32LE(value, at);
  bytes.writeUInt32LE(recordCheck(bytes), recordBytes - 4);
  return bytes;
}

/** The records of a journal as far as they are whole: the last ones may have been cut off. */
export function* decodeRecords(journal: Buffer): Generator<JournalRecord> {
  for (let at = 0; at + recordBytes <= journal.length; at += recordBytes) {
    const bytes = journal.subarray(at, at + recordBytes);
    if (bytes.readUInt32LE(recordBytes - 4) !== recordCheck(bytes)) return;
    const [index, segment, offset, height, width] = [8, 12, 16, 20, 24].map((place) =>
      bytes.readUInt32LE(place),
    );
    yield {
      index: index!,
      segment: segment!,
      offset: offset!,
      height: height!,
      width: width!,
      checksum: bytes.readBigUInt64LE(0),
    };
  }
}

/** A line of `bad.jsonl`. */
export interface BadLine {
  readonly index: number;
  readonly reason: string;
}

/** The lines of a `bad.jsonl`; one that was cut off by a crash is left out. */
export function decodeBad(text: string): BadLine[] {
  return text.split("\n").flatMap((line) => {
    try {
      return line === "" ? [] : [JSON.parse(line) as BadLine];
    } catch {
      return [];
    }
  });
}

/** A file's bytes; none where there is no such file. */
export async function readOrEmpty(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return Buffer.alloc(0);
    throw error;
  }
}

/** The JSON of a file; null where there is no such file or it holds none. */
export async function readJson<Content>(path: string): Promise<Content | null> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Content;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

/**
 * What `complete.json` of a folder says; null where the cache is not complete, `"damaged"` where the file holds
 * something else.
 */
export async function readComplete(folder: string): Promise<CompleteCache | "damaged" | null> {
  const complete = await readJson<Partial<CompleteCache>>(join(folder, cacheFiles.complete));
  if (complete === null) return null;
  const { checksums, segments, settings } = complete;
  const isWhole =
    typeof settings === "object" &&
    Array.isArray(segments) &&
    segments.every((size) => Number.isSafeInteger(size) && size > 0) &&
    typeof checksums?.index === "string" &&
    typeof checksums.bad === "string";
  return isWhole ? (complete as CompleteCache) : "damaged";
}

/** Writes a value as JSON, whole or not at all. */
export function writeJson(folder: string, name: string, content: unknown): Promise<void> {
  return writeFileDurably(join(folder, name), `${JSON.stringify(content, null, 2)}\n`);
}
