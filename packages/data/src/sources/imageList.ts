import { basename, dirname, resolve } from "node:path";
import type { DecodeOptions } from "../decoding/decodePicture.js";
import { statFile } from "./fileFacts.js";
import { ImageFiles, labelsByFolder } from "./imageFiles.js";
import { readTextFile } from "./textFile.js";

/** Options of `imageList`. */
export interface ImageListOptions extends DecodeOptions {
  /** What ends a path: a line's end, or a zero byte (as `find -print0` writes), so that names may hold line ends. Default: a zero byte if the file holds one. */
  readonly separator?: "\n" | "\0";
  /** Whether the folder that a picture lies in is its class. Default: only if `classes` are given. */
  readonly classFolders?: boolean;
  /** The classes by label. Default: the names of the folders, sorted. */
  readonly classes?: readonly string[];
  /** Where relative paths start. Default: the folder of the list. */
  readonly root?: string;
}

/** Longer than any list of paths. */
const mostBytes = 2 ** 29 - 32;

/**
 * The pictures whose paths stand in a text file (UTF-8), one a line, in its order. Empty lines are left out; spaces belong to the names.
 *
 * @param path The text file.
 * @throws Error (rejects) If the file is missing or holds no paths, or a folder is none of the classes.
 */
export async function imageList(path: string, options: ImageListOptions = {}): Promise<ImageFiles> {
  const { separator, classes: forced, classFolders = forced !== undefined, root, ...decode } = options;
  const file = resolve(path);
  const { size } = statFile("imageList", file);
  if (size > mostBytes) {
    throw new Error(`imageList: ${file} has ${size} bytes; expected at most ${mostBytes}. Split it.`);
  }
  const text = await readTextFile(file);
  const isZeros = separator === undefined ? text.includes("\0") : separator === "\0";
  const names = text.split(isZeros ? "\0" : /\r?\n/).filter((name) => name !== "");
  if (names.length === 0) {
    throw new Error(
      `imageList: ${file} holds no paths; expected one a line, e.g. the output of find photos -name '*.jpg'.`,
    );
  }
  const odd = names.find((name) => name.includes("\0") || name.length > 4096);
  if (odd !== undefined) {
    throw new Error(
      `imageList: ${file} holds ${JSON.stringify(odd.slice(0, 60))}, which is no path; expected a text file with one path a line.`,
    );
  }
  const start = root === undefined ? dirname(file) : resolve(root);
  const files = names.map((name) => resolve(start, name));
  const folders = files.map((each) => (classFolders ? basename(dirname(each)) : null));
  return new ImageFiles(start, files, labelsByFolder("imageList", file, folders, forced), decode);
}
