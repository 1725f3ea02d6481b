import type { NdArray } from "ndarray";
import type { PictureSize } from "./decoding/pictureSize.js";
import type { StoredValues, ValueRange } from "./decoding/storedValues.js";

/** How a data set may hand out a picture. */
export interface ImageRequest {
  /**
   * Pixels of the short side that are enough: a larger picture may come reduced (never below it), which makes caches
   * cheaper. The result depends
   * on the picture and this number only. Left out: full size.
   */
  readonly shortSide?: number;
}

/** Something that people should know of how a data set was opened: what was taken, what was left out and why. */
export interface DatasetNote {
  /** `"warning"` where pictures or labels that somebody may miss were left out. */
  readonly level: "info" | "warning";
  /** One sentence, with how many and an example. */
  readonly text: string;
}

/**
 * Pictures by index, with labels where there are any. Indices run from 0 to `length − 1` and always mean the same
 * picture.
 */
export interface ImageDataset {
  /** How many pictures there are. */
  readonly length: number;
  /** Names of the classes, by label; empty: no labels. */
  readonly classes: readonly string[];
  /** C, the channels of every picture: 3 is sRGB, 1 grayscale, any other number is taken as it is stored. Default 3. */
  readonly channels?: number;
  /**
   * Where groups of pictures that are cheap to read one after another begin (a shard, a row group): rising indices, the
   * first 0. Loaders then draw whole groups and mix a few of
   * them, rather than read a group anew for each picture. Default: every picture is cheap to read by itself.
   */
  readonly groups?: Int32Array;
  /** What people should know of how it was opened. Default: nothing. */
  readonly notes?: readonly DatasetNote[];
  /**
   * The folder that names for people are relative to, absolute: the one that was opened, or that holds all files.
   * Default: `path` gives names.
   */
  readonly root?: string;
  /**
   * Where picture `index` comes from: a file's path, or a name for messages. Bytes that are not UTF-8 are lone
   * surrogates in it, as in Python's `os.fsdecode`.
   */
  path(index: number): string;
  /** The class of picture `index`; −1 without one. */
  label(index: number): number;
  /**
   * Picture `index`, decoded and upright: H×W×C, contiguous, 8 bits (C = 3: sRGB).
   *
   * @throws PictureError (rejects) If the picture cannot be read or decoded.
   */
  image(index: number, request?: ImageRequest): Promise<NdArray<Uint8Array>>;
  /**
   * Height and width of picture `index`, upright, where they are cheaper to know than by decoding it.
   *
   * @throws PictureError (rejects) If the picture's header cannot be read.
   */
  size?(index: number): Promise<PictureSize>;
  /**
   * Picture `index` as it is stored: the bytes of its file, or its pixels. Equal pictures are found by it. Default:
   * that is not known.
   *
   * @throws Error (rejects) If it cannot be read.
   */
  stored?(index: number): Promise<Uint8Array>;
  /** How many bytes `stored` gives, where that is known without reading them; −1 where it is not. */
  storedLength?(index: number): number;
  /**
   * The values that picture `index` stores; null if it has 8 bits, which are taken as they are. Default: all have 8
   * bits.
   *
   * @throws PictureError (rejects) If the picture cannot be read.
   */
  values?(index: number): Promise<StoredValues | null>;
  /**
   * Which values of pictures of more than 8 bits it shows black and white. Default: no picture that was looked at has
   * more.
   */
  readonly valueRange?: ValueRange;
  /**
   * A short text that changes whenever a stored picture may have: a hash of names, sizes and times of change, never of
   * the pixels. Caches on disk are found by it. Default: the
   * data set is not cached on disk.
   */
  fingerprint?(): Promise<string>;
  /**
   * What the pictures are, wherever they lie and whenever they were written: by names, sizes and the content of a
   * sample. A run that goes on tells by it whether it has its pictures again. Default: not known.
   */
  identity?(): Promise<DatasetIdentity>;
  /** Closes the files that are held open; the data set must not be used after it. */
  close?(): Promise<void>;
}

/** What a data set is, wherever it lies; two are compared by `identityDifference`. */
export interface DatasetIdentity {
  /** How many pictures it has. */
  readonly pictures: number;
  /** Hash of format, names, sizes, order and the sample's content. */
  readonly digest: string;
  /** Hash of the names of the classes and of all labels. */
  readonly labels: string;
  /**
   * The files in their order, cut into at most 1,024 stretches of equal length (of 1,024 files or fewer each is a
   * stretch of its own): a hash of the names and sizes, the number of files and the first one's name, relative to the
   * root of the pictures or the folder that all lie in.
   */
  readonly files: readonly string[];
  /** A hash of the content (of a file over 1 MiB: of blocks) and the name of at most 64 files, evenly spaced. */
  readonly content: readonly string[];
}

/**
 * Checks an index of a data set.
 *
 * @throws RangeError If it is not one.
 */
export function checkIndex(what: string, index: number, length: number): void {
  if (!Number.isInteger(index) || index < 0 || index >= length) {
    throw new RangeError(
      `${what}: index is ${index}; expected a whole number from 0 to ${length - 1} (there are ${length} pictures).`,
    );
  }
}
