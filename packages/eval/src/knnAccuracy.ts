import { argmax, scope, slice, type Tensor, tensor, zeros } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import { type Classification, classification } from "./confusion.js";
import { checkFeatures, type LabelledFeatures } from "./labelledFeatures.js";
import { nearest, queriesAtOnce, unitRows } from "./similarity.js";

/** Options of {@link knnAccuracy}. */
export interface KnnOptions {
  /** Where it is computed. */
  readonly device: Device;
  /** The pictures that vote. */
  readonly train: LabelledFeatures;
  /** The pictures that are classified. */
  readonly test: LabelledFeatures;
  /** Number of neighbours that vote. Default 20. */
  readonly k?: number;
  /** τ of the weights exp(similarity / τ). Default 0.07. */
  readonly temperature?: number;
  /** Training rows that are compared at once; changes the memory, not the result. Default 131072. */
  readonly columnsAtOnce?: number;
}

/**
 * Weighted k-nearest-neighbour classification (Wu et al. 2018, §3.4, as DINO uses it): the k training pictures with the largest
 * cosine similarity s vote for their classes with the weight exp(s / τ).
 *
 * @throws Error when the features do not fit together, or k is larger than the training set.
 */
export async function knnAccuracy(options: KnnOptions): Promise<Classification> {
  const { device, train, test, k = 20, temperature = 0.07, columnsAtOnce = 131_072 } = options;
  const { trainRows, testRows, classes } = checkFeatures("knnAccuracy", train, test);
  if (!Number.isInteger(k) || k < 1 || k > trainRows) {
    throw new RangeError(
      `knnAccuracy: k is ${k} and train has ${trainRows} pictures; k must be a whole number from 1 to ${trainRows}.`,
    );
  }
  if (!(temperature > 0))
    throw new RangeError(`knnAccuracy: temperature is ${temperature}; it must be above 0.`);
  const rows = unitRows(device, train.features);
  const queries = unitRows(device, test.features);
  const labels = tensor(device, Int32Array.from(train.labels));
  const classNumbers = tensor(
    device,
    Int32Array.from({ length: classes }, (_, index) => index),
  );
  const chunk = queriesAtOnce(trainRows, columnsAtOnce);
  const predictions = new Int32Array(testRows);
  for (let start = 0; start < testRows; start += chunk) {
    const end = Math.min(testRows, start + chunk);
    const predicted = scope(device, (): Tensor => {
      const found = nearest(slice(queries, 0, start, end), rows, labels, k, columnsAtOnce);
      const scores = zeros(device, [end - start, classes]);
      device.run("neighbourVotes", "float32", {
        scores,
        values: found.similarities,
        indices: found.identities,
        labels: classNumbers,
        rows: end - start,
        k,
        classes,
        labelCount: classes,
        temperature,
      });
      return argmax(scores);
    });
    predictions.set((await predicted.data()) as Int32Array, start);
    predicted.dispose();
  }
  for (const held of [rows, queries, labels, classNumbers]) held.dispose();
  return classification(predictions, test.labels, classes);
}
