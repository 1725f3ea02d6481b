import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { acquireFileLock, type FileLock, writeFileDurably } from "@splitmask/files";

/**
 * The folder of studies: the results of their steps, by key, and of each plan. Plans with the same folder share steps.
 * Every file is written whole or not at all.
 */
export class StudyFolder {
  /** Absolute path. */
  readonly path: string;

  /** @param path The folder; it need not exist. */
  constructor(path: string) {
    this.path = resolve(path);
  }

  /** Makes the folder and takes its lock; another process that has it is an error. */
  async lock(): Promise<FileLock> {
    await mkdir(this.path, { recursive: true });
    return acquireFileLock(join(this.path, "lock.json"), "folder of studies");
  }

  /** The run folder of a step. */
  runPath(key: string): string {
    return join(this.path, "runs", key);
  }

  /** A file of some kind, such as what a step gave. */
  filePath(kind: "steps" | "settings" | "digests" | "logs" | "pictures" | "results", name: string): string {
    return join(this.path, kind, name);
  }

  /** What a JSON file of some kind holds; null where there is none. */
  async read<Value>(kind: "steps" | "settings" | "digests", key: string): Promise<Value | null> {
    const path = this.filePath(kind, `${key}.json`);
    if (!existsSync(path)) return null;
    try {
      return JSON.parse(await readFile(path, "utf8")) as Value;
    } catch (error) {
      throw new Error(`${path} cannot be read: ${(error as Error).message}. Delete it: it is made again.`, {
        cause: error,
      });
    }
  }

  /** Writes a JSON file of some kind. */
  async write(kind: "steps" | "settings" | "digests", key: string, value: unknown): Promise<void> {
    await this.writeText(this.filePath(kind, `${key}.json`), `${JSON.stringify(value, null, 2)}\n`);
  }

  /** Writes a text file in one of the folders. */
  async writeText(path: string, text: string): Promise<void> {
    await mkdir(join(path, ".."), { recursive: true });
    await writeFileDurably(path, text);
  }
}
