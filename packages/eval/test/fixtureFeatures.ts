import { type HostTensor, readSafetensors } from "@splitmask/autograd";
import type { LabelledFeatures } from "@splitmask/eval";
import ndarray from "ndarray";

/** What `tools/reference/eval.py` wrote. */
export interface EvalFixture {
  readonly tensors: ReadonlyMap<string, HostTensor>;
  readonly metadata: Readonly<Record<string, string>>;
  /** 300 pictures of 5 classes with 24 features. */
  readonly train: LabelledFeatures;
  /** 80 pictures of the same classes. */
  readonly test: LabelledFeatures;
}

/** Reads the fixture of this package. */
export async function readEvalFixture(): Promise<EvalFixture> {
  const { tensors, metadata } = await readSafetensors(
    new URL("fixtures/eval.safetensors", import.meta.url).pathname,
  );
  const features = (name: string): LabelledFeatures => {
    const host = tensors.get(name)!;
    return {
      features: ndarray(host.data as Float32Array, [...host.shape]),
      labels: tensors.get(`${name}.labels`)!.data as Int32Array,
    };
  };
  return { tensors, metadata, train: features("train"), test: features("test") };
}

/** Features with mean 0 and deviation 1 in each column, by the definition, N·D numbers row by row. */
export function standardized({ features }: LabelledFeatures): Float32Array<ArrayBuffer> {
  const [rows, width] = features.shape as [number, number];
  const result = new Float32Array(rows * width);
  for (let column = 0; column < width; column++) {
    const values = Array.from({ length: rows }, (_, row) => features.get(row, column));
    const center = values.reduce((total, value) => total + value, 0) / rows;
    const variance = values.reduce((total, value) => total + (value - center) ** 2, 0) / rows;
    for (const [row, value] of values.entries())
      result[row * width + column] = (value - center) / (Math.sqrt(variance) + 1e-6);
  }
  return result;
}

/** The largest difference of two lists of numbers of the same length. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let largest = 0;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i]! - b[i]!));
  return largest;
}
