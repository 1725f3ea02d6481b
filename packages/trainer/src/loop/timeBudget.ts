import type { PlanHistory } from "./planPosition.js";
import type { EvaluatedSteps } from "./rhythm.js";

/**
 * A time that a run may take. Its number of steps is what fits, planned with the first steps' time and planned anew
 * where the machine turns out to be slower or faster.
 */
export interface TimeLimit {
  /**
   * Time that the run may take in all, in seconds: what went before this call, the call, and what comes after it. A
   * resumed run has what is left of it.
   */
  readonly seconds: number;
  /**
   * How much of it was spent before this call, in seconds, where the run is new; of a resumed one, since it was taken
   * up again. Default 0.
   */
  readonly elapsed?: number;
  /** What is kept back for what the caller does after the last step and its checkpoint, in seconds. Default 0. */
  readonly afterwards?: number;
  /** What decoding all samples once takes from the steps, in seconds; 0 where they are decoded already. Default 0. */
  readonly decoding?: number;
  /**
   * What a step takes on the machine that `afterwards` and `decoding` were estimated for: where steps turn out slower,
   * more is kept back. Default: what the first steps take.
   */
  readonly secondsPerStep?: number;
}

/** What a checkpoint of a timed run says of its time. */
export interface TimedState extends PlanHistory {
  /** Seconds of the limit that were spent, over all calls. */
  readonly spent: number;
  /** What a step took lately, in seconds. */
  readonly secondsPerStep: number;
  /** What an evaluation takes beside such steps, in steps; 0 where there is none. */
  readonly evaluationSteps: number;
}

/** This share of the time is not planned with: late is worse than early. */
const MARGIN = 0.02;
/** Plans that are off by no more than this share of the steps that are left stay. */
const TOLERANCE = 0.05;
/** Looks at the time are this share of the limit apart, */
const SHARE_OF_LIMIT = 1 / 20;
/** and towards the end this share of what is left: a run that slows down late is still on time. */
const SHARE_OF_REST = 1 / 10;
/**
 * What is to come is judged by the past so long as this share of it: a load that came to stay soon counts fully, one
 * that comes and goes evens out.
 */
const LOOKED_BACK = 1 / 3;
/** But by so many steps at least: single ones may seem to end at once, or two at a time, by when this thread looks. */
const FEWEST = 4;
/** What the optimizer adds to steps that were timed without it. */
const OPTIMIZER = 1.04;
/** More of these are thinned out. */
const MOST_MARKS = 256;
/**
 * How many times as long the end of a run is taken to last where steps take so many times as long as expected: a part
 * of it is files and single threads, while a step waits for the slowest of all threads. A rule of thumb: the whole
 * factor ended runs far too early on a busy machine.
 */
function slownessOfEnd(steps: number): number {
  return Math.min(4, Math.max(1, Math.sqrt(steps)));
}

/** When a step was done, in seconds without those of evaluations. */
interface Mark {
  readonly step: number;
  readonly seconds: number;
  /** For how many of them the device waited for data. */
  readonly waited: number;
}

/** What a step takes. */
interface Pace {
  /** A step whose samples are decoded, in seconds. */
  readonly step: number;
  /** Without waiting for data. */
  readonly computing: number;
}

/** Turns what is left of a time limit into steps, again and again. */
export class TimeBudget {
  readonly #limit: TimeLimit;
  readonly #clock: () => number;
  readonly #started: number;
  readonly #batchesPerEpoch: number;
  #spentBefore = 0;
  /** Seconds of evaluations in this call. */
  #evaluating = 0;
  #evaluationSteps = 0;
  #pace: Pace | null = null;
  /** What a step takes on the machine that the limit's other times are of. */
  #expected: number | null;
  #marks: Mark[] = [];
  /** The steps that this call began after: from there on it decodes. */
  #begun = 0;
  #nextLook = 0;

  /**
   * @param clock Milliseconds.
   * @param started What it showed when the call began.
   */
  constructor(limit: TimeLimit, batchesPerEpoch: number, clock: () => number, started: number) {
    this.#limit = limit;
    this.#expected = limit.secondsPerStep ?? null;
    this.#batchesPerEpoch = batchesPerEpoch;
    this.#clock = clock;
    this.#started = started;
  }

  /** Seconds of the limit that are spent. */
  get spent(): number {
    return this.#spentBefore + (this.#limit.elapsed ?? 0) + (this.#clock() - this.#started) / 1000;
  }

  /** What a checkpoint says of it. */
  get state(): Omit<TimedState, keyof PlanHistory> {
    return {
      spent: this.spent,
      secondsPerStep: this.#pace?.step ?? 0,
      evaluationSteps: this.#evaluationSteps,
    };
  }

  /** Goes on from a checkpoint. */
  resume({ evaluationSteps, secondsPerStep, spent }: TimedState): void {
    this.#spentBefore = spent;
    this.#evaluationSteps = evaluationSteps;
    this.#pace = { step: secondsPerStep, computing: secondsPerStep };
    this.#expected ??= secondsPerStep;
  }

