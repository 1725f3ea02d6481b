import { resolve } from "node:path";
import type { DecodeOptions } from "../decoding/decodePicture.js";
import { checkIndex, type DatasetIdentity } from "../imageDataset.js";
import {
  type CocoAnnotation,
  type CocoCategory,
  type CocoFacts,
  type CocoId,
  parseCoco,
} from "./cocoJson.js";
import { type CocoPictures, findCocoPictures } from "./cocoPictures.js";
import { identifyFiles } from "./datasetIdentity.js";
import { fingerprintFiles, statFile, statOrNull } from "./fileFacts.js";
import { ImageFiles } from "./imageFiles.js";
import { parseJson, readTextFile } from "./textFile.js";

/** Options of `cocoDataset`. */
export interface CocoDatasetOptions extends DecodeOptions {
  /**
   * The folder that `file_name` starts at, or a folder around those of the pictures. Default: the folder of the JSON
   * file, the one above it, or in both of `images` and of the JSON file's name without `instances_` (also in `images`),
   * e.g. `images/train2017` for `annotations/instances_train2017.json`; where pictures are not there, they are looked
   * for by their names in the folders around the file.
   */
  readonly images?: string;
}

/**
 * The pictures of a COCO file with what is drawn on them; they have many objects, so no class. Made by `cocoDataset`.
 */
export class CocoDataset extends ImageFiles {
  /** What objects may be, in the order of the file. */
  readonly categories: readonly CocoCategory[];
  /** The JSON file, absolute. */
  readonly file: string;
  readonly #facts: CocoFacts;
  readonly #decode: DecodeOptions;

  /** @internal Use `cocoDataset`. */
  constructor(file: string, { root, paths, notes }: CocoPictures, facts: CocoFacts, decode: DecodeOptions) {
    const labels = new Int32Array(paths.length).fill(-1);
    super(root, paths, { labels, classes: [], notes: [...notes, ...facts.notes] }, decode);
    this.file = file;
    this.categories = facts.categories;
    this.#facts = facts;
    this.#decode = decode;
  }

  /** The number of picture `index` in the file; null: it has none of its own. */
  imageId(index: number): CocoId | null {
    checkIndex("imageId", index, this.length);
    return this.#facts.images[index]!.id;
  }

  /**
   * The objects of picture `index` that are sound, in the order of the file; `notes` say what was left out. Boxes,
   * polygons and masks are in pixels of the picture at its full size, as it is stored (before EXIF rotation).
   */
  annotations(index: number): readonly CocoAnnotation[] {
    checkIndex("annotations", index, this.length);
    return this.#facts.annotations[index]!;
  }

  override fingerprint(): Promise<string> {
    const paths = Array.from({ length: this.length }, (_, index) => this.path(index));
    return fingerprintFiles(["coco", this.#decode], [this.file, ...paths]);
  }

  override identity(): Promise<DatasetIdentity> {
    const { length: count, root } = this;
    const path = (index: number) => this.path(index);
    return identifyFiles({ format: ["coco"], count, path, root }, this);
  }
}

/** More characters than a string of Node.js may have. */
const mostBytes = 2 ** 29 - 32;

/**
 * The pictures of a COCO file (`instances_train2017.json` and the like, also LVIS) with boxes, polygons and masks. The
 * file is held in memory as objects (about three times its size). Only the names of pictures must be there: annotations
 * and categories that make no sense are left out, and `notes` say how many and why. Format:
 * https://cocodataset.org/#format-data.
 *
 * @param path The JSON file; `NaN` and `Infinity`, as Python writes them, count as missing.
 * @throws Error (rejects) If the file is missing or no JSON, names no pictures, or none of them is found.
 */
export async function cocoDataset(path: string, options: CocoDatasetOptions = {}): Promise<CocoDataset> {
  const { images, ...decode } = options;
  const file = resolve(path);
  const { size } = statFile("cocoDataset", file);
  if (size > mostBytes) {
    throw new Error(
      `cocoDataset: ${file} has ${size} bytes; expected at most ${mostBytes}, what Node.js can read as one ` +
        "text. Split the file by pictures, or open the folder of the pictures itself.",
    );
  }
  let json: unknown;
  try {
    json = parseJson(await readTextFile(file));
  } catch (error) {
    throw new Error(
      `cocoDataset: ${file} is not JSON (${(error as Error).message}). It is cut short or damaged: get it anew.`,
      { cause: error },
    );
  }
  const facts = parseCoco(file, json);
  const names = facts.images.map(({ fileName }) => fileName);
  const folder = images === undefined ? undefined : resolve(images);
  if (folder !== undefined && statOrNull(folder)?.isDirectory() !== true) {
    throw new Error(`cocoDataset: images is ${folder}, which is no folder. Give the folder of the pictures.`);
  }
  return new CocoDataset(file, await findCocoPictures(file, names, folder), facts, decode);
}
