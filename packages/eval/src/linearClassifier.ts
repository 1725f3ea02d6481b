import {
  argmax,
  exp,
  linear,
  logSoftmax,
  noGrad,
  scope,
  slice,
  type Tensor,
  topK,
} from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import type { NdArray } from "ndarray";
import { checkRanked, type RankedClasses } from "./classification.js";
import type { FeatureClassifier } from "./classifier.js";
import { uploadFeatures } from "./labelledFeatures.js";
import { type Standardization, standardize } from "./standardization.js";

/** At most so many logits are in memory at once (64 MiB). */
const LOGITS = 1 << 24;

/** A linear layer on standardized features. */
export interface LinearLayer {
  /** C×D. */
  readonly weight: Tensor;
  /** C. */
  readonly bias: Tensor;
}

/** A linear layer on features that are standardized first: what a linear probe learned. */
export class LinearClassifier implements FeatureClassifier {
  readonly classes: number;
  readonly #device: Device;
  readonly #standardization: Standardization;
  readonly #layer: LinearLayer;

  /** Takes the tensors over. */
  constructor(standardization: Standardization, layer: LinearLayer) {
    this.#device = layer.weight.device;
    this.#standardization = standardization;
    this.#layer = layer;
    this.classes = layer.weight.shape[0]!;
  }

  async rank(features: NdArray<Float32Array>, k: number): Promise<RankedClasses> {
    const count = features.shape[0]!;
    const labels = new Int32Array(count * k);
    const probabilities = new Float32Array(count * k);
    const rowsAtOnce = Math.max(1, Math.floor(LOGITS / this.classes));
    const rows = scope(this.#device, () =>
      standardize(uploadFeatures(this.#device, features), this.#standardization),
    );
    for (let start = 0; start < count; start += rowsAtOnce) {
      const end = Math.min(count, start + rowsAtOnce);
      const found = scope(this.#device, () =>
        noGrad(this.#device, () => {
          const logits = linear(slice(rows, 0, start, end), this.#layer.weight, this.#layer.bias);
          // Ranked before exp, whose small results are equal.
          const { values, indices } = topK(logSoftmax(logits), k);
          return { probabilities: exp(values), indices };
        }),
      );
      labels.set((await found.indices.data()) as Int32Array, start * k);
      probabilities.set((await found.probabilities.data()) as Float32Array, start * k);
      found.indices.dispose();
      found.probabilities.dispose();
    }
    rows.dispose();
    const found = { labels, probabilities, k };
    checkRanked("LinearClassifier", found, "its features, or the classifier's weights,");
    return found;
  }

  dispose(): void {
    const { center, scale } = this.#standardization;
    for (const held of [center, scale, this.#layer.weight, this.#layer.bias]) held.dispose();
  }
}

/** The likeliest class of each row of standardized features N×D, int32 N on the host; −1 where a score is NaN. */
export async function predictClasses(features: Tensor, { bias, weight }: LinearLayer): Promise<Int32Array> {
  const { device } = features;
  const count = features.shape[0]!;
  const predictions = new Int32Array(count);
  const rowsAtOnce = Math.max(1, Math.floor(LOGITS / weight.shape[0]!));
  for (let start = 0; start < count; start += rowsAtOnce) {
    const rows = Math.min(count, start + rowsAtOnce);
    const predicted = scope(device, () =>
      noGrad(device, () => argmax(linear(slice(features, 0, start, rows), weight, bias))),
    );
    predictions.set((await predicted.data()) as Int32Array, start);
    predicted.dispose();
  }
  return predictions;
}
