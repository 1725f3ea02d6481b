import { contradiction, type Decisions, formatCount } from "@splitmask/methods/settings";
import type { StepCount } from "@splitmask/trainer";
import type { Config } from "./config.js";
import { parseDuration } from "./duration.js";
import type { LoopSettings } from "./runSettings.js";

/** How long a run is: its steps, or a time, of which steps are made while it runs. */
type RunLength = Pick<LoopSettings, "steps" | "seconds">;

/** How long a run is where nothing is given, and why. */
interface UsualLength {
  readonly steps: number;
  readonly reason: string;
}

/**
 * Checks that the length is said once.
 *
 * @throws UsageError where more than one of steps, epochs and time is given.
 */
export function checkLength(given: Pick<Config, "steps" | "epochs" | "time">): void {
  const lengths = (["steps", "epochs", "time"] as const).filter((field) => given[field] !== undefined);
  if (lengths.length > 1)
    throw contradiction(lengths.join(" and "), "give only one of steps, epochs and time");
}

/** Batches in which every picture comes once, but for those that do not fill one. */
export function stepsOfEpoch(count: number, batch: number): number {
  return Math.max(1, Math.floor(count / batch));
}

/**
 * Decides how long a run is.
 *
 * @param timeReason What a given time means.
 */
export function takeLength(
  given: Pick<Config, "steps" | "epochs" | "time">,
  epochSteps: number,
  usual: UsualLength,
  timeReason: string,
  decisions: Decisions,
): RunLength {
  const stepsFor = (steps: number, reason: string) => {
    decisions.note("steps", String(steps), reason);
    return { steps, seconds: null };
  };
  const { epochs, steps, time } = given;
  if (time !== undefined) {
    decisions.note("time", time, timeReason);
    return { steps: null, seconds: parseDuration(time) };
  }
  if (steps !== undefined) return stepsFor(steps, `given; ${(steps / epochSteps).toPrecision(3)} epochs`);
  if (epochs !== undefined) {
    return stepsFor(
      Math.max(1, Math.round(epochs * epochSteps)),
      `${epochs} epochs of ${epochSteps} steps, as given`,
    );
  }
  return stepsFor(usual.steps, usual.reason);
}

/** Steps between checkpoints: a tenth of the run, but at most what a lost machine may cost, a quarter of an hour. */
function checkpointSteps(steps: number, secondsPerStep: number): number {
  return Math.max(20, Math.min(Math.ceil(steps / 10), Math.round(900 / secondsPerStep)));
}

/** Decides how many steps are between two checkpoints. */
export function takeCheckpoints(
  given: number | undefined,
  steps: number,
  secondsPerStep: number,
  decisions: Decisions,
): number {
  const reason = "ten per run, and at least one every quarter of an hour";
  const chosen = checkpointSteps(steps, secondsPerStep);
  return decisions.take("checkpoints", given, chosen, reason, (count) => `every ${count} steps`);
}

/** The same as the trainer takes it: a timed run has them of whatever number of steps it gets. */
export function checkpointRhythm(
  { checkpointEvery, seconds }: Pick<LoopSettings, "checkpointEvery" | "seconds">,
  given: Pick<Config, "checkpointEvery">,
): StepCount {
  if (seconds === null || given.checkpointEvery !== undefined) return checkpointEvery;
  return (steps) => checkpointSteps(steps, seconds / steps);
}

/** Pictures that pre-training sees in all where no length is given, and passes over them if that is more. */
const picturesSeen = 256_000;
const leastEpochs = 10;
/** The paper's cap for small sets (table 3). */
const mostEpochs = 5_000;

/** What the length of a pre-training run is decided from. */
interface PretrainingLength {
  readonly count: number;
  readonly batch: number;
  /** Steps that fit in the time that is given, or in the usual one. */
  readonly fittingSteps: number;
  /** Updates without which the model is too large; they are steps of 128 pictures. */
  readonly wantedUpdates: number;
}

/**
 * Decides how long a pre-training run is.
 *
 * @returns `plannedSteps`: the steps, or what will come of the time by the estimate.
 */
export function resolveLength(
  given: Config,
  known: PretrainingLength,
  decisions: Decisions,
): RunLength & { readonly plannedSteps: number } {
  const { count, batch, fittingSteps } = known;
  const epochSteps = stepsOfEpoch(count, batch);
  const epochsOf = (steps: number) => {
    const epochs = formatCount(steps / epochSteps);
    return epochs === "0" ? "part of an epoch" : `${epochs} epochs`;
  };
  const most = mostEpochs * epochSteps;
  const timeReason =
    `given; about ${formatCount(fittingSteps)} steps, ${epochsOf(fittingSteps)}: as many as the machine's ` +
    "speed gives, measured as it goes";
  // The estimate may be a fifth too high.
  const isTooLong = given.time !== undefined && fittingSteps > 1.25 * most;
  const cut = {
    steps: most,
    reason: `${epochsOf(most)}, which are done before the time is over: more passes over so few pictures do harm (the paper's limit)`,
  };
  const length = isTooLong
    ? takeLength({}, epochSteps, cut, "", decisions)
    : takeLength(given, epochSteps, usualLength(known, most, epochsOf), timeReason, decisions);
  return { ...length, plannedSteps: length.steps ?? fittingSteps };
}

function usualLength(
  { batch, count, fittingSteps, wantedUpdates }: PretrainingLength,
  most: number,
  epochsOf: (steps: number) => string,
): UsualLength {
  const least = Math.ceil(picturesSeen / batch);
  const wanted = Math.max(
    least,
    Math.ceil((leastEpochs * count) / batch),
    Math.ceil((wantedUpdates * 128) / batch),
  );
  const steps = Math.min(wanted, Math.max(least, fittingSteps), most);
  const why =
    steps === most
      ? ": more passes over so few pictures do harm (the paper's limit)"
      : steps < wanted && steps === fittingSteps
        ? ", as many as two hours allow; a longer run (--time, --steps) learns more"
        : steps > fittingSteps
          ? ": with fewer updates little is learned; --time 1h chooses a smaller model instead"
          : ": the paper keeps the number of updates, not of epochs; a longer run (--steps, --time) learns more";
  return { steps, reason: epochsOf(steps) + why };
}
