import { type AccuracyInterval, studentCoverage, summarizeAccuracies } from "./confidence.js";

/** How the accuracies of an experiment differ from those of a baseline with the same seeds. */
export interface PairedDifference {
  /** Mean of the differences. */
  readonly mean: number;
  /** Their standard deviation (divisor n − 1); 0 for one seed. */
  readonly standardDeviation: number;
  /** Where the mean difference over all seeds lies with 95 % confidence (Student's t); NaN for one seed. */
  readonly interval: AccuracyInterval;
  /** Student's t: mean / (standard deviation / √n); infinite where all differences are the same; NaN for one seed. */
  readonly t: number;
  /**
   * Two-sided p-value with n − 1 degrees of freedom: the probability of a |t| at least as large if both are equally
   * good. 1 if the mean difference is 0; NaN for one seed.
   */
  readonly pValue: number;
}

/**
 * Compares two experiments that were repeated with the same seeds: Student's t-test of the paired differences, as in
 * `scipy.stats.ttest_rel`. It assumes that the differences are roughly normally distributed.
 *
 * @param accuracies One for each seed, from 0 to 1.
 * @param baseline Those of the baseline, in the same order of seeds.
 * @throws RangeError When there are none, or the numbers of seeds differ.
 * @example
 * ```ts
 * import { pairedDifference } from "@splitmask/eval";
 *
 * const { mean, pValue } = pairedDifference([0.71, 0.74, 0.72], [0.65, 0.69, 0.68]);
 * console.log(mean.toFixed(3), pValue.toFixed(3)); // 0.050 0.013
 * ```
 */
export function pairedDifference(
  accuracies: readonly number[],
  baseline: readonly number[],
): PairedDifference {
  const count = accuracies.length;
  if (count === 0 || baseline.length !== count) {
    throw new RangeError(
      `pairedDifference: got ${count} accuracies and ${baseline.length} of the baseline; expected one of each for ` +
        "every seed.",
    );
  }
  const differences = accuracies.map((accuracy, place) => accuracy - baseline[place]!);
  const { interval, mean, standardDeviation } = summarizeAccuracies(differences);
  const summary = { mean, standardDeviation, interval };
  if (count === 1) return { ...summary, t: Number.NaN, pValue: Number.NaN };
  if (mean === 0) return { ...summary, t: 0, pValue: 1 };
  const t = mean / (standardDeviation / Math.sqrt(count));
  const freedom = count - 1;
  return { ...summary, t, pValue: 1 - studentCoverage(Math.atan(Math.abs(t) / Math.sqrt(freedom)), freedom) };
}
