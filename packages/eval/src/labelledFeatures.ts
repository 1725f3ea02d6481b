import { type Tensor, tensor } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import ndarray, { type NdArray } from "ndarray";

/** Features of some pictures with their labels, on the host. */
export interface LabelledFeatures {
  /** N×D, one row a picture. */
  readonly features: NdArray<Float32Array>;
  /** N class numbers from 0. */
  readonly labels: Int32Array;
  /** Names of the classes, for reports; its length is the number of classes. */
  readonly classes?: readonly string[];
}

/**
 * Some rows of labeled features, e.g. a draw of few labels.
 *
 * @param set All rows.
 * @param rows Which ones, in which order.
 */
export function selectRows(set: LabelledFeatures, rows: ArrayLike<number>): LabelledFeatures {
  const width = set.features.shape[1]!;
  const data = new Float32Array(rows.length * width);
  const labels = new Int32Array(rows.length);
  const { offset, stride } = set.features;
  if (stride[1] !== 1 && width > 1)
    throw new Error("selectRows: the features are not stored row by row; copy them first.");
  for (let place = 0; place < rows.length; place++) {
    const begin = offset + rows[place]! * stride[0]!;
    data.set(set.features.data.subarray(begin, begin + width), place * width);
    labels[place] = set.labels[rows[place]!]!;
  }
  const { classes } = set;
  return {
    features: ndarray(data, [rows.length, width]),
    labels,
    ...(classes === undefined ? {} : { classes }),
  };
}

/** Copies features to the device. */
export function uploadFeatures(device: Device, features: NdArray<Float32Array>): Tensor {
  // The upload copies, so shared memory, which the type of `tensor` leaves out, serves as well.
  return tensor(device, features as NdArray<Float32Array<ArrayBuffer>>);
}

/** Sizes of a training set. */
export interface FeatureSizes {
  /** Number of rows. */
  readonly rows: number;
  /** Width of a feature. */
  readonly width: number;
  /** Number of classes. */
  readonly classes: number;
}

/**
 * Checks features to learn from.
 *
 * @throws Error saying what does not fit.
 */
export function checkTraining(what: string, train: LabelledFeatures): FeatureSizes {
  checkRows(`${what}: train`, train);
  const [rows, width] = train.features.shape as [number, number];
  const classes = Math.max(train.classes?.length ?? 0, 1 + largest(`${what}: train`, train.labels));
  return { rows, width, classes };
}

/**
 * Checks that features to be tested on belong to those that were learned from.
 *
 * @throws Error saying what does not fit.
 */
export function checkTest(what: string, train: LabelledFeatures, test: LabelledFeatures): void {
  const { width, classes } = checkTraining(what, train);
  checkRows(`${what}: test`, test);
  const testWidth = test.features.shape[1]!;
  if (width !== testWidth) {
    throw new Error(
      `${what}: train.features has ${width} columns and test.features ${testWidth}; embed both with the same encoder.`,
    );
  }
  const names = train.classes ?? [];
  if (test.classes !== undefined && names.length > 0 && test.classes.join("\n") !== names.join("\n")) {
    throw new Error(
      `${what}: train has the classes ${names.slice(0, 5).join(", ")}… and test ` +
        `${test.classes.slice(0, 5).join(", ")}…; both folders must have the same class folders.`,
    );
  }
  const most = largest(`${what}: test`, test.labels);
  if (most >= classes)
    throw new Error(`${what}: test has a label of ${most}, but train has only ${classes} classes.`);
}

function checkRows(what: string, { features, labels }: LabelledFeatures): void {
  const { shape } = features;
  if (shape.length !== 2)
    throw new Error(`${what}.features is ${shape.join("×")}; it must be N×D, one row a picture.`);
  if (shape[1] === 0)
    throw new Error(`${what}.features is ${shape.join("×")}; there must be at least one column.`);
  if (shape[0] === 0)
    throw new Error(`${what} has no pictures. Give a folder with pictures in class folders.`);
  if (shape[0] !== labels.length) {
    throw new Error(
      `${what} has ${shape[0]} rows of features and ${labels.length} labels; there must be one label a row.`,
    );
  }
}

function largest(what: string, labels: Int32Array): number {
  let most = 0;
  for (const label of labels) {
    if (label < 0)
      throw new Error(`${what} has pictures without a label. Put the pictures in one folder a class.`);
    if (label > most) most = label;
  }
  return most;
}
