import { writeFileDurably } from "@splitmask/files";
import type { NdArray } from "ndarray";

/** Where features came from. */
export interface FeatureSources {
  /** The picture of each row. */
  readonly paths: readonly string[];
  /** The class of each row; −1 without one. */
  readonly labels?: Int32Array;
  /** Names of the classes, by label. */
  readonly classes?: readonly string[];
}

/** The files that {@link writeFeatures} wrote. */
export interface FeatureFiles {
  /** The `.npy` file. */
  readonly features: string;
  /** The `.jsonl` file. */
  readonly paths: string;
}

/** The bytes of a NumPy `.npy` file of version 1.0 with little-endian float32, C order. */
export function npyBytes(features: NdArray<Float32Array>): Uint8Array {
  const elements = contiguous(features);
  const shape = features.shape.join(", ") + (features.shape.length === 1 ? "," : "");
  const description = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape}), }`;
  // The array starts at a multiple of 64 bytes: magic, version and length take 10, a newline ends the text.
  const padding = (64 - ((10 + description.length + 1) % 64)) % 64;
  const header = `${description}${" ".repeat(padding)}\n`;
  const bytes = new Uint8Array(10 + header.length + elements.byteLength);
  bytes.set([0x93, ...Buffer.from("NUMPY"), 1, 0, header.length & 0xff, header.length >> 8]);
  bytes.set(Buffer.from(header, "latin1"), 10);
  bytes.set(new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength), 10 + header.length);
  return bytes;
}

/**
 * Writes features (N×D, or N×P×D) as `features.npy` for NumPy and, beside it, `features.jsonl` with one line a row: its
 * number, the picture's path and its label where there is one. Both are written beside and renamed.
 *
 * @param path ends in `.npy`.
 * @throws Error when the path does not end in `.npy` or the numbers of rows and paths differ.
 */
export async function writeFeatures(
  path: string,
  features: NdArray<Float32Array>,
  pictures: FeatureSources,
): Promise<FeatureFiles> {
  if (!path.endsWith(".npy"))
    throw new Error(`writeFeatures: ${path} does not end in .npy; give a path such as features.npy.`);
  const { paths, labels, classes } = pictures;
  if (features.shape.length < 2 || features.shape[0] !== paths.length) {
    throw new Error(
      `writeFeatures: features is ${features.shape.join("×")} and there are ${paths.length} paths; ` +
        "there must be one path a row.",
    );
  }
  const lines = paths.map((picture, row) => {
    const label = labels?.[row] ?? -1;
    return `${JSON.stringify({ row, path: picture, ...(label >= 0 ? { label: classes?.[label] ?? label } : {}) })}\n`;
  });
  const linesPath = `${path.slice(0, -".npy".length)}.jsonl`;
  await writeFile(linesPath, lines.join(""));
  await writeFile(path, npyBytes(features));
  return { features: path, paths: linesPath };
}

async function writeFile(path: string, contents: string | Uint8Array): Promise<void> {
  try {
    await writeFileDurably(path, contents);
  } catch (error) {
    throw new Error(`writeFeatures: ${path} could not be written: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** The elements in row-major order: features that the library made are contiguous already. */
function contiguous(features: NdArray<Float32Array>): Float32Array {
  let expected = 1;
  for (let axis = features.shape.length - 1; axis >= 0; axis--) {
    if (features.stride[axis] !== expected && features.shape[axis]! > 1) {
      throw new Error(
        `npyBytes: the array has strides ${features.stride.join(", ")}; ` +
          "it must be contiguous and row-major. Copy it first.",
      );
    }
    expected *= features.shape[axis]!;
  }
  return features.data.subarray(features.offset, features.offset + features.size);
}
