import { setImmediate } from "node:timers/promises";
import { BatchError } from "./batchError.js";
import type { BatchSource } from "./batchSource.js";
import { isFiniteStep, NonFiniteError } from "./nonFinite.js";
import type { StepRunner } from "./stepRunner.js";

/** Most steps that are run, those before the timing included. */
const MOST_STEPS = 16;
/** Fewest. */
const FEWEST_STEPS = 5;
/**
 * Batches that are taken again and again. Their first steps are not timed: they make the buffers, and from the second
 * time on the pictures are decoded, as they are in most of the run.
 */
const BATCHES = 3;
/** Timing ends when it has taken this share of the limit. */
const SHARE = 0.04;

/**
 * Times the first steps without changing a parameter, so that a run whose number of steps comes of it is afterwards the
 * same as one that was given this number.
 *
 * @param seconds The time that all steps have.
 * @param clock Milliseconds.
 * @returns Mean time of a step without the optimizer, in seconds; null if the signal was aborted.
 */
export async function timeSteps<Batch>(
  runner: StepRunner<Batch>,
  batches: BatchSource<Batch>,
  seconds: number,
  clock: () => number,
  signal: AbortSignal | undefined,
): Promise<number | null> {
  const begun = clock();
  let timed = begun;
  let steps = 0;
  let inFlight: Promise<unknown> = Promise.resolve();
  for (let step = 0; step < MOST_STEPS; step++) {
    if (signal?.aborted) return null;
    if (step === BATCHES) {
      // Timed from empty queue to empty queue: single steps may seem to end at once, or two at a time, by when this
      // thread looks.
      await inFlight;
      timed = clock();
    }
    const batch = await batches.batch(step % BATCHES).catch((error: unknown) => {
      throw new BatchError(step + 1, error, null);
    });
    const running = runner.run({ step, progress: 0 }, batch).then((metrics) => {
      if (!isFiniteStep(metrics)) {
        throw new NonFiniteError(
          step + 1,
          metrics,
          null,
          batches.samples?.(batch) ?? [],
          "It was met while the speed was measured, before the first step.",
        );
      }
    });
    running.catch(() => undefined);
    batches.release?.(batch);
    // As in the loop itself, one step waits on the queue while another runs.
    await inFlight;
    await setImmediate();
    inFlight = running;
    steps = step + 1;
    if (steps >= FEWEST_STEPS && clock() - begun > SHARE * seconds * 1000) break;
  }
  await inFlight;
  return (clock() - timed) / 1000 / (steps - BATCHES);
}
