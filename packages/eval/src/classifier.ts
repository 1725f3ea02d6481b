import type { NdArray } from "ndarray";
import type { RankedClasses } from "./classification.js";

/** What gives classes to features: a fitted linear probe, or nearest neighbors. */
export interface FeatureClassifier {
  /** How many classes there are. */
  readonly classes: number;
  /**
   * The k most likely classes of each row, with probabilities.
   *
   * @param features N×D.
   * @param k From 1 to the number of classes.
   */
  rank(features: NdArray<Float32Array>, k: number): Promise<RankedClasses>;
  /** Gives its memory on the device back. */
  dispose(): void;
}
