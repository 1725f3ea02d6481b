import { contradiction, type Decisions, formatCount } from "@splitmask/methods/settings";
import type { Config } from "./config.js";
import type { PictureFacts } from "./facts.js";
import type { PretrainingQuestion } from "./pretrainingQuestion.js";
import { formatBytes } from "./quantities.js";
import type { StepSettings } from "./stepSettings.js";

/**
 * How many pictures a step is to see, with memory enough.
 *
 * @throws UsageError where the batch is larger than the number of pictures, or no multiple of its micro-batches.
 */
export function wantedBatch(given: Config, { count }: PictureFacts): number {
  const { accumulate = 1, batch = largestBatch(count) } = given;
  checkBatch(batch, accumulate, count);
  return batch;
}

/**
 * Checks a batch against its micro-batches and the number of pictures.
 *
 * @throws UsageError where it is larger than the number of pictures, or no multiple of its micro-batches.
 */
export function checkBatch(batch: number, accumulate: number, count: number): void {
  if (batch > count) {
    throw contradiction(
      "batch",
      `${batch}, but there are only ${formatCount(count)} pictures: use ${count} or fewer`,
    );
  }
  if (batch % accumulate !== 0) {
    throw contradiction(
      "batch and accumulate",
      `${batch} and ${accumulate}: the batch must be a multiple of its micro-batches; use a batch of ${Math.ceil(batch / accumulate) * accumulate}`,
    );
  }
}

/** The largest power of two within the pictures, up to 128. */
function largestBatch(count: number): number {
  return 2 ** Math.floor(Math.log2(Math.max(2, Math.min(128, count))));
}

/**
 * Notes the batch, and what the memory made of it.
 *
 * @param question What is given, the pictures and the machine.
 * @param settings The step that was decided on.
 * @param decisions Receives the batch, and micro-batches and recompute where they are used.
 */
export async function noteBatch(
  { costOf, given, machine, pictures }: PretrainingQuestion,
  settings: StepSettings,
  decisions: Decisions,
): Promise<void> {
  const { accumulate, batch, recompute } = settings;
  const wanted = wantedBatch(given, pictures);
  const isCut = batch < wanted || accumulate > 1 || recompute;
  const whole = isCut
    ? (await costOf({ ...settings, batch: wanted, accumulate: 1, recompute: false })).memoryBytes
    : 0;
  const tight = `a step of ${wanted} pictures at once takes ${formatBytes(whole)}, and ${formatBytes(machine.freeBytes)} are free`;
  decisions.take(
    "batch",
    given.batch,
    batch,
    batch < wanted
      ? tight
      : batch === 128
        ? "enough pictures to compare with each other, and small enough for a CPU"
        : `the largest power of two within ${formatCount(pictures.count)} pictures`,
  );
  if (accumulate > 1) decisions.take("micro-batches", given.accumulate, accumulate, tight);
  if (recompute)
    decisions.note("recompute", "blocks run twice", given.recompute === undefined ? tight : "given");
}
