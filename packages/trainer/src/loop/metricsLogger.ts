import { reasonOf } from "./reasonOf.js";

/**
 * Where a run's figures may go besides `metrics.jsonl` and the event file of its folder: a file of another format, a
 * service. Anything with `log` is one.
 */
export interface MetricsLogger {
  /**
   * Takes the figures of a step, e.g. `loss/total`, `learningRate`, `gradientNorm`, `imagesPerSecond`,
   * `health/effectiveRank`, or those of the evaluation after it, e.g. `evaluation/knnAccuracy`. Steps come in order. A
   * run that goes on from a checkpoint tells the steps after it once more.
   *
   * @returns Where it is a promise, training goes on meanwhile and the next call comes when it is fulfilled; with 1,000
   * calls waiting, training waits.
   */
  log(step: number, values: Readonly<Record<string, number>>): void | Promise<void>;
  /**
   * Called at the end of a run, however it ends: everything that was logged should be where it belongs when it returns
   * or resolves.
   */
  flush?(): void | Promise<void>;
  /** Called last. */
  close?(): void | Promise<void>;
}

/** A logger failed. The run is saved before this is thrown. */
export class LoggerError extends Error {
  /** `"LoggerError"`. */
  override readonly name = "LoggerError";

  /** @internal */
  constructor({ cause, when, who }: LoggerFailure, checkpoint: string | null) {
    const saved =
      checkpoint === null
        ? ""
        : ` The run is saved up to ${checkpoint}: mend the logger, then resume from there.`;
    super(`train: ${who} failed ${when}: ${reasonOf(cause)}${saved}`, { cause });
  }
}

/** What went wrong with a logger. */
interface LoggerFailure {
  /** Which one. */
  readonly who: string;
  /** In which call, e.g. `"in log at step 4"`. */
  readonly when: string;
  /** What it threw. */
  readonly cause: unknown;
}

/** With so many calls of a logger waiting, training waits. */
const MOST_WAITING = 1000;

/** The loggers of a run: each gets its calls one after the other. */
export class LoggerGroup {
  readonly #queues: readonly LoggerQueue[];
  #closing: Promise<void> | null = null;

  constructor(loggers: readonly MetricsLogger[]) {
    this.#queues = loggers.map((logger, index) => new LoggerQueue(logger, index));
  }

  /** What went wrong first; null while nothing did. */
  get failure(): LoggerFailure | null {
    return this.#queues.find(({ failure }) => failure !== null)?.failure ?? null;
  }

  /** Hands figures on, and waits for nothing. */
  log(step: number, values: Readonly<Record<string, number>>): void {
    for (const queue of this.#queues) queue.log(step, values);
  }

  /** Resolves when no logger is too far behind. */
  async keepUp(): Promise<void> {
    for (const queue of this.#queues) await queue.keepUp();
  }

  /** Resolves when all is logged, flushed and closed, as far as that is possible; `failure` tells. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const queue of this.#queues) await queue.close();
  }
}

class LoggerQueue {
  readonly #logger: MetricsLogger;
  readonly #who: string;
  readonly #waiting: { readonly step: number; readonly values: Readonly<Record<string, number>> }[] = [];
  #draining: Promise<void> | null = null;
  failure: LoggerFailure | null = null;

  constructor(logger: MetricsLogger, index: number) {
    this.#logger = logger;
    const kind = (logger.constructor as { readonly name?: string } | undefined)?.name;
    this.#who = `loggers[${index}]${kind === undefined || kind === "Object" ? "" : ` (${kind})`}`;
  }

  log(step: number, values: Readonly<Record<string, number>>): void {
    if (this.failure !== null) return;
    this.#waiting.push({ step, values });
    if (this.#draining !== null) return;
    // A logger that returns no promise has its call at once.
    const pending = this.#next();
    if (pending !== null) this.#draining = this.#drain(pending);
  }

  /** Makes the first call that waits; null where it is done with. */
  #next(): Promise<void> | null {
    const { step, values } = this.#waiting.shift()!;
    const when = `in log at step ${step}`;
    try {
      const pending = this.#logger.log(step, values);
      return pending instanceof Promise ? pending.catch((cause: unknown) => this.#fail(when, cause)) : null;
    } catch (cause) {
      this.#fail(when, cause);
      return null;
    }
  }

  async #drain(first: Promise<void>): Promise<void> {
    await first;
    while (this.#waiting.length > 0) await this.#next();
    this.#draining = null;
  }

  #fail(when: string, cause: unknown): void {
    this.failure ??= { who: this.#who, when, cause };
    this.#waiting.length = 0;
  }

  async keepUp(): Promise<void> {
    if (this.#waiting.length >= MOST_WAITING) await this.#draining;
  }

  async close(): Promise<void> {
    await this.#draining;
    for (const [name, call] of [
      ["flush", () => this.#logger.flush?.()],
      ["close", () => this.#logger.close?.()],
    ] as const) {
      try {
        await call();
      } catch (cause) {
        this.#fail(`in ${name}`, cause);
      }
    }
  }
}
