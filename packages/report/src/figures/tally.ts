import type { ConfusionView } from "../data.js";

/**
 * Counts a confusion matrix.
 *
 * @param view The matrix.
 * @returns How many pictures it holds, and how many of them were taken for what they are.
 */
export function tally({ counts }: Pick<ConfusionView, "counts">): { right: number; pictures: number } {
  return {
    right: counts.reduce((sum, row, label) => sum + row[label]!, 0),
    pictures: counts.flat().reduce((sum, count) => sum + count, 0),
  };
}
