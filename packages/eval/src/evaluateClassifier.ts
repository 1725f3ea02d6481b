import { scope, type Tensor, topK } from "@splitmask/autograd";
import {
  centerCrop,
  type ImageDataset,
  orderedBatches,
  type SkippedPicture,
  type View,
} from "@splitmask/data";
import type { Device } from "@splitmask/kernels";
import { type Classification, classification } from "./confusion.js";

/** Anything that scores classes; the `ClassifierModel` of `@splitmask/methods` does. */
export interface ImageClassifier {
  /** B×3×H×W → B×C, without a graph. */
  classify(images: Tensor): Tensor;
}

/** Options of {@link evaluateClassifier}. */
export interface EvaluateClassifierOptions {
  /** Where the classifier lives. */
  readonly device: Device;
  /** What scores the classes. */
  readonly classifier: ImageClassifier;
  /** Labelled pictures. */
  readonly dataset: ImageDataset;
  /** The size and scale that the classifier was trained with. */
  readonly view: View;
  /** Share of the short side that is shown, from the middle. Default 0.875. */
  readonly cropRatio?: number;
  /** Pictures a batch; changes the memory and the speed, not the result. Default 64. */
  readonly batchSize?: number;
  /** Hears of each batch: how many pictures of how many are classified. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** How well a classifier does. */
export interface ClassifierEvaluation extends Classification {
  /** Share of the pictures whose class is among the five with the highest scores (of all classes, where there are fewer). */
  readonly top5: number;
  /** The class of each picture that could be read. */
  readonly labels: Int32Array;
  /** Which picture of the data set each one is. */
  readonly indices: Int32Array;
  /** The pictures that could not be read; they do not count. */
  readonly skipped: readonly SkippedPicture[];
}

/**
 * Classifies all pictures of a data set, each once, and counts how often that is right. While a batch computes, the next is decoded.
 *
 * @throws Error (rejects) If no picture can be read, or one has no label.
 */
export async function evaluateClassifier(options: EvaluateClassifierOptions): Promise<ClassifierEvaluation> {
  const { device, classifier, dataset, view, cropRatio = 0.875, batchSize = 64, onProgress } = options;
  const source = orderedBatches(dataset, {
    device,
    batchSize,
    views: [view],
    augmentation: centerCrop({ ratio: cropRatio }),
  });
  const classes = dataset.classes.length;
  const best = Math.min(5, classes);
  const ranked: number[] = [];
  const labels: number[] = [];
  const indices: number[] = [];
  const read = async (found: Tensor) => {
    ranked.push(...((await found.data()) as Int32Array));
    found.dispose();
  };
  let reading = Promise.resolve();
  for await (const batch of source) {
    const unlabelled = batch.labels.findIndex((label) => label < 0);
    if (unlabelled >= 0) {
      throw new Error(
        `evaluateClassifier: ${dataset.path(batch.indices[unlabelled]!)} has no label. Leave such pictures out with subset().`,
      );
    }
    const found = scope(device, () => topK(classifier.classify(batch.views[0]!), best).indices);
    for (const images of batch.views) images.dispose();
    labels.push(...batch.labels);
    indices.push(...batch.indices);
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
    throw new Error(`evaluateClassifier: none of the ${dataset.length} pictures can be read, ${example}.`);
  }
  const predictions = Int32Array.from(labels, (_, row) => ranked[row * best]!);
  const among = labels.filter((label, row) => ranked.slice(row * best, (row + 1) * best).includes(label));
  return {
    ...classification(predictions, Int32Array.from(labels), classes),
    top5: among.length / labels.length,
    labels: Int32Array.from(labels),
    indices: Int32Array.from(indices),
    skipped,
  };
}
