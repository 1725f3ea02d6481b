import { appendFile } from "node:fs/promises";

/** A file that grows: pieces are appended in order and never wait for the disk; `flush` waits for all of them. */
export class AppendedFile {
  /** Path of the file; it is made with the first piece. */
  readonly path: string;
  #pending: Uint8Array[] = [];
  #writing: Promise<void> | null = null;
  #error: unknown = null;

  constructor(path: string) {
    this.path = path;
  }

  /** Adds a piece. A write that failed is reported by the next `flush`. */
  append(piece: Uint8Array): void {
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
      this.#error ??= error;
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
    if (this.#error !== null) throw this.#error;
  }
}
