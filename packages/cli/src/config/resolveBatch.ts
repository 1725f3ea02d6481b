import type { Config } from "./config.js";
import { contradiction, type Decisions } from "./decisions.js";
import type { PictureFacts } from "./facts.js";

/**
 * Decides how many pictures a step sees, and in how many micro-batches.
 *
 * @throws UsageError where the batch is larger than the number of pictures, too small to compare, or no multiple of its micro-batches.
 */
export function resolveBatch(
  given: Config,
  facts: PictureFacts,
  decisions: Decisions,
): { batch: number; accumulate: number } {
  const pictures = facts.count.toLocaleString("en");
  const largestBatch = 2 ** Math.floor(Math.log2(Math.max(2, Math.min(128, facts.count))));
  const batch = decisions.take(
    "batch",
    given.batch,
    largestBatch,
    largestBatch === 128
      ? "enough negatives for the match loss, and small enough for a CPU"
      : `the largest power of two within ${pictures} pictures`,
  );
  if (batch < 2 && (given.matchWeight ?? 1) > 0) {
    throw contradiction(
      "batch",
      `${batch}, but the match loss compares pictures of one batch with each other: use 2 or more, or matchWeight 0`,
    );
  }
  if (batch > facts.count) {
    throw contradiction(
      "batch",
      `${batch}, but there are only ${pictures} pictures: use ${facts.count} or fewer`,
    );
  }
  const accumulate = given.accumulate ?? 1;
  if (batch % accumulate !== 0) {
    throw contradiction(
      "batch and accumulate",
      `${batch} and ${accumulate}: the batch must be a multiple of its micro-batches; use a batch of ${Math.ceil(batch / accumulate) * accumulate}`,
    );
  }
  return { batch, accumulate };
}
