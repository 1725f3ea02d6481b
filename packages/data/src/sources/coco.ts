import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { NdArray } from "ndarray";
import {
  type DecodeOptions,
  decodePicture,
  readPictureSize,
  readStoredValues,
} from "../decoding/decodePicture.js";
import type { PictureSize } from "../decoding/pictureSize.js";
import type { StoredValues } from "../decoding/valueRange.js";
import { fileOf } from "../fileNames.js";
import {
  checkIndex,
  type DatasetIdentity,
  type DatasetNote,
  type ImageDataset,
  type ImageRequest,
} from "../imageDataset.js";
import {
  type CocoAnnotation,
  type CocoCategory,
  type CocoFacts,
  type CocoId,
  parseCoco,
} from "./cocoJson.js";
import { type CocoPictures, findCocoPictures } from "./cocoPictures.js";
import { identifyFiles } from "./datasetIdentity.js";
import { fileLength, fingerprintFiles, statFile, statOrNull } from "./fileFacts.js";
import { parseJson, readTextFile } from "./textFile.js";

/** Options of `cocoDataset`. */
export interface CocoDatasetOptions extends DecodeOptions {
  /**
   * The folder that `file_name` starts at, or a folder around those of the pictures. Default: the folder of the JSON file, the one above it, or in both of `images` and of the JSON file's
   * name without `instances_` (also in `images`), e.g. `images/train2017` for `annotations/instances_train2017.json`; where pictures are not there, they are looked for by their names in
   * the folders around the file.
   */
  readonly images?: string;
}

/** The pictures of a COCO file with what is drawn on them. Made by `cocoDataset`. */
export class CocoDataset implements ImageDataset {
  /** Pictures have many objects, so no class: empty. The names of the objects' classes are in `categories`. */
  readonly classes: readonly string[] = [];
  /** What objects may be, in the order of the file. */
  readonly categories: readonly CocoCategory[];
  /** The JSON file, absolute. */
  readonly file: string;
  /** The folder of the pictures, absolute. */
  readonly root: string;
  readonly notes: readonly DatasetNote[];
  readonly #facts: CocoFacts;
  /** Relative to `root`, or absolute. */
  readonly #paths: readonly string[];
  readonly #decode: DecodeOptions;

  /** @internal Use `cocoDataset`. */
  constructor(file: string, pictures: CocoPictures, facts: CocoFacts, decode: DecodeOptions) {
    this.file = file;
    this.root = pictures.root;
    this.notes = [...pictures.notes, ...facts.notes];
    this.#paths = pictures.paths;
    this.categories = facts.categories;
    this.#facts = facts;
    this.#decode = decode;
  }

  get length(): number {
    return this.#facts.images.length;
  }

  path(index: number): string {
    checkIndex("path", index, this.length);
    return resolve(this.root, this.#paths[index]!);
  }

  /** −1: a picture has no single class. */
  label(index: number): number {
    checkIndex("label", index, this.length);
    return -1;
  }

  /** The number of picture `index` in the file; null: it has none of its own. */
  imageId(index: number): CocoId | null {
    checkIndex("imageId", index, this.length);
    return this.#facts.images[index]!.id;
  }

  /**
   * The objects of picture `index` that are sound, in the order of the file; `notes` say what was left out. Boxes, polygons and masks are in pixels of the picture at its full size, as it is stored (before EXIF rotation).
   */
  annotations(index: number): readonly CocoAnnotation[] {
    checkIndex("annotations", index, this.length);
    return this.#facts.annotations[index]!;
  }

  /** Height and width of picture `index`, from its header. */
  size(index: number): Promise<PictureSize> {
    return readPictureSize(this.path(index));
  }

  /**
   * The values that picture `index` stores, if it has more than 8 bits.
   *
   * @throws PictureError (rejects) If it cannot be read.
   */
  values(index: number): Promise<StoredValues | null> {
    return readStoredValues(this.path(index), this.#decode);
  }

  image(index: number, request: ImageRequest = {}): Promise<NdArray<Uint8Array>> {
    return decodePicture(this.path(index), { ...this.#decode, ...request });
  }

  async stored(index: number): Promise<Uint8Array> {
    return readFile(fileOf(this.path(index)));
  }

  storedLength(index: number): number {
    return fileLength(this.path(index));
  }

  fingerprint(): Promise<string> {
    const paths = this.#paths.map((path) => resolve(this.root, path));
    return fingerprintFiles(["coco", this.#decode], [this.file, ...paths]);
  }

  identity(): Promise<DatasetIdentity> {
    const { length: count, root } = this;
    const path = (index: number) => this.path(index);
    return identifyFiles({ format: ["coco"], count, path, root }, this);
  }
}

/** More characters than a string of Node.js may have. */
const mostBytes = 2 ** 29 - 32;

/**
 * The pictures of a COCO file (`instances_train2017.json` and the like, also LVIS) with boxes, polygons and masks. The file is held in memory as objects (about three times its size). Only
 * the names of pictures must be there: annotations and categories that make no sense are left out, and `notes` say how many and why.
 * Format: https://cocodataset.org/#format-data.
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
      `cocoDataset: ${file} has ${size} bytes; expected at most ${mostBytes}, what Node.js can read as one text. Split the file by pictures, or open the folder of the pictures itself.`,
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
