import { contradiction, type Decisions, formatCount } from "@splitmask/methods/settings";
import type { StepCount } from "@splitmask/trainer";
import type { Config } from "./config.js";
import { parseDuration } from "./fields.js";
import type { RunSize } from "./resolveSize.js";
import type { LoopSettings } from "./runSettings.js";

type GivenLength = Pick<Config, "steps" | "epochs" | "time">;

/** A time instead of steps, of which steps are made while the run goes on. */
type RunLength = Pick<LoopSettings, "steps" | "seconds">;

/** @throws UsageError where more than one of steps, epochs and time is given. */
export function checkLength(given: GivenLength): void {
  const lengths = (["steps", "epochs", "time"] as const).filter((field) => given[field] !== undefined);
  if (lengths.length > 1)
    throw contradiction(lengths.join(" and "), "give only one of steps, epochs and time");
}

/** Batches in which every picture comes once, but for those that do not fill one. */
export function stepsOfEpoch(count: number, batch: number): number {
  return Math.max(1, Math.floor(count / batch));
}

/** Decides how long a run is: as given, else `usual`. */
export function takeLength(
  { epochs, steps, time }: GivenLength,
  epochSteps: number,
  usual: { readonly steps: number; readonly reason: string },
  timeReason: string,
  decisions: Decisions,
): RunLength {
  if (time !== undefined) {
    decisions.note("time", time, timeReason);
    return { steps: null, seconds: parseDuration(time) };
  }
  const asked = epochs === undefined ? undefined : Math.max(1, Math.round(epochs * epochSteps));
  const taken = steps ?? asked ?? usual.steps;
  const reason =
    steps !== undefined
      ? `given; ${(steps / epochSteps).toPrecision(3)} epochs`
      : epochs !== undefined
        ? `${epochs} epochs of ${epochSteps} steps, as given`
        : usual.reason;
  decisions.note("steps", String(taken), reason);
  return { steps: taken, seconds: null };
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

/**
 * Decides how long a pre-training run is.
 *
 * @returns `plannedSteps`: the steps, or what will come of the time by the estimate.
 */
export function resolveLength(
  given: Config,
  count: number,
  { fittingSteps, settings: { batch }, wantedUpdates }: RunSize,
  decisions: Decisions,
): RunLength & { readonly plannedSteps: number } {
  const epochSteps = stepsOfEpoch(count, batch);
  const epochsOf = (steps: number) => {
    const epochs = formatCount(steps / epochSteps);
    return epochs === "0" ? "part of an epoch" : `${epochs} epochs`;
  };
  const most = mostEpochs * epochSteps;
  // The estimate may be a fifth too high.
  if (given.time !== undefined && fittingSteps > 1.25 * most) {
    const reason =
      "which are done before the time is over: more passes over so few pictures do harm (the paper's limit)";
    decisions.note("steps", String(most), `${epochsOf(most)}, ${reason}`);
    return { steps: most, seconds: null, plannedSteps: most };
  }
  const least = Math.ceil(picturesSeen / batch);
  const wanted = Math.max(least, Math.ceil(Math.max(leastEpochs * count, wantedUpdates * 128) / batch));
  const steps = Math.min(wanted, Math.max(least, fittingSteps), most);
  const why =
    steps === most
      ? ": more passes over so few pictures do harm (the paper's limit)"
      : steps < wanted && steps === fittingSteps
        ? ", as many as two hours allow; a longer run (--time, --steps) learns more"
        : steps > fittingSteps
          ? ": with fewer updates little is learned; --time 1h chooses a smaller model instead"
          : ": the paper keeps the number of updates, not of epochs; a longer run (--steps, --time) learns more";
  const timeReason =
    `given; about ${formatCount(fittingSteps)} steps, ${epochsOf(fittingSteps)}: as many as the machine's ` +
    "speed gives, measured as it goes";
  const usual = { steps, reason: epochsOf(steps) + why };
  const length = takeLength(given, epochSteps, usual, timeReason, decisions);
  return { ...length, plannedSteps: length.steps ?? fittingSteps };
}
