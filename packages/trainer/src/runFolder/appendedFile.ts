import { appendFile } from "node:fs/promises";
import { writeFailure } from "./writeFailure.js";

/** A file that grows: pieces are appended in order and never wait for the disk; `flush` waits for all of them. */
export class AppendedFile {
  /** Path of the file; it is made with the first piece. */
  readonly path: string;
  #pending: Uint8Array[] = [];
  #writing: Promise<void> | null = null;
  #failure: Error | null = null;

  constructor(path: string) {
    this.path = path;
  }

  /**
   * The error of the write that failed; null while none did. Nothing is added after it, for it may have left half a
   * piece.
   */
  get failure(): Error | null {
    return this.#failure;
  }

  /** Adds a piece. A write that failed is reported by the next `flush`. */
  append(piece: Uint8Array): void {
    if (this.#failure !== null) return;
    this.#pending.push(piece);
    this.#writing ??= this.#write();
  }

  async #write(): Promise<void> {
    try {
      while (this.#pending.length > 0) {
        const pieces = this.#pending;
        this.#pending = [];
        await appendFile(this.path, Buffer.concat(pieces));
      }
    } catch (error) {
      this.#pending = [];
      this.#failure = new Error(`${this.path} could not be written: ${writeFailure(error)}.`, {
        cause: error,
      });
    } finally {
      this.#writing = null;
    }
  }

  /**
   * Resolves when every piece is in the file.
   *
   * @throws the error of the first write that failed.
   */
  async flush(): Promise<void> {
    while (this.#writing !== null) await this.#writing;
    if (this.#failure !== null) throw this.#failure;
  }
}
