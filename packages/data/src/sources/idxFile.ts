import { createReadStream } from "node:fs";
import { createGunzip } from "node:zlib";
import { fileOf } from "../fileNames.js";
import { statFile } from "./fileFacts.js";
import { OpenFiles } from "./openFiles.js";

const unsignedByte = 0x08;
/** Deflate packs at most 1,032 bytes into one. */
const mostExpansion = 1032;
const gzipMagic = 0x1f8b;

interface Header {
  readonly shape: readonly number[];
  /** Bytes before the first element. */
  readonly bytes: number;
}

/**
 * The bytes that a header of `bytes.length` bytes still lacks; 0: none. Most headers need 4 bytes and 4 for each axis.
 */
function parseHeader(path: string, bytes: Uint8Array): Header {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [zero, type, rank] = bytes.length < 4 ? [1, 0, 0] : [view.getUint16(0), bytes[2]!, bytes[3]!];
  if (zero !== 0 || rank < 1 || rank > 4 || bytes.length < 4 + 4 * rank) {
    throw new Error(`${path} is not an IDX file; expected two zero bytes, the type 0x08 and 1 to 4 axes.`);
  }
  if (type !== unsignedByte) {
    throw new Error(
      `${path} is an IDX file of type 0x${type.toString(16).padStart(2, "0")}; expected 0x08, unsigned bytes.`,
    );
  }
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  return { shape, bytes: 4 + 4 * rank };
}

const product = (lengths: readonly number[]) => lengths.reduce((total, length) => total * length, 1);

function checkSize(path: string, shape: readonly number[], expected: number, found: string): Error {
  return new Error(
    `${path} says that it holds ${shape.join("×")} bytes, so ${expected} with its header, but ${found}. ` +
      "It is cut short or damaged: get it anew.",
  );
}

/**
 * An array of bytes in an IDX file: rows of a plain file are read when they are wanted, a gzipped one is unpacked into
 * memory.
 */
export class IdxFile {
  readonly path: string;
  /** Lengths of the axes. */
  readonly shape: readonly number[];
  readonly #header: number;
  readonly #unpacked: Uint8Array | null;
  readonly #files = new OpenFiles();

  private constructor(path: string, { shape, bytes }: Header, unpacked: Uint8Array | null) {
    this.path = path;
    this.shape = shape;
    this.#header = bytes;
    this.#unpacked = unpacked;
  }

  /** @throws Error (rejects) If the file is missing, is none, or its size is not what its header says. */
  static async open(path: string): Promise<IdxFile> {
    const { size } = statFile("idxDataset", path);
    const files = new OpenFiles();
    try {
      const head = await files.read(path, 0, Math.min(size, 20));
      if (size > 2 && ((head[0]! << 8) | head[1]!) === gzipMagic) {
        const { header, bytes } = await unpack(path, size);
        return new IdxFile(path, header, bytes);
      }
      const header = parseHeader(path, head);
      const expected = header.bytes + product(header.shape);
      if (expected !== size) throw checkSize(path, header.shape, expected, `the file has ${size}`);
      return new IdxFile(path, header, null);
    } finally {
      await files.close();
    }
  }

  /** Element `index` along the first axis. */
  async read(index: number): Promise<Uint8Array> {
    const bytes = product(this.shape.slice(1));
    const position = this.#header + index * bytes;
    return (
      this.#unpacked?.subarray(position, position + bytes) ?? this.#files.read(this.path, position, bytes)
    );
  }

  /** All elements. */
  async readAll(): Promise<Uint8Array> {
    return (
      this.#unpacked?.subarray(this.#header) ?? this.#files.read(this.path, this.#header, product(this.shape))
    );
  }

  /** Closes the file. */
  close(): Promise<void> {
    return this.#files.close();
  }
}

/**
 * Unpacks a gzipped file. Its header says how long it is, and only so much is kept, if the packed size can hold it at
 * all.
 */
async function unpack(path: string, packed: number): Promise<{ header: Header; bytes: Uint8Array }> {
  let head = new Uint8Array(0);
  let found: { header: Header; bytes: Uint8Array } | null = null;
  let filled = 0;
  const take = (chunk: Uint8Array): void => {
    if (found === null) {
      const joined = new Uint8Array(head.length + chunk.length);
      joined.set(head);
      joined.set(chunk, head.length);
      head = joined;
      if (head.length < 4 || head.length < 4 + 4 * Math.min(4, head[3]!)) return;
      const header = parseHeader(path, head);
      const expected = header.bytes + product(header.shape);
      if (expected > packed * mostExpansion) {
        throw checkSize(path, header.shape, expected, `its ${packed} gzipped bytes cannot hold so many`);
      }
      found = { header, bytes: new Uint8Array(expected) };
      chunk = head;
    }
    const { header, bytes } = found;
    if (filled + chunk.length > bytes.length) {
      throw checkSize(path, header.shape, bytes.length, "it holds more");
    }
    bytes.set(chunk, filled);
    filled += chunk.length;
  };
  const file = createReadStream(fileOf(path));
  const chunks = file.pipe(createGunzip());
  file.on("error", (error) => chunks.destroy(error));
  try {
    for await (const chunk of chunks) take(chunk as Uint8Array);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code?.startsWith("Z_") !== true) throw error;
    throw new Error(`${path} cannot be unpacked (${message}). It is cut short or damaged: get it anew.`, {
      cause: error,
    });
  } finally {
    file.destroy();
  }
  const whole = found as { header: Header; bytes: Uint8Array } | null;
  if (whole === null) parseHeader(path, head);
  if (whole === null || filled !== whole.bytes.length) {
    throw checkSize(path, whole?.header.shape ?? [], whole?.bytes.length ?? 0, `it holds ${filled}`);
  }
  return whole;
}
