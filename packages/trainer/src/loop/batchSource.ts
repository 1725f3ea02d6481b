/** A picture that could not be read, and why. */
export interface SkippedPicture {
  /** Its path. */
  readonly path: string;
  /** What was wrong with it. */
  readonly reason: string;
}

/**
 * Where a run's batches come from. The image loader of `@splitmask/data` has this shape; so has any object with
 * these members.
 */
export interface BatchSource<Batch> {
  /** Number of samples in a batch; for the speed that is reported. */
  readonly batchSize: number;
  /** Number of batches in which every sample comes once. */
  readonly batchesPerEpoch: number;
  /**
   * The batch of step `step`, counted from 0. A pure function of its seed and `step`: the loop may ask for any step,
   * also for one that it has asked for before. It reads ahead by itself.
   */
  batch(step: number): Promise<Batch>;
  /**
   * The samples `start` … `end` − 1 of a batch, sharing its memory; what `accumulate` needs. Called within a scope,
   * which releases the views.
   */
  slice?(batch: Batch, start: number, end: number): Batch;
  /** The samples that have been skipped so far, each once, in any order; the list only grows. */
  skipped?(): readonly SkippedPicture[];
  /** Names of the batch's samples, e.g. the pictures' paths, for errors that concern it. */
  samples?(batch: Batch): readonly string[];
  /**
   * Called when the batch is not needed any more: its buffers may go back to the pool. Without it they go with the
   * garbage collector.
   */
  release?(batch: Batch): void;
}
