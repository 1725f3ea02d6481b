import type { BatchSource } from "@splitmask/trainer";

/** Batches that are made by a loader. */
export interface LoadedBatches<Batch> extends BatchSource<Batch> {
  /** Ends the loader. */
  close(): void;
}
