import type { SkippedPicture } from "@splitmask/data";
import { type Classification, classification, rankedAtOnce } from "./classification.js";
import { type ClassifyDatasetOptions, classifyDataset } from "./classifyDataset.js";

/** Options of {@link evaluateClassifier}: the pictures have labels. */
export type EvaluateClassifierOptions = Omit<ClassifyDatasetOptions, "k">;

/** How well a classifier does. */
export interface ClassifierEvaluation extends Omit<Classification, "top5Accuracy"> {
  /**
   * Share of the pictures whose class is among the five with the highest scores; null with no more than five classes.
   */
  readonly top5: number | null;
  /** The class of each picture that could be read. */
  readonly labels: Int32Array;
  /** Which picture of the data set each one is. */
  readonly indices: Int32Array;
  /** The pictures that could not be read; they do not count. */
  readonly skipped: readonly SkippedPicture[];
}

/**
 * Classifies all pictures of a data set, each once, and counts how often that is right.
 *
 * @throws Error (rejects) If no picture can be read, or one has no label.
 */
export async function evaluateClassifier(options: EvaluateClassifierOptions): Promise<ClassifierEvaluation> {
  const { dataset } = options;
  const classes = dataset.classes.length;
  for (let index = 0; index < dataset.length; index++) {
    if (dataset.label(index) >= 0) continue;
    throw new Error(
      `evaluateClassifier: ${dataset.path(index)} has no label. Leave such pictures out with subset().`,
    );
  }
  const { ranked, ...found } = await classifyDataset({ ...options, k: rankedAtOnce(classes) });
  const { top5Accuracy: top5, ...counted } = classification(ranked, found.labels, classes);
  return { ...counted, top5, ...found };
}
