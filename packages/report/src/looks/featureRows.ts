import ndarray, { type NdArray } from "ndarray";

/**
 * Some rows of a matrix, copied.
 *
 * @param features N×D.
 * @param rows Which rows, R of them.
 * @returns R×D.
 */
export function featureRows(features: NdArray<Float32Array>, rows: readonly number[]): NdArray<Float32Array> {
  const [, width] = features.shape as [number, number];
  const chosen = new Float32Array(rows.length * width);
  for (const [place, row] of rows.entries())
    chosen.set(features.data.subarray(row * width, (row + 1) * width), place * width);
  return ndarray(chosen, [rows.length, width]);
}
