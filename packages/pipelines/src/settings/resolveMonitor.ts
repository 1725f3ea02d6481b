import { contradiction, type Decisions } from "@splitmask/methods/settings";
import type { StepCount } from "@splitmask/trainer";
import type { Config } from "./config.js";
import type { PretrainingSettings } from "./runSettings.js";

/** The settings of the k-NN monitor. */
export type MonitorSettings = Pick<
  PretrainingSettings,
  "monitor" | "monitorTest" | "monitorEvery" | "monitorPictures"
>;

/** Ten times in a run. */
function tenth(steps: number): number {
  return Math.max(1, Math.ceil(steps / 10));
}

/** Steps between two looks as the trainer takes them: a timed run has them of whatever number of steps it gets. */
export function monitorRhythm(
  { monitorEvery, seconds }: Pick<PretrainingSettings, "monitorEvery" | "seconds">,
  given: Pick<Config, "monitorEvery">,
): StepCount {
  return seconds === null || given.monitorEvery !== undefined ? monitorEvery : tenth;
}

/**
 * Decides how often the encoder is looked at, and on how many pictures.
 *
 * @throws UsageError where fields of the monitor are given without one.
 */
export function resolveMonitor(given: Config, steps: number, decisions: Decisions): MonitorSettings {
  const { monitor = null, monitorTest = null, monitorPictures = 3000 } = given;
  const { monitorEvery = tenth(steps) } = given;
  if (monitor === null) {
    for (const field of ["monitorTest", "monitorEvery", "monitorPictures"] as const) {
      if (given[field] !== undefined)
        throw contradiction(field, "it needs monitor, a folder of labeled pictures");
    }
  } else {
    const reason = given.monitorEvery === undefined ? "ten times in a run" : "given";
    decisions.note("monitor", `k-NN on ${monitor} every ${monitorEvery} steps`, reason);
  }
  return { monitor, monitorTest, monitorEvery, monitorPictures };
}
