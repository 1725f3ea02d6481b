import { contradiction, type Decisions } from "@splitmask/methods/settings";
import type { StepCount } from "@splitmask/trainer";
import type { Config } from "./config.js";
import type { ResolvedConfig } from "./resolvedConfig.js";

/** The settings of the k-NN monitor. */
export type MonitorSettings = Pick<
  ResolvedConfig,
  "monitor" | "monitorTest" | "monitorEvery" | "monitorPictures"
>;

/** Pictures that the monitor looks at when nothing is given: two thirds vote, one third is classified. */
const defaultPictures = 3000;

/** Ten times in a run. */
function tenth(steps: number): number {
  return Math.max(1, Math.ceil(steps / 10));
}

/**
 * Steps between two looks as the trainer takes them: in a timed run that has them by itself, of whatever number of
 * steps comes of the time.
 *
 * @param config Time and steps, as decided.
 * @param given The fields that are given.
 */
export function monitorRhythm(
  { monitorEvery, seconds }: Pick<ResolvedConfig, "monitorEvery" | "seconds">,
  given: Pick<Config, "monitorEvery">,
): StepCount {
  return seconds === null || given.monitorEvery !== undefined ? monitorEvery : tenth;
}

/**
 * Decides how often the encoder is looked at, and on how many pictures.
 *
 * @param given The fields that are given.
 * @param steps Steps of the run.
 * @param decisions Where it is noted.
 * @throws UsageError where fields of the monitor are given without one.
 */
export function resolveMonitor(given: Config, steps: number, decisions: Decisions): MonitorSettings {
  const { monitor = null, monitorPictures = defaultPictures, monitorTest = null } = given;
  if (monitor === null) {
    for (const field of ["monitorTest", "monitorEvery", "monitorPictures"] as const) {
      if (given[field] !== undefined)
        throw contradiction(field, "it needs monitor, a folder of labeled pictures");
    }
  }
  const monitorEvery = given.monitorEvery ?? tenth(steps);
  if (monitor !== null) {
    const reason = given.monitorEvery === undefined ? "ten times in a run" : "given";
    decisions.note("monitor", `k-NN on ${monitor} every ${monitorEvery} steps`, reason);
  }
  return { monitor, monitorTest, monitorEvery, monitorPictures };
}
