import { close, closeSync, open, read } from "node:fs";
import { promisify } from "node:util";
import { fileOf } from "../fileNames.js";

const openFile = promisify(open);
const readFile = promisify(read);

interface OpenFile {
  readonly descriptor: Promise<number>;
  users: number;
}

/**
 * Closes what a data set that nobody closed leaves behind. Descriptors rather than Node's file handles, because those
 * warn when they are collected.
 */
const abandoned = new FinalizationRegistry<Map<string, OpenFile>>((files) => {
  for (const { descriptor } of files.values()) descriptor.then(closeSync).catch(() => undefined);
});

/** Random reads from any number of files, a bounded number of which is open at a time. */
export class OpenFiles {
  readonly #limit: number;
  /** In the order of their last use. */
  readonly #open = new Map<string, OpenFile>();

  /** @param limit How many files stay open when nobody reads. Default 32. */
  constructor(limit = 32) {
    this.#limit = limit;
    abandoned.register(this, this.#open);
  }

  /**
   * `length` bytes of a file from `position` on.
   *
   * @throws Error (rejects) If the file cannot be read or ends before.
   */
  async read(path: string, position: number, length: number): Promise<Uint8Array> {
    const file = this.#take(path);
    try {
      const descriptor = await file.descriptor;
      const bytes = new Uint8Array(length);
      for (let done = 0; done < length; ) {
        const { bytesRead } = await readFile(descriptor, bytes, done, length - done, position + done);
        if (bytesRead === 0) {
          throw new Error(
            `${path} ends at byte ${position + done}; expected ${length} bytes from ${position} on. ` +
              "It was cut short: get it anew.",
          );
        }
        done += bytesRead;
      }
      return bytes;
    } finally {
      file.users--;
      if (this.#open.get(path) !== file) closeUnused(file);
      else this.#closeOldest();
    }
  }

  /** Closes all files; those that somebody reads, when that is done. */
  async close(): Promise<void> {
    const files = [...this.#open.values()];
    this.#open.clear();
    for (const file of files) closeUnused(file);
    await Promise.allSettled(files.map(({ descriptor }) => descriptor));
  }

  #take(path: string): OpenFile {
    const file = this.#open.get(path) ?? { descriptor: openFile(fileOf(path), "r"), users: 0 };
    this.#open.delete(path);
    this.#open.set(path, file);
    file.users++;
    // A file that could not be opened is tried anew next time.
    file.descriptor.catch(() => {
      if (this.#open.get(path) === file) this.#open.delete(path);
    });
    return file;
  }

  #closeOldest(): void {
    for (const [path, file] of this.#open) {
      if (this.#open.size <= this.#limit) return;
      if (file.users > 0) continue;
      this.#open.delete(path);
      closeUnused(file);
    }
  }
}

/** Closes a file that is no longer kept, once nobody reads it. */
function closeUnused({ descriptor, users }: OpenFile): void {
  if (users > 0) return;
  descriptor.then((number) => close(number, () => undefined)).catch(() => undefined);
}
