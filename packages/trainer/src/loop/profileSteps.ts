import type { DeviceMemory, Profile } from "@splitmask/kernels";
import type { BatchSource } from "./batchSource.js";
import { passedOn } from "./preparedBatches.js";
import { medianOf } from "./rateMeter.js";
import { train } from "./train.js";
import type { TrainOptions } from "./trainOptions.js";

/** Options of {@link profileSteps}: those of `train`, but for what belongs to a whole run. */
export interface ProfileStepsOptions<Batch>
  extends Omit<
    TrainOptions<Batch>,
    | "length"
    | "runFolder"
    | "resume"
    | "checkpointEvery"
    | "keepCheckpoints"
    | "keepBest"
    | "evaluation"
    | "loggers"
  > {
  /** Steps that fill the caches and the buffer pool first. Default 2. */
  readonly warmUpSteps?: number;
  /** Steps that are timed, with no profile being taken. Default 5. */
  readonly timedSteps?: number;
  /** Steps that are profiled. Default 3. */
  readonly profiledSteps?: number;
  /** As for `device.startProfile`: the number of threads that are simulated. Default 0: none. */
  readonly simulatedThreads?: number;
}

/** What {@link profileSteps} saw. */
export interface StepsProfile {
  /** Time of each timed step, in seconds. */
  readonly stepSeconds: readonly number[];
  /** Their median. */
  readonly secondsPerStep: number;
  /** Samples a second at the median. */
  readonly samplesPerSecond: number;
  /** How many steps the profile covers. */
  readonly profiledSteps: number;
  /**
   * What the queue did from the start of the first profiled step to the end of the last; `summarizeProfile` and
   * `chromeTrace` read it.
   */
  readonly profile: Profile;
  /** The device's memory after the last step. */
  readonly memory: DeviceMemory;
}

/**
 * Trains for a few steps, exactly as `train` does, and tells where the time goes. The model is changed; nothing is
 * written to the disk. One more step is run than is asked for, so that the profile ends as it begins: with the next
 * step following.
 *
 * @throws RangeError where a number of steps is no whole number of at least 1, and whatever `train` throws.
 * @throws Error where the signal was aborted before the end.
 */
export async function profileSteps<Batch>(options: ProfileStepsOptions<Batch>): Promise<StepsProfile> {
  const { warmUpSteps = 2, timedSteps = 5, profiledSteps = 3, simulatedThreads = 0 } = options;
  const { device, batches, onEvent, ...rest } = options;
  for (const [name, value] of Object.entries({ warmUpSteps, timedSteps, profiledSteps })) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new RangeError(`profileSteps: ${name} is ${value}; it must be a whole number of at least 1.`);
    }
  }
  const first = warmUpSteps + timedSteps;
  const end = first + profiledSteps;
  let profile: Promise<Profile> | null = null;
  let profiling = false;
  // The loop asks for a batch between two steps: what marks the profile's ends lies there on the queue.
  const watched: BatchSource<Batch> = {
    ...passedOn(batches),
    batch(step) {
      if (step === first) {
        device.startProfile({ simulatedThreads });
        profiling = true;
      } else if (step === end) {
        profile = device.stopProfile();
        profiling = false;
      }
      return batches.batch(step);
    },
  };
  const done: number[] = [];
  try {
    await train({
      ...rest,
      device,
      batches: watched,
      length: { steps: end + 1 },
      onEvent: (event) => {
        if (event.type === "step") done.push(performance.now());
        onEvent?.(event);
      },
    });
  } finally {
    if (profiling) await device.stopProfile();
  }
  if (profile === null)
    throw new Error("profileSteps: it was stopped before the steps to profile were done.");
  const stepSeconds = Array.from(
    { length: timedSteps },
    (_, index) => (done[warmUpSteps + index]! - done[warmUpSteps + index - 1]!) / 1000,
  );
  const secondsPerStep = medianOf(stepSeconds);
  return {
    stepSeconds,
    secondsPerStep,
    samplesPerSecond: batches.batchSize / secondsPerStep,
    profiledSteps,
    profile: await profile,
    memory: device.memory(),
  };
}
