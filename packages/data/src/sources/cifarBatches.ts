/** Rows and columns of every picture. */
export const side = 32;
/** The planes of red, green and blue, one byte a pixel. */
export const pixelBytes = 3 * side * side;

/** A file's pictures: where the pixels of each are, and its label. */
export interface CifarBatch {
  readonly path: string;
  /** First byte of the first picture's pixels. */
  readonly first: number;
  /** Bytes from one picture to the next. */
  readonly stride: number;
  readonly labels: Int32Array;
}

/** Files of one data set, and the names of its classes. */
export interface OpenedBatches {
  readonly batches: readonly CifarBatch[];
  /** Names of the classes; numbers where the folder has none. */
  readonly classes: readonly string[];
}

/** The error of a label that is out of range. */
export function invalidLabel(path: string, row: number, label: number, count: number): Error {
  return new Error(
    `cifarDataset: picture ${row} of ${path} has the label ${label}; expected one below ${count}. The file is ` +
      "damaged or of another format.",
  );
}
