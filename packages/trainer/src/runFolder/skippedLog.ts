import { existsSync } from "node:fs";
import { writeFileDurably } from "@splitmask/files";
import type { SkippedPicture } from "../loop/batchSource.js";
import { AppendedFile } from "./appendedFile.js";
import { readJsonLines } from "./jsonLines.js";

/**
 * `skipped.jsonl`: the pictures that could not be read, one JSON object `{path, reason}` a line, each path once, also
 * over an interruption and a resume. Lines are
 * appended as pictures are met and never wait for the disk; `flush` waits for all of them.
 */
export class SkippedLog {
  readonly #file: AppendedFile;
  readonly #known = new Set<string>();

  /** The log at `path`; the file is made with the first line. */
  constructor(path: string) {
    this.#file = new AppendedFile(path);
  }

  /** Path of the file. */
  get path(): string {
    return this.#file.path;
  }

  /** The error of the write that failed; null while none did. */
  get failure(): Error | null {
    return this.#file.failure;
  }

  /**
   * Takes note of what an earlier session wrote, and drops a last line that was cut off: called once before the first
   * `append`.
   */
  async load(): Promise<void> {
    if (!existsSync(this.path)) return;
    const pictures = await readSkipped(this.path);
    for (const { path } of pictures) this.#known.add(path);
    await writeFileDurably(this.path, pictures.map(lineOf).join(""));
  }

  /** Adds the pictures that are not in the file yet. A write that failed is reported by the next `flush`. */
  append(pictures: readonly SkippedPicture[]): void {
    for (const picture of pictures) {
      if (this.#known.has(picture.path)) continue;
      this.#known.add(picture.path);
      this.#file.append(Buffer.from(lineOf(picture)));
    }
  }

  /**
   * Resolves when every line is in the file.
   *
   * @throws the error of the first write that failed.
   */
  flush(): Promise<void> {
    return this.#file.flush();
  }
}

function lineOf({ path, reason }: SkippedPicture): string {
  return `${JSON.stringify({ path, reason })}\n`;
}

/** Reads a `skipped.jsonl`; a last line that was cut off by a crash is left out. */
export function readSkipped(path: string): Promise<SkippedPicture[]> {
  return readJsonLines<SkippedPicture>(path, "skipped");
}
