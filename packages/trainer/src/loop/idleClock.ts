/** Knows how long the device has had nothing to do because a batch was not ready. */
export class IdleClock {
  #running = 0;
  #idleSince = 0;

  /** Work is on the queue until this promise settles. */
  watch(work: Promise<unknown>): void {
    this.#running++;
    const computed = () => {
      this.#running--;
      this.#idleSince = performance.now();
    };
    work.then(computed, computed);
  }

  /** Milliseconds that the device has waited for a batch that was asked for at `asked` (`performance.now()`). */
  waitedFor(asked: number): number {
    return this.#running > 0 ? 0 : performance.now() - Math.max(asked, this.#idleSince);
  }
}
