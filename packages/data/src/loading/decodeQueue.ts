import { availableParallelism } from "node:os";

/**
 * How many pictures are worth decoding at the same time: twice the cores, since each also waits for its file and for
 * JavaScript, at most the threads of libuv's pool (`UV_THREADPOOL_SIZE`, 4 where it is not set), on which sharp
 * decodes.
 */
export function defaultWorkers(): number {
  const threads = Number(process.env.UV_THREADPOOL_SIZE);
  return Math.min(2 * availableParallelism(), threads >= 1 ? threads : 4);
}

/** A picture's turn was canceled: its batch is not wanted any more. */
class CancelledError extends Error {}

/** A picture that waits for its turn. */
export interface Turn {
  /** The number of the batch that wants it. */
  batch: number;
  readonly begin: () => void;
  readonly cancel: (reason: Error) => void;
}

/**
 * Hands out turns to decode: batch after batch, a few at a time, and none for batches that nobody has asked for yet
 * while the pictures that wait to be used take more bytes than allowed.
 */
export class DecodeQueue {
  readonly #workers: number;
  readonly #mostBytes: number;
  readonly #turns: Turn[] = [];
  /** How many callers wait for each batch. */
  readonly #wanted = new Map<number, number>();
  #active = 0;
  #heldBytes = 0;
  #closed: Error | null = null;

  /**
   * @param workers Turns at a time.
   * @param mostBytes Bytes of pictures that may wait to be used.
   */
  constructor(workers: number, mostBytes: number) {
    this.#workers = workers;
    this.#mostBytes = mostBytes;
  }

  /**
   * A turn for a picture of a batch; `begun` resolves when it comes, and `done()` must follow. @throws (rejects) If it
   * was canceled.
   */
  turn(batch: number): { readonly turn: Turn; readonly begun: Promise<void> } {
    let turn!: Turn;
    const begun = new Promise<void>((begin, cancel) => {
      turn = { batch, begin, cancel };
    });
    if (this.#closed !== null) turn.cancel(this.#closed);
    else {
      this.#insert(turn);
      this.#next();
    }
    return { turn, begun };
  }

  /** Ends a turn that has begun. */
  done(): void {
    this.#active--;
    this.#next();
  }

  /** A batch that comes sooner wants the picture of a turn too. */
  hasten(turn: Turn, batch: number): void {
    const place = this.#turns.indexOf(turn);
    if (place < 0 || turn.batch <= batch) return;
    this.#turns.splice(place, 1);
    turn.batch = batch;
    this.#insert(turn);
    this.#next();
  }

  /** Somebody waits for a batch: its pictures are decoded whatever memory is used. */
  want(batch: number): void {
    this.#wanted.set(batch, (this.#wanted.get(batch) ?? 0) + 1);
    this.#next();
  }

  /** Takes back a `want`. */
  unwant(batch: number): void {
    const count = this.#wanted.get(batch)! - 1;
    if (count > 0) this.#wanted.set(batch, count);
    else this.#wanted.delete(batch);
  }

  /** A decoded picture takes memory. */
  hold(bytes: number): void {
    this.#heldBytes += bytes;
  }

  /** A decoded picture has been used. */
  letGo(bytes: number): void {
    this.#heldBytes -= bytes;
    this.#next();
  }

  /** Takes back the turns of a batch that have not come. */
  cancel(batch: number): void {
    for (const turn of this.#turns.filter((each) => each.batch === batch)) {
      this.#turns.splice(this.#turns.indexOf(turn), 1);
      turn.cancel(new CancelledError("its batch is not wanted any more"));
    }
    this.#next();
  }

  /** Takes back all turns that have not come, and those that will be asked for. */
  close(reason: Error): void {
    this.#closed ??= reason;
    for (const turn of this.#turns.splice(0)) turn.cancel(reason);
  }

  /** In the order of the batches; what is asked for later comes later. */
  #insert(turn: Turn): void {
    let place = this.#turns.length;
    while (place > 0 && this.#turns[place - 1]!.batch > turn.batch) place--;
    this.#turns.splice(place, 0, turn);
  }

  #next(): void {
    while (this.#active < this.#workers) {
      const allowed = this.#heldBytes < this.#mostBytes;
      const place = allowed ? 0 : this.#turns.findIndex(({ batch }) => this.#wanted.has(batch));
      const [turn] = place < 0 ? [] : this.#turns.splice(place, 1);
      if (turn === undefined) return;
      this.#active++;
      turn.begin();
    }
  }
}
