import { basename, dirname, resolve } from "node:path";
import type { DecodeOptions } from "../decoding/decodePicture.js";
import { statFile, statOrNull } from "./fileFacts.js";
import { ImageFiles, labelsByFolder } from "./imageFiles.js";
import { type AlignedLabels, labelsOfTexts } from "./labels.js";
import { hasTableHeader, isTableName, type LabelTable, parseLabelTable } from "./labelTable.js";
import { ListedFiles } from "./listedFiles.js";
import { parseListLine } from "./listLines.js";
import { readTextFile } from "./textFile.js";

/** Options of `imageList`. */
export interface ImageListOptions extends DecodeOptions {
  /**
   * What ends a path: a line's end, or a zero byte (as `find -print0` writes), so that names may hold line ends.
   * Default: a zero byte if the file holds one.
   */
  readonly separator?: "\n" | "\0";
  /**
   * Whether the folder that a picture lies in is its class. Default: only if `classes` are given and the list has no
   * labels, nor a column for them.
   */
  readonly classFolders?: boolean;
  /** The classes by label. Default: the names of the labels or folders, sorted; of numbers `"0"`, `"1"`, …. */
  readonly classes?: readonly string[];
  /**
   * Where relative paths start. Default: the folder of the list; where its pictures are not there, of the folders
   * around it (`images`, `train` for `train.csv`, the only one beside it) the one that
   * holds most of them.
   */
  readonly root?: string;
  /** The column of the paths, where the file is a table. Default: by its name, or the first that holds pictures'. */
  readonly imageColumn?: string;
  /**
   * The column of the labels, where the file is a table; null: labels are left out, also behind paths. Default: by its
   * name.
   */
  readonly labelColumn?: string | null;
}

/** Longer than any list of paths. */
const mostBytes = 2 ** 29 - 32;

/**
 * The pictures whose paths stand in a text file (UTF-8, or UTF-16 with a byte order mark), in its order: one a line,
 * perhaps with a label behind it (`n01440764/1.jpg 0`; a number or a name, after a space, tab, comma or semicolon), or
 * a table with a header (`.csv`, `.tsv`, or objects a line, `.jsonl`). Names may lack the picture's ending, as ids in
 * tables do, or have "\\" between folders where that is no file. Empty lines are left out; spaces belong to a name
 * where the whole line is a file.
 *
 * @param path The text file.
 * @throws Error (rejects) If the file is missing or holds no paths, a column is not there, or a label or folder is none
 * of the classes.
 */
export async function imageList(path: string, options: ImageListOptions = {}): Promise<ImageFiles> {
  const { separator, classes: forced, classFolders, root, imageColumn, labelColumn, ...decode } = options;
  const file = resolve(path);
  const { size } = statFile("imageList", file);
  if (size > mostBytes) {
    throw new Error(`imageList: ${file} has ${size} bytes; expected at most ${mostBytes}. Split it.`);
  }
  const places = new ListedFiles(file, root);
  const text = await readTextFile(file);
  const isZeros = separator === undefined ? text.includes("\0") : separator === "\0";
  const isTable = !isZeros && (isTableName(file) || hasTableHeader(text));
  const {
    pictures: listed,
    isLabelled,
    notes,
  } = isTable
    ? parseLabelTable(file, text, { image: imageColumn, label: labelColumn }, (name) =>
        places.isPicture(name),
      )
    : parseLines(file, text, isZeros, places.start);
  if (listed.length === 0) {
    throw new Error(
      `imageList: ${file} holds no paths; expected one a line, e.g. the output of find photos -name '*.jpg'.`,
    );
  }
  const located = places.locate(listed.map(({ name }) => name));
  const { files } = located;
  const withNotes = (labels: AlignedLabels) =>
    new ImageFiles(
      located.root,
      files,
      { ...labels, notes: [...located.notes, ...notes, ...labels.notes] },
      decode,
    );
  if (isLabelled && labelColumn !== null && classFolders !== true) {
    const texts = listed.map(({ label }) => label);
    return withNotes(labelsOfTexts("imageList", file, texts, forced));
  }
  const byFolder = classFolders ?? forced !== undefined;
  const folders = files.map((each) => (byFolder ? basename(dirname(each)) : null));
  return withNotes(labelsByFolder("imageList", file, folders, forced));
}

function parseLines(file: string, text: string, isZeros: boolean, start: string): LabelTable {
  const lines = text.split(isZeros ? "\0" : /\r?\n/).filter((line) => line !== "");
  const odd = lines.find((line) => line.includes("\0") || line.length > 4096);
  if (odd !== undefined) {
    throw new Error(
      `imageList: ${file} holds ${JSON.stringify(odd.slice(0, 60))}, which is no path; ` +
        "expected a text file with one path a line.",
    );
  }
  const isFile = (name: string) => statOrNull(resolve(start, name)) !== null;
  const pictures = lines.map((line) => (isZeros ? { name: line, label: null } : parseListLine(line, isFile)));
  return { pictures, isLabelled: pictures.some(({ label }) => label !== null), notes: [] };
}
