/** A worker that runs a thread of WebAssembly. */
export interface ThreadWorker {
  /** Whether the process has to go on for its sake. */
  keepAlive(needed: boolean): void;
  /** Ends it at once, whatever it computes. */
  end(): void;
}
