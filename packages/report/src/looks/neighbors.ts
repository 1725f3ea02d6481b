import { knnAccuracy, type LabelledFeatures, nearestNeighbors, selectRows } from "@splitmask/eval";
import type { Device } from "@splitmask/kernels";
import type { Sharp } from "sharp";
import type { ConfusionView, PictureView } from "../data.js";
import { lastPart } from "../figures/format.js";
import { dataUri } from "./draw.js";

/** With fewer pictures of a class than this, on average, its neighbors say little. */
const leastOfEach = 4;
const mostNeighbors = 20;

/**
 * Looks up the nearest neighbors of some pictures among all.
 *
 * @param device Where it is computed.
 * @param set The embeddings of N pictures.
 * @param names N names.
 * @param drawn The N pictures.
 * @param queries Which ones serve as queries.
 * @param count Neighbors a query.
 */
export async function neighborViews(
  device: Device,
  set: LabelledFeatures,
  names: readonly string[],
  drawn: readonly Sharp[],
  queries: readonly number[],
  count: number,
): Promise<PictureView[]> {
  // A query finds itself first, and may be tied with a copy of itself: one more than is shown.
  const found = Math.min(names.length, count + 1);
  const wanted = selectRows(set, queries).features;
  const { indices, similarities } = await nearestNeighbors(device, set.features, wanted, found);
  return Promise.all(
    queries.map(async (query, row) => {
      const nearest = Array.from({ length: found }, (_, rank) => rank)
        .filter((rank) => indices.get(row, rank) !== query)
        .slice(0, count);
      const panels = nearest.map(async (rank) => {
        const index = indices.get(row, rank);
        const [name, image] = [names[index]!, await dataUri(drawn[index]!)];
        return { name, caption: lastPart(name), image, remark: similarities.get(row, rank).toFixed(3) };
      });
      const original = await dataUri(drawn[query]!);
      return { name: names[query]!, original, panels: await Promise.all(panels) };
    }),
  );
}

/**
 * Classifies pictures by their nearest neighbors: each half of the pictures votes on the other.
 *
 * @param device Where it is computed.
 * @param set The embeddings, with the label −1 where there is none.
 * @returns The confusion matrix; null where there are no two classes, a picture without a label, or too few pictures.
 */
export async function knnConfusion(device: Device, set: LabelledFeatures): Promise<ConfusionView | null> {
  const { classes = [], labels } = set;
  const present = new Set(labels);
  if (classes.length < 2 || present.has(-1) || labels.length < leastOfEach * present.size) return null;
  const half = (odd: number) => Array.from(labels.keys()).filter((row) => row % 2 === odd);
  const [even, odd] = [selectRows(set, half(0)), selectRows(set, half(1))];
  const k = Math.min(mostNeighbors, odd.labels.length);
  const one = await knnAccuracy({ device, train: even, test: odd, k });
  const other = await knnAccuracy({ device, train: odd, test: even, k });
  return {
    title: "k-NN",
    note:
      "The encoder never saw the classes. " +
      `Each half of the ${labels.length.toLocaleString("en")} pictures is classified by its ${k} nearest neighbors ` +
      "in the other half. An encoder may do better on pictures that it was trained on, without labels, than on new " +
      "ones; splitmask knn measures on held-out pictures.",
    classes,
    counts: one.confusion.map((row, label) => row.map((count, to) => count + other.confusion[label]![to]!)),
  };
}
