import { type Tensor, tensor } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import type { NdArray } from "ndarray";

/** Features of some pictures with their labels, on the host. */
export interface LabelledFeatures {
  /** N×D, one row a picture. */
  readonly features: NdArray<Float32Array>;
  /** N class numbers from 0. */
  readonly labels: Int32Array;
  /** Names of the classes, for reports; its length is the number of classes. */
  readonly classes?: readonly string[];
}

/** Copies features to the device. */
export function uploadFeatures(device: Device, features: NdArray<Float32Array>): Tensor {
  // The upload copies, so shared memory, which the type of `tensor` leaves out, serves as well.
  return tensor(device, features as NdArray<Float32Array<ArrayBuffer>>);
}

/** A test against a training set, checked. */
export interface FeatureSizes {
  /** Number of training rows. */
  readonly trainRows: number;
  /** Number of test rows. */
  readonly testRows: number;
  /** Width of a feature. */
  readonly width: number;
  /** Number of classes. */
  readonly classes: number;
}

/**
 * Checks that two sets of features belong together.
 *
 * @throws Error saying what does not fit.
 */
export function checkFeatures(what: string, train: LabelledFeatures, test: LabelledFeatures): FeatureSizes {
  for (const [name, set] of [
    ["train", train],
    ["test", test],
  ] as const) {
    const { shape } = set.features;
    if (shape.length !== 2) {
      throw new Error(`${what}: ${name}.features is ${shape.join("×")}; it must be N×D, one row a picture.`);
    }
    if (shape[0] === 0)
      throw new Error(`${what}: ${name} has no pictures. Give a folder with pictures in class folders.`);
    if (shape[0] !== set.labels.length) {
      throw new Error(
        `${what}: ${name} has ${shape[0]} rows of features and ${set.labels.length} labels; there must be one label a row.`,
      );
    }
  }
  const [trainRows, width] = train.features.shape as [number, number];
  const [testRows, testWidth] = test.features.shape as [number, number];
  if (width !== testWidth) {
    throw new Error(
      `${what}: train.features has ${width} columns and test.features ${testWidth}; embed both with the same encoder.`,
    );
  }
  const names = train.classes ?? [];
  if (test.classes !== undefined && names.length > 0 && test.classes.join("\n") !== names.join("\n")) {
    throw new Error(
      `${what}: train has the classes ${names.slice(0, 5).join(", ")}… and test ${test.classes.slice(0, 5).join(", ")}…; both folders must have the same class folders.`,
    );
  }
  const classes = Math.max(names.length, 1 + largest(`${what}: train`, train.labels));
  if (largest(`${what}: test`, test.labels) >= classes) {
    throw new Error(
      `${what}: test has a label of ${largest("", test.labels)}, but train has only ${classes} classes.`,
    );
  }
  return { trainRows, testRows, width, classes };
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
