import type { TrainingEvent } from "./events.js";
import { train } from "./train.js";
import type { TrainOptions, TrainResult } from "./trainOptions.js";

/** So many events wait for a slow reader before steps are dropped. */
const MOST_WAITING = 1000;

/** A run as a sequence of its events, and what came of it. */
export interface TrainingEvents extends AsyncIterable<TrainingEvent> {
  /** What `train` returns or throws; also where nobody reads the events. */
  readonly result: Promise<TrainResult>;
  /** How many step events were dropped so far, because the reader was more than 1,000 events behind. */
  readonly dropped: number;
}

/**
 * Trains as `train` does and yields the events, told apart by `type`. The run starts at once. Reading ends with the
 * run's last event, or throws its error after it. Leaving the loop early (`break`, `return`, an error) stops the run as
 * `signal` would: the step at hand is finished and a checkpoint written before the program goes on behind the loop.
 *
 * Training never waits for the reader: what it has not read yet waits, and where more than 1,000 events do, the oldest
 * step events of them are dropped and counted (`metrics.jsonl` has every step). Events of other kinds are few and
 * always kept. The events go to whoever asks: two readers share them.
 */
export function trainEvents<Batch>(options: TrainOptions<Batch>): TrainingEvents {
  const stop = new AbortController();
  const { signal } = options;
  const abort = () => stop.abort(signal?.reason);
  if (signal?.aborted) abort();
  else signal?.addEventListener("abort", abort, { once: true });
  const events = new EventQueue();
  const result = train({
    ...options,
    signal: stop.signal,
    onEvent(event) {
      events.push(event);
      options.onEvent?.(event);
    },
  }).finally(() => {
    signal?.removeEventListener("abort", abort);
    events.end();
  });
  // The reader gets it too.
  result.catch(() => undefined);
  const iterator: AsyncIterator<TrainingEvent, undefined> = {
    async next() {
      const event = await events.shift();
      if (event !== null) return { done: false, value: event };
      await result;
      return { done: true, value: undefined };
    },
    async return() {
      stop.abort();
      await result;
      return { done: true, value: undefined };
    },
  };
  return {
    result,
    get dropped() {
      return events.dropped;
    },
    [Symbol.asyncIterator]: () => iterator,
  };
}

/** Events that wait for a reader. */
class EventQueue {
  readonly #waiting: TrainingEvent[] = [];
  #ended = false;
  #wake: () => void = () => undefined;
  #changed = this.#change();
  dropped = 0;

  push(event: TrainingEvent): void {
    this.#waiting.push(event);
    if (this.#waiting.length > MOST_WAITING) {
      const oldest = this.#waiting.findIndex(({ type }) => type === "step");
      if (oldest >= 0) {
        this.#waiting.splice(oldest, 1);
        this.dropped++;
      }
    }
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** The oldest event; waits for one, and resolves to null when there will be none. */
  async shift(): Promise<TrainingEvent | null> {
    for (;;) {
      const event = this.#waiting.shift();
      if (event !== undefined) return event;
      if (this.#ended) return null;
      await this.#changed;
    }
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#changed = this.#change();
        resolve();
      };
    });
  }
}
