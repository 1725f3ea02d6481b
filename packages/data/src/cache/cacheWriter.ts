import { type FileHandle, open, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { checksum } from "@splitmask/kernels";
import {
  type BadLine,
  cacheFiles,
  decodeBad,
  decodeRecords,
  encodeRecord,
  type JournalRecord,
  pictureAlignment,
  readOrEmpty,
  recordBytes,
  segmentFile,
} from "./cacheFiles.js";
import { CacheIndex } from "./cacheIndex.js";

/** A file of pixels is closed when the next picture would make it larger. */
const segmentBytes = 256 << 20;
/** Pictures are written when so much has come together, or so much time has passed. */
const batchBytes = 32 << 20;
const batchMilliseconds = 1000;

/** Pictures that are written together, all to one file. */
interface Batch {
  readonly segment: number;
  readonly offset: number;
  bytes: number;
  readonly parts: Uint8Array[];
  readonly records: JournalRecord[];
  readonly bad: BadLine[];
  readonly begun: number;
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number | null): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(
      bytes,
      done,
      bytes.length - done,
      position === null ? null : position + done,
    );
    done += bytesWritten;
  }
}

/**
 * Appends pictures to a cache that is being built. The journal names a picture only when its pixels are on the disk, so
 * whatever moment the process or the machine dies in, what the journal holds is whole, and the rest is decoded again.
 */
export class CacheWriter {
  /** Where the pictures lie that are there. */
  readonly index: CacheIndex;
  /** The pictures that could not be decoded, with the reason. */
  readonly bad = new Map<number, string>();
  /** Sizes of the files of pixels. */
  readonly segments: number[] = [];
  readonly #folder: string;
  readonly #channels: number;
  readonly #onWritten: (pictures: number) => Promise<void>;
  #journal: FileHandle | null = null;
  #badFile: FileHandle | null = null;
  #pixels: { readonly segment: number; readonly file: FileHandle } | null = null;
  #batch: Batch | null = null;
  #writing: Promise<void> = Promise.resolve();
  #waitingBytes = 0;
  #failure: unknown = null;

  /** @param onWritten Called after each batch that is safe on the disk. */
  constructor(
    folder: string,
    length: number,
    channels: number,
    onWritten: (pictures: number) => Promise<void>,
  ) {
    this.#folder = folder;
    this.#channels = channels;
    this.#onWritten = onWritten;
    this.index = new CacheIndex(length);
  }

