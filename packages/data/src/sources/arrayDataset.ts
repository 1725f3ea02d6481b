import ndarray, { type NdArray } from "ndarray";
import { PictureError } from "../decoding/pictureError.js";
import type { PictureSize } from "../decoding/pictureSize.js";
import { checkIndex, type ImageDataset } from "../imageDataset.js";
import { numberNames } from "./labels.js";
import { spreadGreyscale } from "./rawPicture.js";

/** Options of `arrayDataset`. */
export interface ArrayDatasetOptions {
  /** The class of each picture; default: no labels. */
  readonly labels?: ArrayLike<number>;
  /** Names of the classes; default with labels: `"0"`, `"1"`, …. */
  readonly classes?: readonly string[];
  /**
   * How H×W arrays come out: 3 spreads grayscale to three channels, 1 leaves it, as H×W×1. Default 3. H×W×C arrays come
   * as they are.
   */
  readonly channels?: 1 | 3;
  /** How messages call picture `index`; default `picture 0`, `picture 1`, …. */
  readonly name?: (index: number) => string;
}

/** Pictures that are in memory already. Made by `arrayDataset`. */
export class ArrayDataset implements ImageDataset {
  readonly classes: readonly string[];
  readonly channels: number;
  readonly #images: readonly NdArray<Uint8Array>[];
  readonly #labels: Int32Array | null;
  readonly #name: (index: number) => string;

  /** @internal Use `arrayDataset`. */
  constructor(
    images: readonly NdArray<Uint8Array>[],
    labels: Int32Array | null,
    classes: readonly string[],
    channels: number,
    name: (index: number) => string,
  ) {
    this.classes = classes;
    this.channels = channels;
    this.#images = images;
    this.#labels = labels;
    this.#name = name;
  }

  get length(): number {
    return this.#images.length;
  }

  path(index: number): string {
    checkIndex("path", index, this.length);
    return this.#name(index);
  }

  label(index: number): number {
    checkIndex("label", index, this.length);
    return this.#labels?.[index] ?? -1;
  }

  /** Height and width of picture `index`. */
  async size(index: number): Promise<PictureSize> {
    checkIndex("size", index, this.length);
    const [height, width] = this.#images[index]!.shape as [number, number];
    return { height, width };
  }

  /** Picture `index` at its full size. */
  async image(index: number): Promise<NdArray<Uint8Array>> {
    checkIndex("image", index, this.length);
    const picture = this.#images[index]!;
    const [height, width, channels = 1] = picture.shape as [number, number, number?];
    const bytes = picture.data.subarray(picture.offset, picture.offset + height * width * channels);
    if (channels === this.channels) return ndarray(bytes, [height, width, channels]);
    try {
      return ndarray(await spreadGreyscale(bytes, height, width), [height, width, 3]);
    } catch (error) {
      throw new PictureError(this.path(index), error instanceof Error ? error.message : String(error), {
        cause: error,
      });
    }
  }
}

/** Whether the elements lie densely in row-major order. */
function isContiguous(array: NdArray): boolean {
  let expected = 1;
  for (let axis = array.shape.length - 1; axis >= 0; axis--) {
    if (array.shape[axis] !== 1 && array.stride[axis] !== expected) return false;
    expected *= array.shape[axis]!;
  }
  return true;
}

/** The pictures of one N×H×W×C or N×H×W array, without copying. */
function rowsOf(array: NdArray<Uint8Array>): NdArray<Uint8Array>[] {
  const [count = 0, ...shape] = array.shape;
  const size = shape.reduce((product, length) => product * length, 1);
  return Array.from({ length: count }, (_, index) =>
    ndarray(array.data.subarray(array.offset + index * size, array.offset + (index + 1) * size), shape),
  );
}

/**
 * A data set from pictures in memory; nothing is copied.
 *
 * @param images One array N×H×W×C (or N×H×W, grayscale), or a list of H×W×C or H×W arrays of any sizes, all of the same
 *   C; 8 bits, contiguous.
 * @throws TypeError If a picture has another shape or is not contiguous, or there are none.
 * @throws RangeError If the labels do not fit.
 */
export function arrayDataset(
  images: NdArray<Uint8Array> | readonly NdArray<Uint8Array>[],
  options: ArrayDatasetOptions = {},
): ArrayDataset {
  const whole = "shape" in images ? [images] : images;
  const whatIs = "shape" in images ? "the array of pictures" : "picture";
  whole.forEach((array, index) => {
    const what = "shape" in images ? whatIs : `${whatIs} ${index}`;
    if (!isContiguous(array)) {
      throw new TypeError(
        `arrayDataset: ${what} (${array.shape.join("×")}) has strides ${array.stride.join(", ")}; ` +
          "expected contiguous rows. Copy it into a fresh ndarray first.",
      );
    }
  });
  const pictures = "shape" in images ? rowsOf(images) : images;
  if (pictures.length === 0)
    throw new TypeError("arrayDataset: there are no pictures; expected at least one.");
  const channelsOf = ({ shape }: NdArray) => (shape.length === 3 ? shape[2]! : (options.channels ?? 3));
  const channels = channelsOf(pictures[0]!);
  pictures.forEach((picture, index) => {
    const { shape } = picture;
    const isPicture = (shape.length === 2 || shape.length === 3) && shape.every((length) => length > 0);
    if (!isPicture || !(picture.data instanceof Uint8Array)) {
      throw new TypeError(
        `arrayDataset: picture ${index} is ${shape.join("×")} ${picture.dtype}; ` +
          "expected H×W×C or H×W uint8 with at least one pixel.",
      );
    }
    if (channelsOf(picture) !== channels) {
      throw new TypeError(
        `arrayDataset: picture ${index} is ${shape.join("×")}, and picture 0 has ${channels} channels; ` +
          "expected the same for all. Grayscale pictures beside others: " +
          `set channels, or give them as H×W×${channels}.`,
      );
    }
  });
  const labels = options.labels === undefined ? null : Int32Array.from(options.labels);
  if (labels !== null && labels.length !== pictures.length) {
    throw new RangeError(
      `arrayDataset: ${labels.length} labels were given for ${pictures.length} pictures; expected one each.`,
    );
  }
  const most = labels === null ? -1 : labels.reduce((largest, label) => Math.max(largest, label), -1);
  const classes = options.classes ?? numberNames(most + 1);
  if (most >= classes.length) {
    throw new RangeError(
      `arrayDataset: a label is ${most}, but there are ${classes.length} classes; ` +
        `labels run from 0 to ${classes.length - 1} (−1: none).`,
    );
  }
  return new ArrayDataset(
    pictures,
    labels,
    classes,
    channels,
    options.name ?? ((index) => `picture ${index}`),
  );
}
