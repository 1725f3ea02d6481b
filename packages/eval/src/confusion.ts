/** How often each class was taken for each. */
export interface Classification {
  /** Share of test pictures whose class was predicted, 0 … 1. */
  readonly accuracy: number;
  /** The same for each class; NaN for a class without test pictures. */
  readonly perClass: readonly number[];
  /** `confusion[c][p]`: how many test pictures of class c were taken for class p. */
  readonly confusion: readonly (readonly number[])[];
  /** The predicted class of each test picture. */
  readonly predictions: Int32Array;
}

/** Counts predictions against labels. `classes`: number of classes. */
export function classification(predictions: Int32Array, labels: Int32Array, classes: number): Classification {
  const confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (const [row, label] of labels.entries()) confusion[label]![predictions[row]!]!++;
  let hits = 0;
  const perClass = confusion.map((counts, label) => {
    hits += counts[label]!;
    return counts[label]! / counts.reduce((total, count) => total + count, 0);
  });
  return { accuracy: hits / labels.length, perClass, confusion, predictions };
}
