import { setImmediate } from "node:timers/promises";
import { BatchError } from "./batchError.js";
import type { BatchSource } from "./batchSource.js";
import { isFiniteStep, NonFiniteError } from "./nonFinite.js";
import type { StepRunner } from "./stepRunner.js";

/** Most steps that are run, those before the timing included. */
const MOST_STEPS = 16;
/** Fewest. */
const FEWEST_STEPS = 5;
/** Batches that are taken again and again. Their first steps are not timed: they make the buffers, and from the second time on the pictures are decoded, as they are in most of the run. */
const BATCHES = 3;
/** Timing ends when it has taken this share of the limit. */
const SHARE = 0.04;
/** What the optimizer, checkpoints and a slower hour may take. */
const RESERVE = 0.08;

/** A time limit as a number of steps. */
export interface TimedPlan {
  /** Steps that fit. */
  readonly steps: number;
  /** Mean time of a step, in seconds. */
  readonly secondsPerStep: number;
}

/** How often something is done beside the steps, and how long it takes. */
interface Interlude {
  /** After so many steps, and after the last. */
  readonly every: number;
  /** Its time. */
  readonly seconds: number;
}

/**
 * Turns a time limit into a number of steps by timing the first steps without changing a parameter, so that the run is afterwards the same as one
 * that was given this number.
 *
 * @param started `performance.now()` from which the limit counts.
 * @param evaluation What the steps wait for.
 * @returns null if the signal was aborted.
 */
export async function planSteps<Batch>(
  runner: StepRunner<Batch>,
  batches: BatchSource<Batch>,
  seconds: number,
  started: number,
  evaluation: Interlude | null,
  signal: AbortSignal | undefined,
): Promise<TimedPlan | null> {
  const begun = performance.now();
  let timed = begun;
  let steps = 0;
  let inFlight: Promise<unknown> = Promise.resolve();
  for (let step = 0; step < MOST_STEPS; step++) {
    if (signal?.aborted) return null;
    if (step === BATCHES) {
      // Timed from empty queue to empty queue: single steps may seem to end at once, or two at a time, by when this thread looks.
      await inFlight;
      timed = performance.now();
    }
    const batch = await batches.batch(step % BATCHES).catch((error: unknown) => {
      throw new BatchError(step + 1, error, null);
    });
    const running = runner.run(step, batch).then((metrics) => {
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
    if (steps >= FEWEST_STEPS && performance.now() - begun > SHARE * seconds * 1000) break;
  }
  await inFlight;
  const secondsPerStep = (performance.now() - timed) / 1000 / (steps - BATCHES);
  const left = seconds * (1 - RESERVE) - (performance.now() - started) / 1000 - (evaluation?.seconds ?? 0);
  const each = secondsPerStep + (evaluation === null ? 0 : evaluation.seconds / evaluation.every);
  return { steps: Math.max(1, Math.floor(left / each)), secondsPerStep };
}
