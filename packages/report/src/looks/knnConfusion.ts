import { knnAccuracy } from "@splitmask/eval";
import type { Device } from "@splitmask/kernels";
import type { NdArray } from "ndarray";
import type { ConfusionView } from "../data.js";
import { featureRows } from "./featureRows.js";

/** With fewer pictures of a class than this, on average, its neighbors say little. */
const leastOfEach = 4;
const mostNeighbors = 20;

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
  const every = Array.from(labels.keys());
  const [even, odd] = [0, 1].map((half) => {
    const rows = every.filter((row) => row % 2 === half);
    return {
      features: featureRows(features, rows),
      labels: Int32Array.from(rows, (row) => labels[row]!),
      classes,
    };
  }) as [LabeledHalf, LabeledHalf];
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

interface LabeledHalf {
  readonly features: NdArray<Float32Array>;
  readonly labels: Int32Array;
  readonly classes: readonly string[];
}
