import { divide, noGrad, scope, slice, sum, type Tensor, tensor, topK, zeros } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import type { NdArray } from "ndarray";
import {
  type Classification,
  checkRanked,
  classification,
  type RankedClasses,
  rankedAtOnce,
} from "./classification.js";
import type { FeatureClassifier } from "./classifier.js";
import { checkTest, checkTraining, type LabelledFeatures } from "./labelledFeatures.js";
import { nearest, queriesAtOnce, unitRows } from "./similarity.js";

/** Options of {@link KnnClassifier}. */
export interface KnnClassifierOptions {
  /** Where it is computed. */
  readonly device: Device;
  /** The pictures that vote. */
  readonly train: LabelledFeatures;
  /** Number of neighbors that vote. Default 20. */
  readonly k?: number;
  /** τ of the weights exp(similarity / τ). Default 0.07. */
  readonly temperature?: number;
  /** Training rows that are compared at once; changes the memory, not the result. Default 131072. */
  readonly columnsAtOnce?: number;
}

/** Options of {@link knnAccuracy}. */
export interface KnnOptions extends KnnClassifierOptions {
  /** The pictures that are classified. */
  readonly test: LabelledFeatures;
}

/**
 * Weighted k-nearest-neighbor classification (Wu et al. 2018, §3.4, as DINO uses it): the k training pictures with the
 * largest
 * cosine similarity s vote for their classes with the weight exp(s / τ). A class's probability is its share of the
 * votes; it holds for any τ: only the similarities' distances to the largest count.
 */
export class KnnClassifier implements FeatureClassifier {
  readonly classes: number;
  readonly #options: Required<Omit<KnnClassifierOptions, "train">> & { readonly trainRows: number };
  readonly #rows: Tensor;
  readonly #labels: Tensor;
  readonly #classNumbers: Tensor;

  /** @throws Error when the features do not fit together, or k is larger than the training set. */
  constructor(options: KnnClassifierOptions) {
    const { device, train, k = 20, temperature = 0.07, columnsAtOnce = 131_072 } = options;
    const { rows: trainRows, classes } = checkTraining("KnnClassifier", train);
    if (!Number.isInteger(k) || k < 1 || k > trainRows) {
      throw new RangeError(
        `KnnClassifier: k is ${k} and train has ${trainRows} pictures; ` +
          `k must be a whole number from 1 to ${trainRows}.`,
      );
    }
    if (!(temperature > 0))
      throw new RangeError(`KnnClassifier: temperature is ${temperature}; it must be above 0.`);
    if (!Number.isInteger(columnsAtOnce) || columnsAtOnce < 1) {
      throw new RangeError(
        `KnnClassifier: columnsAtOnce is ${columnsAtOnce}; it must be a whole number from 1 on.`,
      );
    }
    this.classes = classes;
    this.#options = { device, k, temperature, columnsAtOnce, trainRows };
    this.#rows = unitRows(device, train.features);
    this.#labels = tensor(device, Int32Array.from(train.labels));
    this.#classNumbers = tensor(
      device,
      Int32Array.from({ length: classes }, (_, index) => index),
    );
  }

  async rank(features: NdArray<Float32Array>, ranked: number): Promise<RankedClasses> {
    const { device, columnsAtOnce, trainRows } = this.#options;
    const count = features.shape[0]!;
    const queries = unitRows(device, features);
    const chunk = queriesAtOnce(trainRows, columnsAtOnce);
    const labels = new Int32Array(count * ranked);
    const probabilities = new Float32Array(count * ranked);
    for (let start = 0; start < count; start += chunk) {
      const end = Math.min(count, start + chunk);
      const found = scope(device, () =>
        noGrad(device, () => {
          const votes = this.#votes(slice(queries, 0, start, end));
          const { values, indices } = topK(votes, ranked);
          return { indices, probabilities: divide(values, sum(votes, { axes: [1], keepDimensions: true })) };
        }),
      );
      labels.set((await found.indices.data()) as Int32Array, start * ranked);
      probabilities.set((await found.probabilities.data()) as Float32Array, start * ranked);
      found.indices.dispose();
      found.probabilities.dispose();
    }
    queries.dispose();
    const found = { labels, probabilities, k: ranked };
    checkRanked("KnnClassifier", found, "its features, or those of a training picture,");
    return found;
  }

  /** R×C sums of the neighbors' weights for unit rows R×D, in units of the nearest neighbor's. */
  #votes(queries: Tensor): Tensor {
    const { device, k, temperature, columnsAtOnce } = this.#options;
    const { classes } = this;
    const rows = queries.shape[0]!;
    const found = nearest(queries, this.#rows, this.#labels, k, columnsAtOnce);
    const scores = zeros(device, [rows, classes]);
    device.run("neighborVotes", "float32", {
      scores,
      values: found.similarities,
      indices: found.identities,
      labels: this.#classNumbers,
      rows,
      k,
      classes,
      labelCount: classes,
      temperature,
    });
    return scores;
  }

  dispose(): void {
    for (const held of [this.#rows, this.#labels, this.#classNumbers]) held.dispose();
  }
}

/**
 * How well {@link KnnClassifier} names the classes of test pictures.
 *
 * @throws Error when the features do not fit together, or k is larger than the training set.
 */
export async function knnAccuracy(options: KnnOptions): Promise<Classification> {
  const { test, train } = options;
  checkTest("knnAccuracy", train, test);
  const classifier = new KnnClassifier(options);
  try {
    const { classes } = classifier;
    return classification(await classifier.rank(test.features, rankedAtOnce(classes)), test.labels, classes);
  } finally {
    classifier.dispose();
  }
}
