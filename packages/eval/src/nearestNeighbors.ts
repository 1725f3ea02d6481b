import { scope, slice, tensor } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import ndarray, { type NdArray } from "ndarray";
import { nearest, queriesAtOnce, unitRows } from "./similarity.js";

/** What {@link nearestNeighbors} finds. */
export interface NearestNeighbors {
  /** R×k rows of `features`, the most similar first. */
  readonly indices: NdArray<Int32Array>;
  /** R×k cosine similarities, −1 … 1. */
  readonly similarities: NdArray<Float32Array>;
}

/**
 * The k rows of `features` (N×D) with the largest cosine similarity to each row of `queries` (R×D). A query that is
 * itself
 * among the features finds itself first.
 *
 * @throws Error when the widths differ, there are fewer than k rows, or a feature is NaN or infinite.
 */
export async function nearestNeighbors(
  device: Device,
  features: NdArray<Float32Array>,
  queries: NdArray<Float32Array>,
  k: number,
): Promise<NearestNeighbors> {
  const [rows, width] = features.shape as [number, number];
  const [count, queryWidth] = queries.shape as [number, number];
  if (width !== queryWidth) {
    throw new RangeError(
      `nearestNeighbors: features is ${features.shape.join("×")} and queries is ` +
        `${queries.shape.join("×")}; both need the same number of columns.`,
    );
  }
  if (!Number.isInteger(k) || k < 1 || k > rows) {
    throw new RangeError(
      `nearestNeighbors: k is ${k} and there are ${rows} features; k must be a whole number from 1 to ${rows}.`,
    );
  }
  const columnsAtOnce = 131_072;
  const candidates = unitRows(device, features);
  const wanted = unitRows(device, queries);
  const numbers = tensor(
    device,
    Int32Array.from({ length: rows }, (_, index) => index),
  );
  const indices = new Int32Array(count * k);
  const similarities = new Float32Array(count * k);
  const chunk = queriesAtOnce(rows, columnsAtOnce);
  for (let start = 0; start < count; start += chunk) {
    const end = Math.min(count, start + chunk);
    const found = scope(device, () => {
      const { similarities, identities } = nearest(
        slice(wanted, 0, start, end),
        candidates,
        numbers,
        k,
        columnsAtOnce,
      );
      return { similarities, identities };
    });
    const [places, values] = await Promise.all([found.identities.data(), found.similarities.data()]);
    indices.set(places as Int32Array, start * k);
    similarities.set(values as Float32Array, start * k);
    found.identities.dispose();
    found.similarities.dispose();
  }
  for (const held of [candidates, wanted, numbers]) held.dispose();
  const place = similarities.findIndex(Number.isNaN);
  if (place >= 0) {
    throw new RangeError(
      `nearestNeighbors: query ${Math.floor(place / k)} has no neighbors, because its similarities are NaN: ` +
        "its features, or some of those it is compared with, hold a NaN or an infinity.",
    );
  }
  return { indices: ndarray(indices, [count, k]), similarities: ndarray(similarities, [count, k]) };
}
