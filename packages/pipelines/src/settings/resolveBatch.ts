import { contradiction, type Decisions, formatCount } from "@splitmask/methods/settings";
import type { Config } from "./config.js";
import { formatBytes } from "./quantities.js";
import type { PretrainingQuestion, StepSettings } from "./stepSettings.js";

/**
 * How many pictures a step is to see, with memory enough: as given, or the largest power of two up to 128.
 *
 * @throws UsageError as `checkBatch` does.
 */
export function wantedBatch(given: Config, count: number): number {
  const largest = 2 ** Math.floor(Math.log2(Math.max(2, Math.min(128, count))));
  const { accumulate = 1, batch = largest } = given;
  checkBatch(batch, accumulate, count);
  return batch;
}

/** @throws UsageError where the batch is larger than the number of pictures, or no multiple of its micro-batches. */
export function checkBatch(batch: number, accumulate: number, count: number): void {
  if (batch > count) {
    const problem = `${batch}, but there are only ${formatCount(count)} pictures: use ${count} or fewer`;
    throw contradiction("batch", problem);
  }
  if (batch % accumulate !== 0) {
    const next = Math.ceil(batch / accumulate) * accumulate;
    const problem = `${batch} and ${accumulate}: the batch must be a multiple of its micro-batches`;
    throw contradiction("batch and accumulate", `${problem}; use a batch of ${next}`);
  }
}

/** Notes the batch, and what the memory made of it. */
export async function noteBatch(
  { costOf, given, machine, pictures: { count } }: PretrainingQuestion,
  settings: StepSettings,
  decisions: Decisions,
): Promise<void> {
  const { accumulate, batch, recompute } = settings;
  const wanted = wantedBatch(given, count);
  let tight = "";
  if (batch < wanted || accumulate > 1 || recompute) {
    const whole = await costOf({ ...settings, batch: wanted, accumulate: 1, recompute: false });
    const [taken, free] = [whole.memoryBytes, machine.freeBytes].map(formatBytes);
    tight = `a step of ${wanted} pictures at once takes ${taken}, and ${free} are free`;
  }
  const reason =
    batch < wanted
      ? tight
      : batch === 128
        ? "enough pictures to compare with each other, and small enough for a CPU"
        : `the largest power of two within ${formatCount(count)} pictures`;
  decisions.take("batch", given.batch, batch, reason);
  if (accumulate > 1) decisions.take("micro-batches", given.accumulate, accumulate, tight);
  if (recompute)
    decisions.note("recompute", "blocks run twice", given.recompute === undefined ? tight : "given");
}

/** Decides in how many micro-batches of at most so many pictures a batch goes through the model. */
export function takeMicroBatches(
  given: number | undefined,
  batch: number,
  largest: number,
  decisions: Decisions,
): number {
  const parts = Math.ceil(batch / largest);
  const accumulate = given ?? (batch % parts === 0 ? parts : 1);
  const reason = `${batch / accumulate} pictures at a time: the same step in less memory`;
  if (accumulate > 1) decisions.take("micro-batches", given, accumulate, reason);
  return accumulate;
}
