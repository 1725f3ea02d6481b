import { basename, dirname, extname, join, resolve } from "node:path";
import type { DatasetNote } from "../imageDataset.js";
import { shownName } from "../shownName.js";
import { statOrNull } from "./fileFacts.js";
import { isFolder, namesIn } from "./folderNames.js";
import { partOf } from "./parts.js";
import { isPictureName } from "./pictureFormats.js";

/** Names that are looked for in each folder before one is chosen. */
const sampled = 64;

/**
 * Files by the names that tables have for them: without the picture's ending, with "\\" between folders as on Windows,
 * or composed otherwise (Unicode NFC, NFD).
 */
export class WrittenNames {
  readonly #folders = new Map<string, ReadonlyMap<string, string>>();

  /** The file that a name means, absolute; null: there is none. */
  fileOf(start: string, name: string): string | null {
    for (const written of name.includes("\\") ? [name, name.replaceAll("\\", "/")] : [name]) {
      const path = resolve(start, written);
      const names = this.#namesIn(dirname(path));
      const found = names.get(basename(path)) ?? names.get(basename(path).normalize());
      if (found !== undefined) return join(dirname(path), found);
    }
    return null;
  }

  #namesIn(folder: string): ReadonlyMap<string, string> {
    const known = this.#folders.get(folder);
    if (known !== undefined) return known;
    const names = namesIn(folder);
    const pictures = names.filter((name) => isPictureName(name));
    const found = new Map([
      ...names.map((name) => [name.normalize(), name] as const),
      // A folder may be called as the picture is without its ending.
      ...pictures.map((name) => [name.slice(0, -extname(name).length).normalize(), name] as const),
      ...pictures.map((name) => [name, name] as const),
    ]);
    this.#folders.set(folder, found);
    return found;
  }
}

/**
 * The folders where pictures usually are that a file speaks of: its own, the one above it, and in both `images` and the
 * file's name without its kind, also in `images`.
 *
 * @param file Its path, absolute.
 */
export function usualFolders(file: string): string[] {
  const folder = dirname(file);
  const part = basename(file, extname(file)).replace(
    /^(instances|captions|person_keypoints|annotations)_?|[_-]?labels$/g,
    "",
  );
  return [folder, dirname(folder)].flatMap((base) =>
    [".", "images", part, join("images", part)].map((inside) => join(base, inside)),
  );
}

/** The folders beside a file that are of its part (`train_images` for `train.csv`), and the only one of no part. */
function foldersBeside(file: string): string[] {
  const folder = dirname(file);
  const { part } = partOf(basename(file));
  const beside = namesIn(folder).filter((name) => isFolder(join(folder, name)));
  const ofPart = part === null ? [] : beside.filter((name) => partOf(name).part === part);
  const others = beside.filter((name) => partOf(name).part === null);
  return [...ofPart, ...(others.length === 1 ? others : [])].map((name) => join(folder, name));
}

const isFile = (path: string) => statOrNull(path)?.isDirectory() === false;

/** Where the pictures of a list or table are. */
export class ListedFiles {
  readonly #file: string;
  readonly #folders: readonly string[];
  readonly #names = new WrittenNames();

  /**
   * @param file The list, absolute.
   * @param root The folder that its paths start at. Default: that of the list, or of those around it the one that holds
   *   most of them.
   */
  constructor(file: string, root: string | undefined) {
    this.#file = file;
    this.#folders =
      root === undefined ? [...new Set([...usualFolders(file), ...foldersBeside(file)])] : [resolve(root)];
  }

  /** The folder that relative paths start at where their pictures are there. */
  get start(): string {
    return this.#folders[0]!;
  }

  /** Whether a text is the name of a picture that is there. */
  isPicture(text: string): boolean {
    return this.#folders.some((folder) => this.#find(folder, text) !== null);
  }

  /** The folder that paths start at, and each file, absolute: that which the name means, or where it would be. */
  locate(names: readonly string[]): { root: string; files: string[]; notes: DatasetNote[] } {
    const { start } = this;
    const step = Math.max(1, Math.floor(names.length / sampled));
    const sample = names.filter((_, index) => index % step === 0);
    const asWritten = { root: start, files: names.map((name) => resolve(start, name)), notes: [] };
    if (sample.every((name) => isFile(resolve(start, name)))) return asWritten;
    const counts = this.#folders.map(
      (folder) => sample.filter((name) => this.#find(folder, name) !== null).length,
    );
    const most = Math.max(...counts);
    if (most === 0) return asWritten;
    const root = this.#folders[counts.indexOf(most)]!;
    const files = names.map((name) => this.#find(root, name) ?? resolve(root, name));
    const text = `the pictures of ${shownName(this.#file)} are taken from ${shownName(root)}`;
    return { root, files, notes: root === start ? [] : [{ level: "info", text }] };
  }

  #find(folder: string, name: string): string | null {
    const found = this.#names.fileOf(folder, name);
    if (found !== null && isPictureName(found)) return found;
    return isFile(resolve(folder, name)) ? resolve(folder, name) : null;
  }
}
