import { type FileHandle, open } from "node:fs/promises";

interface OpenFile {
  readonly handle: Promise<FileHandle>;
  users: number;
}

/** Random reads from any number of files, a bounded number of which is open at a time. */
export class OpenFiles {
  readonly #limit: number;
  /** In the order of their last use. */
  readonly #open = new Map<string, OpenFile>();

  /** @param limit How many files stay open when nobody reads. Default 32. */
  constructor(limit = 32) {
    this.#limit = limit;
  }

  /**
   * `length` bytes of a file from `position` on.
   *
   * @throws Error (rejects) If the file cannot be read or ends before.
   */
  async read(path: string, position: number, length: number): Promise<Uint8Array> {
    const file = this.#take(path);
    try {
      const handle = await file.handle;
      const bytes = new Uint8Array(length);
      for (let done = 0; done < length; ) {
        const { bytesRead } = await handle.read(bytes, done, length - done, position + done);
        if (bytesRead === 0) {
          throw new Error(
            `${path} ends at byte ${position + done}; expected ${length} bytes from ${position} on. It was cut short: get it anew.`,
          );
        }
        done += bytesRead;
      }
      return bytes;
    } finally {
      file.users--;
      this.#closeUnused(this.#limit);
    }
  }

  /** Closes all files. */
  async close(): Promise<void> {
    const files = [...this.#open.values()];
    this.#open.clear();
    await Promise.allSettled(files.map(async ({ handle }) => (await handle).close()));
  }

  #take(path: string): OpenFile {
    const file = this.#open.get(path) ?? { handle: open(path, "r"), users: 0 };
    this.#open.delete(path);
    this.#open.set(path, file);
    file.users++;
    // A file that could not be opened is tried anew next time.
    file.handle.catch(() => {
      if (this.#open.get(path) === file) this.#open.delete(path);
    });
    return file;
  }

  #closeUnused(limit: number): void {
    if (this.#open.size <= limit) return;
    for (const [path, file] of this.#open) {
      if (this.#open.size <= limit) return;
      if (file.users > 0) continue;
      this.#open.delete(path);
      file.handle.then((handle) => handle.close()).catch(() => undefined);
    }
  }
}