  /**
   * The first plan.
   *
   * @param secondsPerStep What steps take that change nothing.
   * @param evaluationSeconds What an evaluation takes.
   * @param evaluationsIn How many there are in a run of so many steps.
   * @returns Its number of steps, at least 1.
   */
  plan(secondsPerStep: number, evaluationSeconds: number, evaluationsIn: (steps: number) => number): number {
    const step = OPTIMIZER * secondsPerStep;
    this.#pace = { step, computing: step };
    this.#expected ??= step;
    this.#evaluationSteps = evaluationSeconds / step;
    return this.#stepsThatFit(this.#pace, 0, 1, evaluationsIn);
  }

  /** The loop begins, or goes back, after so many steps. */
  begin(step: number): void {
    this.#marks = [];
    this.#begun = step;
    this.#lookLater();
  }

  /** So many steps are done; for the last the device waited so many milliseconds for data. */
  stepped(step: number, waited: number): void {
    const before = this.#marks.at(-1)?.waited ?? 0;
    this.#marks.push({ step, seconds: this.#training, waited: before + waited / 1000 });
    if (this.#marks.length > MOST_MARKS) this.#marks = this.#marks.filter((_, index) => index % 2 === 0);
  }

  /** The model was evaluated. */
  evaluated(seconds: number): void {
    this.#evaluating += seconds;
    if (this.#pace !== null) this.#evaluationSteps = seconds / this.#pace.step;
  }

  /**
   * Looks whether the plan still fits, where it is time for that.
   *
   * @param done Steps that are done.
   * @param begun Steps that were begun.
   * @returns The steps of a better plan, at least those begun; null where the plan stays.
   */
  look(done: number, begun: number, plan: EvaluatedSteps): number | null {
    if (this.spent < this.#nextLook) return null;
    this.#lookLater();
    const pace = this.#measured();
    if (pace === null) return null;
    this.#pace = pace;
    const steps = this.#stepsThatFit(
      pace,
      done,
      begun,
      (total) => plan.evaluations?.timesLeft(done, total) ?? 0,
    );
    return Math.abs(steps - plan.steps) > TOLERANCE * (plan.steps - done) ? steps : null;
  }

  /** What a step took at the last look, in seconds. */
  get secondsPerStep(): number {
    return this.#pace?.step ?? 0;
  }

  /** Seconds of this call that were no evaluation's. */
  get #training(): number {
    return (this.#clock() - this.#started) / 1000 - this.#evaluating;
  }

  #lookLater(): void {
    const { seconds } = this.#limit;
    this.#nextLook = this.spent + Math.min(seconds * SHARE_OF_LIMIT, this.#rest * SHARE_OF_REST);
  }

  /** What is left of the limit, in seconds. */
  get #rest(): number {
    return Math.max(0, this.#limit.seconds - this.spent);
  }

  /** What a step takes lately. */
  #measured(): Pace | null {
    const last = this.#marks.at(-1);
    if (last === undefined) return this.#pace;
    const enough = this.#marks.filter(({ step }) => last.step - step >= FEWEST);
    const since = last.seconds - LOOKED_BACK * this.#rest;
    const first = enough.findLast((mark) => mark.seconds <= since) ?? enough[0];
    if (first === undefined) return this.#pace;
    const work = this.#work(first.step, last.step);
    const seconds = last.seconds - first.seconds;
    // What decoding takes is an estimate: it never makes steps out to be faster than they were.
    const step = Math.max(
      seconds / work,
      Math.min(seconds / (last.step - first.step), this.#pace?.step ?? 0),
    );
    return { step, computing: Math.max(0, seconds - (last.waited - first.waited)) / work };
  }

  /** The steps from one to another as a number of steps whose samples are decoded. */
  #work(from: number, to: number): number {
    const { decoding = 0 } = this.#limit;
    const undecoded = Math.max(0, Math.min(to, this.#begun + this.#batchesPerEpoch) - from);
    return to - from + (undecoded * decoding) / (this.#batchesPerEpoch * this.#expected!);
  }

  /** The most steps of a whole run, at least `fewest`, that fit in the time. */
  #stepsThatFit(
    { computing, step }: Pace,
    done: number,
    fewest: number,
    evaluationsIn: (steps: number) => number,
  ): number {
    const { afterwards = 0, seconds } = this.#limit;
    const end = slownessOfEnd(computing / this.#expected!) * afterwards;
    const left = seconds * (1 - MARGIN) - this.spent - end;
    const fits = (steps: number) =>
      step * (this.#work(done, steps) + evaluationsIn(steps) * this.#evaluationSteps) <= left;
    let low = fewest;
    let high = Math.max(fewest, done + Math.ceil(Math.max(0, left) / step)) + 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (fits(middle)) low = middle;
      else high = middle;
    }
    return low;
  }
}
