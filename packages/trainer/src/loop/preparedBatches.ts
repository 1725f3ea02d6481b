import type { BatchSource } from "./batchSource.js";
import type { TrainingTask } from "./trainingTask.js";

/** The members of a batch source but `batch`, bound to it. */
export function passedOn<Batch>(source: BatchSource<Batch>): Omit<BatchSource<Batch>, "batch"> {
  const { batchSize, batchesPerEpoch } = source;
  return {
    batchSize,
    batchesPerEpoch,
    ...(source.slice === undefined
      ? {}
      : { slice: (batch: Batch, start: number, end: number) => source.slice!(batch, start, end) }),
    ...(source.skipped === undefined ? {} : { skipped: () => source.skipped!() }),
    ...(source.samples === undefined ? {} : { samples: (batch: Batch) => source.samples!(batch) }),
    ...(source.release === undefined ? {} : { release: (batch: Batch) => source.release!(batch) }),
  };
}

/** A source's batches as a task completes them. */
export function preparedBatches<Batch>(
  source: BatchSource<Batch>,
  task: TrainingTask<Batch>,
): BatchSource<Batch> {
  if (task.prepare === undefined) return source;
  return { ...passedOn(source), batch: async (step) => task.prepare!(await source.batch(step)) };
}
