/** Where an accuracy lies with 95 % confidence. */
export interface AccuracyInterval {
  /** The lower end. */
  readonly low: number;
  /** The upper end. */
  readonly high: number;
}

/** The 97.5 % quantile of the normal distribution. */
const NORMAL = 1.959963984540054;

/**
 * The 95 % confidence interval of a share from so many trials (Wilson 1927, without continuity correction): (p̂ + z²/2n
 * ± z·√(p̂(1 − p̂)/n + z²/4n²)) / (1 + z²/n). It covers the chance of which pictures were tested, not that of what was
 * trained.
 *
 * @param hits Trials that succeeded.
 * @param trials All trials, at least 1.
 */
export function wilsonInterval(hits: number, trials: number): AccuracyInterval {
  const share = hits / trials;
  const z2 = NORMAL ** 2 / trials;
  const half = NORMAL * Math.sqrt((share * (1 - share)) / trials + z2 / (4 * trials));
  const low = (share + z2 / 2 - half) / (1 + z2);
  const high = (share + z2 / 2 + half) / (1 + z2);
  return { low: Math.max(0, low), high: Math.min(1, high) };
}

/** Accuracies of the same experiment with several seeds. */
export interface RepeatedAccuracy {
  /** Their mean. */
  readonly mean: number;
  /** Their standard deviation (divisor n − 1); 0 for one. */
  readonly standardDeviation: number;
  /**
   * Where the mean over all seeds lies with 95 % confidence: mean ± t·s/√n, t of Student's distribution with n − 1
   * degrees of freedom. NaN for one.
   */
  readonly interval: AccuracyInterval;
}

/**
 * Mean, standard deviation and 95 % confidence interval (Student's t) of an experiment's accuracies over seeds.
 *
 * @param accuracies One for each seed.
 * @throws RangeError When there is none.
 * @example
 * ```ts
 * import { summarizeAccuracies } from "@splitmask/eval";
 *
 * const { mean, interval } = summarizeAccuracies([0.71, 0.74, 0.72]);
 * console.log(mean.toFixed(3), interval.low.toFixed(3), interval.high.toFixed(3)); // 0.723 0.685 0.761
 * ```
 */
export function summarizeAccuracies(accuracies: readonly number[]): RepeatedAccuracy {
  const count = accuracies.length;
  if (count === 0)
    throw new RangeError("summarizeAccuracies: there is no accuracy; give one for each seed, at least one.");
  const mean = accuracies.reduce((sum, accuracy) => sum + accuracy, 0) / count;
  if (count === 1) return { mean, standardDeviation: 0, interval: { low: Number.NaN, high: Number.NaN } };
  const squares = accuracies.reduce((sum, accuracy) => sum + (accuracy - mean) ** 2, 0);
  const standardDeviation = Math.sqrt(squares / (count - 1));
  const half = (studentQuantile(count - 1) * standardDeviation) / Math.sqrt(count);
  return { mean, standardDeviation, interval: { low: mean - half, high: mean + half } };
}

/**
 * The 97.5 % quantile of Student's distribution: t with P(|T| ≤ t) = 0.95, found by halving θ = atan(t/√ν).
 *
 * @param freedom ν, degrees of freedom, a whole number from 1 on.
 */
export function studentQuantile(freedom: number): number {
  let low = 0;
  let high = Math.PI / 2;
  for (let halving = 0; halving < 60; halving++) {
    const middle = (low + high) / 2;
    if (studentCoverage(middle, freedom) < 0.95) low = middle;
    else high = middle;
  }
  return Math.sqrt(freedom) * Math.tan(low);
}

/**
 * P(|T| ≤ √ν·tan θ) by the finite sums for whole ν of Abramowitz and Stegun, 26.7.3 and 26.7.4.
 *
 * @param theta θ, from 0 to π/2.
 * @param freedom ν, degrees of freedom, a whole number from 1 on.
 */
export function studentCoverage(theta: number, freedom: number): number {
  const odd = freedom % 2 === 1;
  const cosine2 = Math.cos(theta) ** 2;
  let term = odd ? Math.cos(theta) : 1;
  let sum = freedom === 1 ? 0 : term;
  for (let power = odd ? 3 : 2; power <= freedom - 2; power += 2) {
    term *= (cosine2 * (power - 1)) / power;
    sum += term;
  }
  return odd ? (2 / Math.PI) * (theta + Math.sin(theta) * sum) : Math.sin(theta) * sum;
}
