/** The first steps fill caches and the buffer pool; they say nothing about the speed. */
const WARM_UP = 2;

/** Measures the time between steps as a median over the last ones; the first two steps are left out. */
export class RateMeter {
  readonly #window: number;
  readonly #intervals: number[] = [];
  #last: number | null = null;
  #seen = 0;

  /** A meter over the last `window` steps. */
  constructor(window = 25) {
    this.#window = window;
  }

  /** Tells the meter that a step is complete at `milliseconds`. */
  tick(milliseconds: number): void {
    this.#seen++;
    if (this.#last !== null && this.#seen > WARM_UP) {
      this.#intervals.push(milliseconds - this.#last);
      if (this.#intervals.length > this.#window) this.#intervals.shift();
    }
    this.#last = milliseconds;
  }

  /** How many intervals the median is taken over. */
  get measured(): number {
    return this.#intervals.length;
  }

  /** Median seconds a step; null before the third step. */
  get secondsPerStep(): number | null {
    if (this.#intervals.length === 0) return null;
    return medianOf(this.#intervals) / 1000;
  }
}

/** The median of at least one number. */
export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
