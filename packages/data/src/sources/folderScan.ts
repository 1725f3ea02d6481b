import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { unreadableReason } from "../decoding/diagnosis.js";
import type { SkippedPicture } from "../decoding/pictureError.js";
import { fileOf, nameFromBytes } from "../fileNames.js";
import type { DatasetNote } from "../imageDataset.js";
import { shownName } from "../shownName.js";
import { isPictureName, LeftAlone } from "./pictureFormats.js";
import { isHiddenOrSystem } from "./systemNames.js";

/** What lies in a folder. */
export interface FolderEntry {
  /** As `nameFromBytes` writes it. */
  readonly name: string;
  /**
   * A link to a file is a file, one to a folder a `"folderLink"`; a link to nothing is dead. Whatever else there is,
   * such as a pipe, is a file that no picture can be read from.
   */
  readonly kind: "file" | "folder" | "folderLink" | "deadLink";
}

async function kindOfLink(path: string): Promise<FolderEntry["kind"]> {
  const target = await stat(fileOf(path)).catch(() => null);
  if (target === null) return "deadLink";
  return target.isDirectory() ? "folderLink" : "file";
}

/**
 * Reads folders one by one, leaves out what is hidden or the system's, and remembers that and what cannot be read: no
 * single entry ends a scan.
 */
export class FolderScan {
  /** Folders, and links that are not pictures by their names, that could not be followed. */
  readonly unreadable: SkippedPicture[] = [];
  readonly #root: string;
  readonly #extensions: readonly string[];
  readonly #leftAlone = new LeftAlone();
  #hidden = 0;
  #firstHidden = "";

  /**
   * @param root The folder that names for people are relative to, absolute.
   * @param extensions The endings of pictures.
   */
  constructor(root: string, extensions: readonly string[]) {
    this.#root = root;
    this.#extensions = extensions;
  }

  /** What lies in a folder; nothing where it cannot be read. */
  async entries(folder: string): Promise<FolderEntry[]> {
    const found: FolderEntry[] = [];
    try {
      // Bytes as latin1: with "buffer" Bun (1.4) gives bare names, and what they are is lost.
      for (const entry of await readdir(fileOf(folder), { withFileTypes: true, encoding: "latin1" })) {
        const name = nameFromBytes(Buffer.from(entry.name, "latin1"));
        const path = join(folder, name);
        const isLink = entry.isSymbolicLink();
        const kind = isLink ? await kindOfLink(path) : entry.isDirectory() ? "folder" : "file";
        if (isHiddenOrSystem(name)) this.#hide(path, kind);
        else if (kind === "deadLink" && !isPictureName(name, this.#extensions)) await this.#lose(path);
        else found.push({ name, kind });
      }
    } catch (error) {
      await this.#lose(folder, error);
    }
    return found;
  }

  /** Counts a file that is not a picture by its ending, if it is of a format that holds pictures and is not decoded. */
  leaveAlone(path: string): void {
    this.#leftAlone.add(this.#nameOf(path));
  }

  /** What was left out. */
  notes(): DatasetNote[] {
    const notes: DatasetNote[] = [];
    const [lost] = this.unreadable;
    if (lost !== undefined) {
      const count = this.unreadable.length;
      const what = count === 1 ? "1 folder or link" : `${count} folders or links`;
      const text =
        `${what} cannot be read and ${count === 1 ? "is" : "are"} left out, e.g. ${shownName(lost.path)}: ` +
        `${lost.reason}`;
      notes.push({ level: "warning", text });
    }
    notes.push(...this.#leftAlone.notes());
    if (this.#hidden > 0) notes.push(hiddenNote(this.#hidden, this.#firstHidden));
    return notes;
  }

  /** Counts what is hidden, where it may hold pictures. */
  #hide(path: string, kind: FolderEntry["kind"]): void {
    const holdsPictures = kind === "folder" || kind === "folderLink";
    if (!holdsPictures && !isPictureName(path, this.#extensions)) return;
    const name = this.#nameOf(path);
    if (this.#hidden++ === 0 || name < this.#firstHidden) this.#firstHidden = name;
  }

  async #lose(path: string, error?: unknown): Promise<void> {
    const cause = error ?? (await stat(fileOf(path)).catch((each: unknown) => each));
    this.unreadable.push({ path: this.#nameOf(path), reason: await unreadableReason(path, cause) });
  }

  #nameOf(path: string): string {
    return path.startsWith(`${this.#root}/`) ? path.slice(this.#root.length + 1) : path;
  }
}

/** The note on what is hidden or the system's. */
export function hiddenNote(count: number, example: string): DatasetNote {
  const what =
    count === 1 ? "1 hidden or system file or folder" : `${count} hidden or system files and folders`;
  return { level: "info", text: `left out ${what}, e.g. ${shownName(example)}` };
}
