/** The first steps fill caches and the buffer pool; they say nothing about the speed. */
const WARM_UP = 2;
/** The median is taken over so many intervals at most. */
const WINDOW = 25;

/**
 * Measures the time between steps as a median over the last ones, and how much of it the device waited for data; the
 * first two steps are left out.
 */
export class RateMeter {
  readonly #intervals: number[] = [];
  readonly #waits: number[] = [];
  #allIntervals = 0;
  #allWaits = 0;
  #last: number | null = null;
  #seen = 0;

  /**
   * Tells the meter that a step is complete at `milliseconds`, and that the device had nothing to do for `waited` of
   * them because its batch was not ready.
   */
  tick(milliseconds: number, waited = 0): void {
    this.#seen++;
    if (this.#last !== null && this.#seen > WARM_UP) {
      const interval = milliseconds - this.#last;
      this.#intervals.push(interval);
      this.#waits.push(waited);
      this.#allIntervals += interval;
      this.#allWaits += waited;
      if (this.#intervals.length > WINDOW) {
        this.#intervals.shift();
        this.#waits.shift();
      }
    }
    this.#last = milliseconds;
  }

  /** Tells the meter that for so many milliseconds something else was done than steps. */
  pause(milliseconds: number): void {
    if (this.#last !== null) this.#last += milliseconds;
  }

  /** Median seconds a step; null before the third step. */
  get secondsPerStep(): number | null {
    if (this.#intervals.length === 0) return null;
    return medianOf(this.#intervals) / 1000;
  }

  /** Share of the last steps' time that the device waited for data; null before the third step. */
  get waitingShare(): number | null {
    if (this.#intervals.length === 0) return null;
    const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0);
    return shareOf(sum(this.#waits), sum(this.#intervals));
  }

  /** The same over all steps from the third on. */
  get totalWaitingShare(): number | null {
    return this.#intervals.length === 0 ? null : shareOf(this.#allWaits, this.#allIntervals);
  }
}

/** A share from 0 to 1: two clocks are read, so it may come out a hair above. */
const shareOf = (part: number, whole: number) => (whole > 0 ? Math.min(1, part / whole) : 0);

/** The median of at least one number. */
export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
