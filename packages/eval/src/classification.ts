import { type AccuracyInterval, wilsonInterval } from "./confidence.js";

/** The classes that a classifier holds most likely for some pictures. */
export interface RankedClasses {
  /** N·k class numbers, row-major: the k most likely ones of each picture, the likeliest first. */
  readonly labels: Int32Array;
  /** N·k probabilities of these classes, 0 … 1. */
  readonly probabilities: Float32Array;
  /** How many classes a picture has here. */
  readonly k: number;
}

/** How often each class was taken for each. */
export interface Classification {
  /** Share of test pictures whose class was predicted, 0 … 1. */
  readonly accuracy: number;
  /** Where the accuracy lies with 95 % confidence, from the number of test pictures (Wilson). */
  readonly interval: AccuracyInterval;
  /** Share of test pictures whose class is among the five most likely ones; null with no more than five classes. */
  readonly top5Accuracy: number | null;
  /** The accuracy for each class; NaN for a class without test pictures. */
  readonly perClass: readonly number[];
  /** `confusion[c][p]`: how many test pictures of class c were taken for class p. */
  readonly confusion: readonly (readonly number[])[];
  /** The predicted class of each test picture. */
  readonly predictions: Int32Array;
}

/** How many classes a picture {@link classification} looks at. */
export function rankedAtOnce(classes: number): number {
  return Math.min(5, classes);
}

/**
 * Throws where a probability is NaN: such a picture must not pass for one of a class.
 *
 * @param what The classifier's name.
 * @param cause What may be the reason, as the subject of "hold a NaN or an infinity".
 */
export function checkRanked(what: string, ranked: RankedClasses, cause: string): void {
  const place = ranked.probabilities.findIndex(Number.isNaN);
  if (place < 0) return;
  throw new RangeError(
    `${what}: picture ${Math.floor(place / ranked.k)} has no class, because its probabilities are NaN: ${cause} ` +
      "hold a NaN or an infinity.",
  );
}

/**
 * Counts predictions against labels.
 *
 * @param ranked The likeliest classes of each test picture, five of them (all, where there are fewer).
 * @param labels N true classes.
 * @param classes Number of classes.
 * @throws RangeError If a label or a prediction is not one of the classes.
 */
export function classification(
  ranked: Pick<RankedClasses, "labels" | "k">,
  labels: Int32Array,
  classes: number,
): Classification {
  const { k } = ranked;
  const confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  const predictions = new Int32Array(labels.length);
  let amongFive = 0;
  for (const [row, label] of labels.entries()) {
    const likeliest = ranked.labels.subarray(row * k, row * k + k);
    const predicted = likeliest[0]!;
    if (confusion[label]?.[predicted] === undefined) {
      throw new RangeError(
        `classification: picture ${row} has the label ${label} and the predicted class ${predicted}; expected ` +
          `numbers from 0 to ${classes - 1} (−1 stands for none).`,
      );
    }
    predictions[row] = predicted;
    confusion[label]![predicted]!++;
    if (likeliest.includes(label)) amongFive++;
  }
  return {
    ...summarizeConfusion(confusion),
    top5Accuracy: classes > 5 ? amongFive / labels.length : null,
    predictions,
  };
}

/**
 * What a confusion matrix says: counts of several runs may be added before.
 *
 * @param confusion `confusion[c][p]`: how many pictures of class c were taken for class p.
 * @returns Accuracy with its interval, and accuracy for each class.
 */
export function summarizeConfusion(
  confusion: readonly (readonly number[])[],
): Pick<Classification, "accuracy" | "interval" | "perClass" | "confusion"> {
  let hits = 0;
  let total = 0;
  const perClass = confusion.map((counts, label) => {
    const pictures = counts.reduce((sum, count) => sum + count, 0);
    hits += counts[label]!;
    total += pictures;
    return counts[label]! / pictures;
  });
  return { accuracy: hits / total, interval: wilsonInterval(hits, total), perClass, confusion };
}

/** Pictures of one class that were taken for another. */
export interface ConfusedPair {
  /** The true class. */
  readonly label: number;
  /** What it was taken for. */
  readonly predicted: number;
  /** How many pictures. */
  readonly count: number;
  /** Their share of the pictures of the true class. */
  readonly share: number;
}

/**
 * The most frequent confusions, the largest share of a class first.
 *
 * @param confusion `confusion[c][p]`: how many pictures of class c were taken for class p.
 * @param most At most so many pairs. Default 5.
 */
export function mostConfused(confusion: readonly (readonly number[])[], most = 5): ConfusedPair[] {
  return confusion
    .flatMap((counts, label) => {
      const pictures = counts.reduce((sum, count) => sum + count, 0);
      return counts.flatMap((count, predicted) =>
        count > 0 && predicted !== label ? [{ label, predicted, count, share: count / pictures }] : [],
      );
    })
    .sort((a, b) => b.share - a.share || b.count - a.count)
    .slice(0, most);
}
