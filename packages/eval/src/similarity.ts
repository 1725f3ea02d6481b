import {
  concatenate,
  gatherIntegers,
  l2Normalize,
  matmul,
  reshape,
  scope,
  slice,
  type Tensor,
  topK,
} from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import type { NdArray } from "ndarray";
import { uploadFeatures } from "./labelledFeatures.js";

/** At most so many similarities are in memory at once (64 MiB). */
const SIMILARITIES = 1 << 24;

/** Rows of a matrix that are most alike to some others. */
export interface Neighbors {
  /** R×k cosine similarities in falling order. */
  readonly similarities: Tensor;
  /** R×k int32: what `identities` says of each neighbor. */
  readonly identities: Tensor;
}

/** Uploads features and scales each row to length 1. A row of zeros stays zero. */
export function unitRows(device: Device, features: NdArray<Float32Array>): Tensor {
  return scope(device, () => l2Normalize(uploadFeatures(device, features)));
}

/** How many queries are compared with so many rows at once. */
export function queriesAtOnce(rows: number, columnsAtOnce: number): number {
  return Math.max(1, Math.floor(SIMILARITIES / Math.min(rows, columnsAtOnce)));
}

/**
 * The k most similar rows for each query, by cosine similarity; ties go to the lower row. More than `columnsAtOnce`
 * rows are taken in pieces, whose best are merged.
 *
 * @param queries R×D unit rows.
 * @param rows N×D unit rows.
 * @param identities int32 N: what is reported of a row, e.g. its number or its label.
 */
export function nearest(
  queries: Tensor,
  rows: Tensor,
  identities: Tensor,
  k: number,
  columnsAtOnce: number,
): Neighbors {
  const count = rows.shape[0]!;
  const found: Neighbors[] = [];
  for (let start = 0; start < count; start += columnsAtOnce) {
    const end = Math.min(count, start + columnsAtOnce);
    // Its own scope: the products of one piece are gone before those of the next are made.
    found.push(
      scope(rows.device, () => {
        const products = matmul(queries, slice(rows, 0, start, end), { transposeB: true });
        const { values, indices } = topK(products, Math.min(k, end - start));
        return { similarities: values, identities: lookUp(slice(identities, 0, start, end), indices) };
      }),
    );
  }
  if (found.length === 1) return found[0]!;
  const similarities = concatenate(
    found.map((piece) => piece.similarities),
    1,
  );
  const candidates = concatenate(
    found.map((piece) => piece.identities),
    1,
  );
  const { values, indices } = topK(similarities, k);
  return { similarities: values, identities: gatherIntegers(candidates, indices) };
}

/** values[indices[r, j]] for int32 values N and indices R×k. */
function lookUp(values: Tensor, indices: Tensor): Tensor {
  const flat = gatherIntegers(reshape(values, [1, values.size]), reshape(indices, [1, indices.size]));
  return reshape(flat, indices.shape);
}
