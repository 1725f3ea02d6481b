import { nearestNeighbors } from "@splitmask/eval";
import type { Device } from "@splitmask/kernels";
import type { NdArray } from "ndarray";
import type { NeighborView } from "../data.js";
import { featureRows } from "./featureRows.js";

/** How a picture of the gallery is shown. */
export interface GalleryPicture {
  /** What it is called. */
  readonly name: string;
  /** Draws it. */
  image(): Promise<string>;
}

/**
 * Looks up the nearest neighbors of some pictures in a gallery.
 *
 * @param device Where it is computed.
 * @param features N×D: the gallery's embeddings.
 * @param gallery The gallery's pictures.
 * @param queries Rows of the gallery that serve as queries.
 * @param count Neighbors a query.
 */
export async function neighborViews(
  device: Device,
  features: NdArray<Float32Array>,
  gallery: readonly GalleryPicture[],
  queries: readonly number[],
  count: number,
): Promise<NeighborView[]> {
  const [rows] = features.shape as [number, number];
  // A query finds itself first, and may be tied with a copy of itself: one more than is shown.
  const found = Math.min(rows, count + 1);
  const wanted = featureRows(features, queries);
  const { indices, similarities } = await nearestNeighbors(device, features, wanted, found);
  return Promise.all(
    queries.map(async (query, row) => {
      const places = Array.from({ length: found }, (_, rank) => rank).filter(
        (rank) => indices.get(row, rank) !== query,
      );
      const nearest = places.slice(0, count).map(async (rank) => {
        const { name, image } = gallery[indices.get(row, rank)]!;
        return { name, image: await image(), similarity: similarities.get(row, rank) };
      });
      const { name, image } = gallery[query]!;
      return { query: { name, image: await image() }, nearest: await Promise.all(nearest) };
    }),
  );
}