  /** Reads what an earlier start has left, and cuts off what was not finished. */
  async open(): Promise<void> {
    const at = (name: string) => join(this.#folder, name);
    const { index, segments, bad } = this;
    const journal = await readOrEmpty(at(cacheFiles.journal));
    let records = 0;
    for (const record of decodeRecords(journal)) {
      records++;
      this.#place(record);
      const end = this.#endOf(record);
      segments[record.segment] = Math.max(segments[record.segment] ?? 0, end);
    }
    for (const { index: picture, reason } of decodeBad((await readOrEmpty(at(cacheFiles.bad))).toString())) {
      if (picture < index.heights.length) bad.set(picture, reason);
    }
    for (const name of await readdir(this.#folder)) {
      const segment = /^pixels-(\d+)\.bin$/.exec(name);
      if (segment !== null && Number(segment[1]) >= segments.length) await rm(at(name));
    }
    this.#journal = await open(at(cacheFiles.journal), "a");
    await this.#journal.truncate(records * recordBytes);
    this.#badFile = await open(at(cacheFiles.bad), "a");
    await this.#badFile.appendFile("\n"); // ends a line that was cut off
    const last = segments.length - 1;
    if (last >= 0) await (await this.#segment(last)).truncate(segments[last]!);
  }

  /** Whether a picture is there, or known to be bad. */
  has(picture: number): boolean {
    return this.index.heights[picture]! > 0 || this.bad.has(picture);
  }

  /** Adds a picture's pixels; waits while too much is not yet written. */
  async add(picture: number, pixels: Uint8Array, height: number, width: number): Promise<void> {
    const room = Math.ceil(pixels.length / pictureAlignment) * pictureAlignment;
    const batch = this.#batchFor(room);
    const { segment, offset } = batch;
    batch.records.push({
      index: picture,
      segment,
      offset: offset + batch.bytes,
      height,
      width,
      checksum: checksum(pixels),
    });
    batch.parts.push(pixels, new Uint8Array(room - pixels.length));
    batch.bytes += room;
    this.segments[segment] = offset + batch.bytes;
    await this.#added(batch, room);
  }

  /** Notes that a picture cannot be decoded. */
  async addBad(picture: number, reason: string): Promise<void> {
    const batch = this.#batchFor(0);
    batch.bad.push({ index: picture, reason });
    await this.#added(batch, 0);
  }

  /** Writes what is left. @throws (rejects) The first error of writing. */
  async flush(): Promise<void> {
    this.#seal();
    await this.#writing;
    if (this.#failure !== null) throw this.#failure;
  }

  /** Closes the files. */
  async close(): Promise<void> {
    await this.#writing;
    await Promise.all([this.#journal?.close(), this.#badFile?.close(), this.#pixels?.file.close()]);
  }

  #endOf({ offset, height, width }: JournalRecord): number {
    return offset + Math.ceil((height * width * this.#channels) / pictureAlignment) * pictureAlignment;
  }

  #place({ index: picture, segment, offset, height, width, checksum: sum }: JournalRecord): void {
    const { index } = this;
    index.checksums[picture] = sum;
    index.segments[picture] = segment;
    index.offsets[picture] = offset;
    index.heights[picture] = height;
    index.widths[picture] = width;
  }

  #batchFor(room: number): Batch {
    const current = Math.max(0, this.segments.length - 1);
    const used = this.segments[current] ?? 0;
    const full = used > 0 && used + room > segmentBytes;
    if (full) this.#seal();
    this.#batch ??= {
      segment: full ? current + 1 : current,
      offset: full ? 0 : used,
      bytes: 0,
      parts: [],
      records: [],
      bad: [],
      begun: performance.now(),
    };
    return this.#batch;
  }

  async #added(batch: Batch, room: number): Promise<void> {
    this.#waitingBytes += room;
    if (batch.bytes >= batchBytes || performance.now() - batch.begun >= batchMilliseconds) this.#seal();
    if (this.#waitingBytes > 2 * batchBytes) await this.#writing;
    if (this.#failure !== null) throw this.#failure;
  }

  /** Ends the batch at hand and has it written after those before it. */
  #seal(): void {
    const batch = this.#batch;
    if (batch === null) return;
    this.#batch = null;
    this.#writing = this.#writing.then(async () => {
      if (this.#failure !== null) return;
      try {
        await this.#write(batch);
        this.#waitingBytes -= batch.bytes;
        await this.#onWritten(batch.records.length + batch.bad.length);
      } catch (error) {
        this.#failure = error;
      }
    });
  }

  async #write({ segment, offset, parts, records, bad }: Batch): Promise<void> {
    if (bad.length > 0) {
      await this.#badFile!.appendFile(bad.map((line) => `${JSON.stringify(line)}\n`).join(""));
      for (const { index: picture, reason } of bad) this.bad.set(picture, reason);
    }
    if (records.length === 0) return;
    const file = await this.#segment(segment);
    await writeAll(file, Buffer.concat(parts), offset);
    await file.datasync();
    await writeAll(this.#journal!, Buffer.concat(records.map(encodeRecord)), null);
    for (const record of records) this.#place(record);
  }

  async #segment(segment: number): Promise<FileHandle> {
    if (this.#pixels?.segment !== segment) {
      await this.#pixels?.file.close();
      this.#pixels = null;
      const path = join(this.#folder, segmentFile(segment));
      // "r+" of a file that is there, else a new one: "a" would ignore positions.
      const file = await open(path, "r+").catch(() => open(path, "wx+"));
      this.#pixels = { segment, file };
    }
    return this.#pixels.file;
  }
}
