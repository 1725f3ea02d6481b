import { Header } from "tar";
import { nameFromBytes } from "../fileNames.js";
import type { OpenFiles } from "./openFiles.js";

/** A file in an archive. */
export interface TarMember {
  /** Its path in the archive, as `nameFromBytes` writes it. */
  readonly name: string;
  /** Where its bytes begin in the archive. */
  readonly position: number;
  /** How many there are. */
  readonly size: number;
}

const block = 512;
/** Names longer than this are not names. */
const mostHeaderBytes = 1 << 20;
const firstWindow = 4 << 10;
const largestWindow = 1 << 20;

/** Reads forward through a file: what lies close together in large pieces, and nothing of what is skipped. */
class ForwardReader {
  readonly #files: OpenFiles;
  readonly #path: string;
  readonly #size: number;
  #window: Uint8Array = new Uint8Array(0);
  #start = 0;
  #length = firstWindow;

  constructor(files: OpenFiles, path: string, size: number) {
    this.#files = files;
    this.#path = path;
    this.#size = size;
  }

  /** `length` bytes from `position` on; the caller has checked that the file has them. Valid until the next read. */
  async read(position: number, length: number): Promise<Buffer> {
    const end = this.#start + this.#window.length;
    if (position < this.#start || position + length > end) {
      const isNear = position - end < this.#length;
      this.#length = isNear ? Math.min(largestWindow, 2 * this.#length) : firstWindow;
      const wanted = Math.min(Math.max(length, this.#length), this.#size - position);
      this.#window = await this.#files.read(this.#path, position, wanted);
      this.#start = position;
    }
    const offset = this.#window.byteOffset + position - this.#start;
    return Buffer.from(this.#window.buffer, offset, length);
  }
}

/**
 * The files in an archive (ustar, pax, GNU long names), from their headers alone: what lies between them is not read,
 * unless `content` asks for it.
 *
 * @param size Size of the archive in bytes.
 * @param visit Gets each file, and a function that reads its bytes.
 * @throws Error (rejects) If a header is damaged or says more than the archive holds.
 */
export async function readTarMembers(
  files: OpenFiles,
  path: string,
  size: number,
  visit: (member: TarMember, content: () => Promise<Buffer>) => void | Promise<void>,
): Promise<void> {
  const reader = new ForwardReader(files, path, size);
  const damaged = (position: number, what: string) =>
    new Error(
      `${path} is damaged at byte ${position}: ${what}. Expected a tar archive; get it anew, or pack it anew.`,
    );
  let extended: PaxFields = {};
  let longName: string | null = null;
  for (let position = 0; position < size; ) {
    if (position + block > size) throw damaged(position, `it ends inside of a header, after ${size} bytes`);
    let head: Buffer;
    let header: Header;
    try {
      head = await reader.read(position, block);
      header = new Header(head, 0);
    } catch (error) {
      throw damaged(position, `its header cannot be read (${(error as Error).message})`);
    }
    if (header.nullBlock) {
      // Two empty blocks are the end; archives that were put one behind another go on after them.
      position += block;
      continue;
    }
    if (!header.cksumValid) throw damaged(position, "the checksum of the header is wrong");
    const isHeader = /^(Extended|OldExtended|GlobalExtended|NextFileHasLong|OldGnuLong)/.test(header.type);
    const bytes = (isHeader ? undefined : extended.size) ?? header.size ?? 0;
    const content = position + block;
    if (!Number.isSafeInteger(bytes) || bytes < 0 || content + bytes > size) {
      throw damaged(
        position,
        `a file of ${bytes} bytes is said to follow, and there are ${size - content} more`,
      );
    }
    if (isHeader && bytes > mostHeaderBytes) throw damaged(position, `a header of ${bytes} bytes`);
    if (header.type === "ExtendedHeader" || header.type === "OldExtendedHeader") {
      extended = { ...extended, ...parsePax(await reader.read(content, bytes)) };
    } else if (header.type === "NextFileHasLongPath" || header.type === "OldGnuLongPath") {
      longName = fieldText(await reader.read(content, bytes));
    } else if (!isHeader) {
      if (header.type === "File" || header.type === "OldFile" || header.type === "ContiguousFile") {
        const name = longName ?? extended.path ?? plainName(head);
        const member = { name, position: content, size: bytes };
        await visit(member, () => reader.read(content, bytes));
      }
      extended = {};
      longName = null;
    }
    position = content + Math.ceil(bytes / block) * block;
  }
}

/** What a pax header says of the file after it. */
interface PaxFields {
  readonly path?: string;
  readonly size?: number;
}

/**
 * Reads records of `length key=value\n`, of which the length counts bytes: names may hold line ends, and bytes that are
 * not UTF-8.
 */
function parsePax(bytes: Buffer): PaxFields {
  let fields: PaxFields = {};
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(" ", at);
    const length = space < 0 ? Number.NaN : Number(bytes.toString("latin1", at, space));
    if (!(Number.isInteger(length) && at + length > space)) break;
    const record = nameFromBytes(bytes.subarray(space + 1, at + length - 1));
    if (record.startsWith("path=")) fields = { ...fields, path: record.slice("path=".length) };
    if (record.startsWith("size=")) fields = { ...fields, size: Number(record.slice("size=".length)) };
    at += length;
  }
  return fields;
}

/** The text of a field of bytes, up to its first zero. */
function fieldText(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return nameFromBytes(end < 0 ? bytes : bytes.subarray(0, end));
}

/**
 * The path that a plain header holds: 100 bytes, and of POSIX's headers what goes before them. Old GNU headers have
 * times there.
 */
function plainName(head: Buffer): string {
  const name = fieldText(head.subarray(0, 100));
  const isPosix = head.toString("latin1", 257, 263) === "ustar\0";
  const prefix = isPosix ? fieldText(head.subarray(345, 500)) : "";
  return prefix === "" ? name : `${prefix}/${name}`;
}
