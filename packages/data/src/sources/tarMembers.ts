import { Header, Pax } from "tar";
import type { OpenFiles } from "./openFiles.js";

/** A file in an archive. */
export interface TarMember {
  /** Its path in the archive. */
  readonly name: string;
  /** Where its bytes begin in the archive. */
  readonly position: number;
  /** How many there are. */
  readonly size: number;
}

const block = 512;
/** Names longer than this are no names. */
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
 * The files in an archive (ustar, pax, GNU long names), from their headers alone: what lies between them is not read, unless `content` asks for it.
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
  let extended: Pax | undefined;
  let longName: string | null = null;
  for (let position = 0; position < size; ) {
    if (position + block > size) throw damaged(position, `it ends inside of a header, after ${size} bytes`);
    let header: Header;
    try {
      header = new Header(await reader.read(position, block), 0, extended);
    } catch (error) {
      throw damaged(position, `its header cannot be read (${(error as Error).message})`);
    }
    if (header.nullBlock) {
      // Two empty blocks are the end; archives that were put one behind another go on after them.
      position += block;
      continue;
    }
    if (!header.cksumValid) throw damaged(position, "the checksum of the header is wrong");
    const bytes = header.size ?? 0;
    const content = position + block;
    if (!Number.isSafeInteger(bytes) || content + bytes > size) {
      throw damaged(
        position,
        `a file of ${bytes} bytes is said to follow, and there are ${size - content} more`,
      );
    }
    const isHeader = /^(Extended|OldExtended|GlobalExtended|NextFileHasLong|NextFileHasLongLinkpath)/.test(
      header.type,
    );
    if (isHeader && bytes > mostHeaderBytes) throw damaged(position, `a header of ${bytes} bytes`);
    if (header.type === "ExtendedHeader" || header.type === "OldExtendedHeader") {
      extended = Pax.parse((await reader.read(content, bytes)).toString("utf8"), extended);
    } else if (header.type === "NextFileHasLongPath" || header.type === "OldGnuLongPath") {
      longName = (await reader.read(content, bytes)).toString("utf8").replace(/\0.*$/s, "");
    } else if (!isHeader) {
      if (header.type === "File" || header.type === "OldFile" || header.type === "ContiguousFile") {
        // Not the header's own idea of a pax path, which puts the prefix of the plain header before it.
        const name = longName ?? extended?.path ?? header.path ?? "";
        const member = { name, position: content, size: bytes };
        await visit(member, () => reader.read(content, bytes));
      }
      extended = undefined;
      longName = null;
    }
    position = content + Math.ceil(bytes / block) * block;
  }
}
