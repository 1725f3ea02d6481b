import { basename, dirname, join, resolve } from "node:path";
import ndarray, { type NdArray } from "ndarray";
import { PictureError } from "../decoding/pictureError.js";
import type { PictureSize } from "../decoding/pictureSize.js";
import { checkIndex, type DatasetIdentity, type DatasetNote, type ImageDataset } from "../imageDataset.js";
import { readClassNames } from "./classNames.js";
import { commonFolder } from "./commonFolder.js";
import { identifyFiles } from "./datasetIdentity.js";
import { fingerprintFiles, statOrNull } from "./fileFacts.js";
import { IdxFile } from "./idxFile.js";
import { type AlignedLabels, alignLabels, classesFor } from "./labels.js";
import { spreadGreyscale } from "./rawPicture.js";

/** Options of `idxDataset`. */
export interface IdxDatasetOptions {
  /**
   * The file of labels; null: none. Default: the file beside the pictures whose name has `labels` for `images` and
   * `idx1` for `idx3`, gzipped or not, where there is one.
   */
  readonly labels?: string | null;
  /**
   * The classes that are wanted, by label; labels are matched by the names in `classes.txt` beside the pictures,
   * without it by number. Default: these names, else `"0"`, `"1"`, ….
   */
  readonly classes?: readonly string[];
  /**
   * 3: grayscale is spread to three channels. 1: as it is stored. Default 3. Pictures in color (N×H×W×3) always have
   * 3.
   */
  readonly channels?: 1 | 3;
}

/** The pictures of an IDX file, as MNIST and Fashion-MNIST come in. Made by `idxDataset`. */
export class IdxDataset implements ImageDataset {
  readonly classes: readonly string[];
  readonly channels: number;
  readonly notes: readonly DatasetNote[];
  readonly #pictures: IdxFile;
  readonly #labels: Int32Array;
  readonly #files: readonly string[];

  /** @internal Use `idxDataset`. */
  constructor(
    pictures: IdxFile,
    { labels, classes, notes }: AlignedLabels,
    channels: number,
    files: readonly string[],
  ) {
    this.classes = classes;
    this.notes = notes;
    this.channels = channels;
    this.#pictures = pictures;
    this.#labels = labels;
    this.#files = files;
  }

  /** The folder that holds all files. */
  get root(): string {
    return commonFolder(this.#files.map((path) => dirname(path)));
  }

  get length(): number {
    return this.#pictures.shape[0]!;
  }

  path(index: number): string {
    checkIndex("path", index, this.length);
    return `${this.#pictures.path}#${index}`;
  }

  label(index: number): number {
    checkIndex("label", index, this.length);
    return this.#labels[index]!;
  }

  /** Height and width, the same for all pictures. */
  async size(index: number): Promise<PictureSize> {
    checkIndex("size", index, this.length);
    const [, height, width] = this.#pictures.shape as [number, number, number];
    return { height, width };
  }

  async image(index: number): Promise<NdArray<Uint8Array>> {
    checkIndex("image", index, this.length);
    const [, height, width, stored = 1] = this.#pictures.shape as [number, number, number, number?];
    try {
      const pixels = await this.#pictures.read(index);
      const spread = stored === 1 && this.channels === 3;
      return ndarray(spread ? await spreadGreyscale(pixels, height, width) : pixels, [
        height,
        width,
        this.channels,
      ]);
    } catch (error) {
      throw new PictureError(this.path(index), (error as Error).message, { cause: error });
    }
  }

  async stored(index: number): Promise<Uint8Array> {
    checkIndex("stored", index, this.length);
    return this.#pictures.read(index);
  }

  storedLength(index: number): number {
    checkIndex("storedLength", index, this.length);
    return this.#pictures.shape.slice(1).reduce((product, length) => product * length, 1);
  }

  fingerprint(): Promise<string> {
    return fingerprintFiles(["idx", this.channels], this.#files);
  }

  identity(): Promise<DatasetIdentity> {
    const files = this.#files;
    return identifyFiles({ format: ["idx"], count: files.length, path: (file) => files[file]! }, this);
  }

  close(): Promise<void> {
    return this.#pictures.close();
  }
}

/** The file of labels that belongs to a file of pictures, by the names of MNIST; null where there is none. */
function labelsBeside(images: string): string | null {
  const name = basename(images).replace(/\.gz$/, "");
  const wanted = name.replace("images", "labels").replace(/idx\d/, "idx1");
  if (wanted === name) return null;
  const candidates = [wanted, `${wanted}.gz`].map((file) => join(dirname(images), file));
  return candidates.find((file) => statOrNull(file) !== null) ?? null;
}

/**
 * The pictures of an IDX file (N×H×W, or N×H×W×3 in color, 8 bits), plain or gzipped. A plain file is read picture by
 * picture; a gzipped one is unpacked into memory (Fashion-MNIST: 47 MB).
 * Format: http://yann.lecun.com/exdb/mnist/.
 *
 * @param images The file of pictures, e.g. `train-images-idx3-ubyte.gz`.
 * @throws Error (rejects) If a file is missing or damaged, holds something else, or the labels are not as many as the
 *   pictures.
 */
export async function idxDataset(images: string, options: IdxDatasetOptions = {}): Promise<IdxDataset> {
  const path = resolve(images);
  const pictures = await IdxFile.open(path);
  try {
    const { shape } = pictures;
    const [count = 0, height = 0, width = 0, stored = 1] = shape;
    const isPictures =
      (shape.length === 3 || (shape.length === 4 && stored === 3)) && height > 0 && width > 0;
    if (!isPictures) {
      throw new Error(
        `idxDataset: ${path} holds an array of ${shape.join("×")}; ` +
          "expected pictures of N×H×W or N×H×W×3 with at least one pixel.",
      );
    }
    if (count === 0) throw new Error(`idxDataset: ${path} holds no pictures; expected at least one.`);
    const labelsPath = options.labels === undefined ? labelsBeside(path) : options.labels;
    const labels = labelsPath === null ? null : await readLabels(resolve(labelsPath), path, count);
    const names = (await readClassNames(join(dirname(path), "classes.txt"))) ?? undefined;
    const own = {
      labels: labels ?? new Int32Array(count).fill(-1),
      classes: labels === null ? [] : classesFor("idxDataset", labelsPath!, labels, names),
    };
    const aligned = alignLabels("idxDataset", labelsPath ?? path, own, options.classes);
    const files = labelsPath === null ? [path] : [path, resolve(labelsPath)];
    return new IdxDataset(pictures, aligned, Math.max(stored, options.channels ?? 3), files);
  } catch (error) {
    await pictures.close();
    throw error;
  }
}

async function readLabels(path: string, images: string, count: number): Promise<Int32Array> {
  const file = await IdxFile.open(path);
  try {
    if (file.shape.length !== 1 || file.shape[0] !== count) {
      throw new Error(
        `idxDataset: ${path} holds an array of ${file.shape.join("×")}, and ${images} ${count} pictures; ` +
          "expected one label a picture.",
      );
    }
    return Int32Array.from(await file.readAll());
  } finally {
    await file.close();
  }
}
