import { exp, logSoftmax, scope, type Tensor, topK } from "@splitmask/autograd";
import {
  centerCrop,
  type ImageDataset,
  orderedBatches,
  type SkippedPicture,
  type View,
} from "@splitmask/data";
import type { Device } from "@splitmask/kernels";
import { checkRanked, type RankedClasses } from "./classification.js";

/** Anything that scores classes; the `ClassifierModel` of `@splitmask/methods` does. */
export interface ImageClassifier {
  /** B×3×H×W → B×C logits, without a graph. */
  classify(images: Tensor): Tensor;
}

/** Options of {@link classifyDataset}. */
export interface ClassifyDatasetOptions {
  /** Where the classifier lives. */
  readonly device: Device;
  /** What scores the classes. */
  readonly classifier: ImageClassifier;
  /** The pictures, with labels or without. */
  readonly dataset: ImageDataset;
  /** The size and scale that the classifier was trained with. */
  readonly view: View;
  /** How many of the likeliest classes are kept for each picture, from 1 to the number of classes. */
  readonly k: number;
  /** Share of the short side that is shown, from the middle. Default 0.875. */
  readonly cropRatio?: number;
  /** Pictures a batch; changes the memory and the speed, not the result. Default 64. */
  readonly batchSize?: number;
  /** Hears of each batch: how many pictures of how many are classified. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** The classes of pictures. */
export interface ClassifiedDataset {
  /** The likeliest classes of each picture that could be read. */
  readonly ranked: RankedClasses;
  /** The true class of each; −1 without one. */
  readonly labels: Int32Array;
  /** Which picture of the data set each one is. */
  readonly indices: Int32Array;
  /** The pictures that could not be read. */
  readonly skipped: readonly SkippedPicture[];
}

/**
 * Classifies all pictures of a data set, each once, in order. While a batch computes, the next is decoded.
 *
 * @throws Error (rejects) If no picture can be read, or the scores of one are NaN.
 */
export async function classifyDataset(options: ClassifyDatasetOptions): Promise<ClassifiedDataset> {
  const { device, classifier, dataset, view, k, cropRatio = 0.875, batchSize = 64, onProgress } = options;
  const source = orderedBatches(dataset, {
    device,
    batchSize,
    views: [view],
    augmentation: centerCrop({ ratio: cropRatio }),
  });
  const classes: Int32Array[] = [];
  const probabilities: Float32Array[] = [];
  const labels: Int32Array[] = [];
  const indices: Int32Array[] = [];
  const read = async (found: { readonly values: Tensor; readonly indices: Tensor }) => {
    classes.push((await found.indices.data()) as Int32Array);
    probabilities.push((await found.values.data()) as Float32Array);
    found.indices.dispose();
    found.values.dispose();
  };
  let reading = Promise.resolve();
  for await (const batch of source) {
    const found = scope(device, () => {
      // Ranked before exp, whose small results are equal.
      const { values, indices: places } = topK(logSoftmax(classifier.classify(batch.views[0]!)), k);
      return { values: exp(values), indices: places };
    });
    for (const images of batch.views) images.dispose();
    labels.push(batch.labels);
    indices.push(batch.indices);
    await reading; // of the batch before, while this one is on the queue
    reading = read(found);
    reading.catch(() => undefined);
    onProgress?.(batch.indices.at(-1)! + 1, dataset.length);
  }
  await reading;
  const skipped = source.skipped();
  if (labels.length === 0) {
    const example =
      skipped[0] === undefined ? "the data set is empty" : `e.g. ${skipped[0].path}: ${skipped[0].reason}`;
    throw new Error(`classifyDataset: none of the ${dataset.length} pictures can be read, ${example}.`);
  }
  const ranked = {
    labels: joined(Int32Array, classes),
    probabilities: joined(Float32Array, probabilities),
    k,
  };
  checkRanked("classifyDataset", ranked, "its pixels, or the classifier's weights,");
  return {
    ranked,
    labels: joined(Int32Array, labels),
    indices: joined(Int32Array, indices),
    skipped,
  };
}

/** The parts one after the other. */
function joined<Elements extends Int32Array | Float32Array>(
  kind: new (length: number) => Elements,
  parts: readonly Elements[],
): Elements {
  const whole = new kind(parts.reduce((total, part) => total + part.length, 0));
  let place = 0;
  for (const part of parts) {
    whole.set(part, place);
    place += part.length;
  }
  return whole;
}
