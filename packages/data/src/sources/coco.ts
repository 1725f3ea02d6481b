import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { NdArray } from "ndarray";
import {
  type DecodeOptions,
  decodePicture,
  type PictureSize,
  readPictureSize,
  readStoredValues,
} from "../decoding/decodePicture.js";
import type { StoredValues } from "../decoding/valueRange.js";
import { checkIndex, type ImageDataset, type ImageRequest } from "../imageDataset.js";
import { type CocoAnnotation, type CocoCategory, type CocoFacts, parseCoco } from "./cocoJson.js";
import { fingerprintFiles, statFile } from "./fileFacts.js";

/** Options of `cocoDataset`. */
export interface CocoDatasetOptions extends DecodeOptions {
  /**
   * The folder that `file_name` starts at. Default: where the first picture is found of the folder of the JSON file, the one above it, and in both of `images` and of the JSON
   * file's name without `instances_` (also in `images`), e.g. `images/train2017` for `annotations/instances_train2017.json`.
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
  readonly #facts: CocoFacts;
  readonly #decode: DecodeOptions;

  /** @internal Use `cocoDataset`. */
  constructor(file: string, root: string, facts: CocoFacts, decode: DecodeOptions) {
    this.file = file;
    this.root = root;
    this.categories = facts.categories;
    this.#facts = facts;
    this.#decode = decode;
  }

  get length(): number {
    return this.#facts.images.length;
  }

  path(index: number): string {
    checkIndex("path", index, this.length);
    return join(this.root, this.#facts.images[index]!.fileName);
  }

  /** −1: a picture has no single class. */
  label(index: number): number {
    checkIndex("label", index, this.length);
    return -1;
  }

  /** The number of picture `index` in the file. */
  imageId(index: number): number {
    checkIndex("imageId", index, this.length);
    return this.#facts.images[index]!.id;
  }

  /**
   * The objects of picture `index`, in the order of the file. Boxes, polygons and masks are in pixels of the picture at its full size, as it is stored (before EXIF rotation).
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

  fingerprint(): Promise<string> {
    const paths = this.#facts.images.map(({ fileName }) => join(this.root, fileName));
    return fingerprintFiles(["coco", this.#decode], [this.file, ...paths]);
  }
}

/** More characters than a string of Node.js may have. */
const mostBytes = 2 ** 29 - 32;

/**
 * The pictures of a COCO file (`instances_train2017.json` and the like) with boxes, polygons and masks. The file is held in memory as objects (about three times its size).
 * Format: https://cocodataset.org/#format-data.
 *
 * @param path The JSON file.
 * @throws Error (rejects) If the file or the folder of its pictures is missing, or what it says contradicts itself: an annotation of an unknown picture or category, a box that is none.
 */
export async function cocoDataset(path: string, options: CocoDatasetOptions = {}): Promise<CocoDataset> {
  const { images, ...decode } = options;
  const file = resolve(path);
  const { size } = statFile("cocoDataset", file);
  if (size > mostBytes) {
    throw new Error(
      `cocoDataset: ${file} has ${size} bytes; expected at most ${mostBytes}, what Node.js can read as one text. Split the file by pictures.`,
    );
  }
  let json: unknown;
  try {
    json = JSON.parse(await readFile(file, "utf8"));
  } catch (error) {
    throw new Error(
      `cocoDataset: ${file} is not JSON (${(error as Error).message}). It is cut short or damaged: get it anew.`,
      { cause: error },
    );
  }
  const facts = parseCoco(file, json);
  const root = images === undefined ? findImages(file, facts.images[0]!.fileName) : resolve(images);
  return new CocoDataset(file, root, facts, decode);
}

/** The folder of the pictures, by where the first one is. */
function findImages(file: string, first: string): string {
  const folder = dirname(file);
  const part = basename(file, ".json").replace(/^(instances|captions|person_keypoints|annotations)_?/, "");
  const candidates = [folder, dirname(folder)].flatMap((base) =>
    [".", "images", part, join("images", part)].map((inside) => join(base, inside)),
  );
  const found = candidates.find((candidate) => existsSync(join(candidate, first)));
  if (found !== undefined) return found;
  throw new Error(
    `cocoDataset: the first picture of ${file}, ${first}, is in none of ${[...new Set(candidates)].join(", ")}. Give the folder of the pictures with images.`,
  );
}
