import { contradiction, type Decisions, formatCount } from "@splitmask/methods/settings";
import type { StepCount } from "@splitmask/trainer";
import type { Config } from "./config.js";
import { parseDuration } from "./duration.js";
import type { PictureFacts } from "./facts.js";
import type { RunSize } from "./resolveSize.js";

/**
 * Pictures that a run sees in all when neither steps nor epochs nor time are given, and passes over them if that is
 * more.
 */
const picturesSeen = 256_000;
const leastEpochs = 10;
/** The paper's cap for small sets (table 3). */
const mostEpochs = 5_000;

/** How long a run is. */
export interface RunLength {
  /**
   * Steps; null where a time is given, which is turned into steps once a few were timed, and again where the machine's
   * speed changes.
   */
  readonly steps: number | null;
  /** The time that is given, in seconds, or null. */
  readonly seconds: number | null;
  /** Steps, or what will come of the time by the estimate. */
  readonly plannedSteps: number;
}

/** Why a run has its checkpoints where `checkpointSteps` puts them. */
export const checkpointReason = "ten per run, and at least one every quarter of an hour";

/**
 * Steps between checkpoints where they are not given: a tenth of the run, but at most a quarter of an hour, which is
 * what a lost machine may cost.
 *
 * @param steps Number of steps of the run.
 * @param secondsPerStep What one takes.
 */
export function checkpointSteps(steps: number, secondsPerStep: number): number {
  return Math.max(20, Math.min(Math.ceil(steps / 10), Math.round(900 / secondsPerStep)));
}

/**
 * Steps between checkpoints as the trainer takes them: in a timed run that has them by itself, of whatever number of
 * steps comes of the time.
 *
 * @param config Time and steps, as decided.
 * @param given The fields that are given.
 */
export function checkpointRhythm(
  { checkpointEvery, seconds }: { readonly checkpointEvery: number; readonly seconds: number | null },
  given: { readonly checkpointEvery?: number | undefined },
): StepCount {
  if (seconds === null || given.checkpointEvery !== undefined) return checkpointEvery;
  return (steps) => checkpointSteps(steps, seconds / steps);
}

/**
 * Decides how long the run is: a number of steps, or a time.
 *
 * @param given The fields that are given.
 * @param pictures How many there are.
 * @param size The step, and how many fit in the time.
 * @param decisions Receives steps or time.
 */
export function resolveLength(
  given: Config,
  pictures: PictureFacts,
  size: RunSize,
  decisions: Decisions,
): RunLength {
  const { fittingSteps, wantedUpdates } = size;
  const { batch } = size.settings;
  const epochSteps = Math.max(1, Math.floor(pictures.count / batch));
  const epochsOf = (steps: number) =>
    formatCount(steps / epochSteps) === "0"
      ? "part of an epoch"
      : `${formatCount(steps / epochSteps)} epochs`;
  const most = mostEpochs * epochSteps;
  if (given.time !== undefined) {
    // The estimate may be a fifth too high.
    if (fittingSteps > 1.25 * most) {
      decisions.note(
        "steps",
        String(most),
        `${epochsOf(most)}, which are done before the time is over: more passes over so few pictures do harm (the paper's limit)`,
      );
      return fixed(most);
    }
    decisions.note(
      "time",
      given.time,
      `given; about ${formatCount(fittingSteps)} steps, ${epochsOf(fittingSteps)}: as many as the machine's ` +
        "speed gives, measured as it goes",
    );
    return { steps: null, seconds: parseDuration(given.time), plannedSteps: fittingSteps };
  }
  if (given.steps !== undefined) {
    decisions.note(
      "steps",
      String(given.steps),
      `given; ${(given.steps / epochSteps).toPrecision(3)} epochs`,
    );
    return fixed(given.steps);
  }
  if (given.epochs !== undefined) {
    const steps = Math.max(1, Math.round(given.epochs * epochSteps));
    decisions.note("steps", String(steps), `${given.epochs} epochs of ${epochSteps} steps, as given`);
    return fixed(steps);
  }
  const least = Math.ceil(picturesSeen / batch);
  const wanted = Math.max(
    least,
    Math.ceil((leastEpochs * pictures.count) / batch),
    Math.ceil((wantedUpdates * 128) / batch),
  );
  const affordable = Math.min(wanted, Math.max(least, fittingSteps));
  const steps = Math.min(affordable, most);
  decisions.note(
    "steps",
    String(steps),
    steps === most
      ? `${epochsOf(steps)}: more passes over so few pictures do harm (the paper's limit)`
      : steps < wanted && steps === fittingSteps
        ? `${epochsOf(steps)}, as many as two hours allow; a longer run (--time, --steps) learns more`
        : steps > fittingSteps
          ? `${epochsOf(steps)}: with fewer updates little is learned; --time 1h chooses a smaller model instead`
          : `${epochsOf(steps)}: the paper keeps the number of updates, not of epochs; a longer run (--steps, --time) learns more`,
  );
  return fixed(steps);
}

function fixed(steps: number): RunLength {
  return { steps, seconds: null, plannedSteps: steps };
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
