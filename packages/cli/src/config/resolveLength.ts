import type { Config, ConfigField } from "./config.js";
import { contradiction, type Decisions } from "./decisions.js";
import { parseDuration } from "./duration.js";
import type { PictureFacts } from "./facts.js";

/** Pictures that a run sees in all when neither steps nor epochs nor time are given. */
const picturesSeen = 256_000;
/** The paper's cap for small sets (table 3). */
const mostEpochs = 5_000;

/**
 * Warm-up where none is given: a twentieth of the steps.
 *
 * @param steps Number of steps of the run.
 * @returns Number of warm-up steps.
 */
export function warmupSteps(steps: number): number {
  return Math.round(steps / 20);
}

/**
 * Decides how long the run is: a number of steps, or a time.
 *
 * @throws UsageError where more than one of steps, epochs and time is given.
 */
export function resolveLength(
  given: Config,
  facts: PictureFacts,
  batch: number,
  decisions: Decisions,
): { steps: number | null; seconds: number | null } {
  const lengths = (["steps", "epochs", "time"] as const).filter(
    (field: ConfigField) => given[field] !== undefined,
  );
  if (lengths.length > 1)
    throw contradiction(lengths.join(" and "), "give only one of steps, epochs and time");
  if (given.time !== undefined) {
    decisions.note("time", given.time, "given; the speed is measured first, then the steps are fixed");
    return { steps: null, seconds: parseDuration(given.time) };
  }
  const epochSteps = Math.max(1, Math.floor(facts.count / batch));
  if (given.steps !== undefined) {
    decisions.note(
      "steps",
      String(given.steps),
      `given; ${(given.steps / epochSteps).toPrecision(3)} epochs`,
    );
    return { steps: given.steps, seconds: null };
  }
  if (given.epochs !== undefined) {
    const steps = Math.max(1, Math.round(given.epochs * epochSteps));
    decisions.note("steps", String(steps), `${given.epochs} epochs of ${epochSteps} steps, as given`);
    return { steps, seconds: null };
  }
  const wanted = Math.ceil(Math.max(picturesSeen, 10 * facts.count) / batch);
  const capped = Math.min(wanted, mostEpochs * epochSteps);
  const epochs = Math.round(capped / epochSteps).toLocaleString("en");
  decisions.note(
    "steps",
    String(capped),
    capped < wanted
      ? `${epochs} epochs: more passes over so few pictures harm (the paper's cap)`
      : `${epochs} epochs: the paper keeps the number of updates, not of epochs; a longer run (--steps, --time) learns more`,
  );
  return { steps: capped, seconds: null };
}
