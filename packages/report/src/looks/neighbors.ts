import { knnAccuracy, nearestNeighbors } from "@splitmask/eval";
import type { Device } from "@splitmask/kernels";
import ndarray, { type NdArray } from "ndarray";
import type { ConfusionView, PictureView } from "../data.js";
import { lastPart } from "../figures/format.js";

/** With fewer pictures of a class than this, on average, its neighbors say little. */
const leastOfEach = 4;
const mostNeighbors = 20;

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
): Promise<PictureView[]> {
  // A query finds itself first, and may be tied with a copy of itself: one more than is shown.
  const found = Math.min(gallery.length, count + 1);
  const wanted = featureRows(features, queries);
  const { indices, similarities } = await nearestNeighbors(device, features, wanted, found);
  return Promise.all(
    queries.map(async (query, row) => {
      const nearest = Array.from({ length: found }, (_, rank) => rank)
        .filter((rank) => indices.get(row, rank) !== query)
        .slice(0, count);
      const panels = nearest.map(async (rank) => {
        const { name, image } = gallery[indices.get(row, rank)]!;
        const remark = similarities.get(row, rank).toFixed(3);
        return { name, caption: lastPart(name), image: await image(), remark };
      });
      const { name, image } = gallery[query]!;
      return { name, original: await image(), panels: await Promise.all(panels) };
    }),
  );
}

/** N×D → R×D: some rows of a matrix, copied. */
function featureRows(features: NdArray<Float32Array>, rows: readonly number[]): NdArray<Float32Array> {
  const [, width] = features.shape as [number, number];
  const chosen = new Float32Array(rows.length * width);
  for (const [place, row] of rows.entries())
    chosen.set(features.data.subarray(row * width, (row + 1) * width), place * width);
  return ndarray(chosen, [rows.length, width]);
}

/**
 * Classifies pictures by their nearest neighbors: each half of the pictures votes on the other.
 *
 * @param device Where it is computed.
 * @param features N×D: the pictures' embeddings.
 * @param labels N labels, −1 for none.
 * @param classes Names of the classes, by label.
 * @returns The confusion matrix; null where there are no two classes, a picture without a label, or too few pictures.
 */
export async function knnConfusion(
  device: Device,
  features: NdArray<Float32Array>,
  labels: Int32Array,
  classes: readonly string[],
): Promise<ConfusionView | null> {
  const present = new Set(labels);
  if (classes.length < 2 || present.has(-1) || labels.length < leastOfEach * present.size) return null;
  const half = (odd: number) => {
    const rows = Array.from(labels.keys()).filter((row) => row % 2 === odd);
    return {
      features: featureRows(features, rows),
      labels: Int32Array.from(rows, (row) => labels[row]!),
      classes,
    };
  };
  const [even, odd] = [half(0), half(1)];
  const k = Math.min(mostNeighbors, odd.labels.length);
  const one = await knnAccuracy({ device, train: even, test: odd, k });
  const other = await knnAccuracy({ device, train: odd, test: even, k });
  return {
    title: "k-NN",
    note:
      "The encoder never saw the classes. " +
      `Each half of the ${labels.length.toLocaleString("en")} pictures is classified by its ${k} nearest neighbors ` +
      "in the other half. The encoder was trained on these pictures, without labels; splitmask knn measures on " +
      "held-out pictures.",
    classes,
    counts: one.confusion.map((row, label) => row.map((count, to) => count + other.confusion[label]![to]!)),
  };
}
