import { resolve } from "node:path";
import { UsageError } from "@splitmask/methods/settings";
import { comparisonOf, comparisonPage, mostCompared } from "@splitmask/report";
import type { RunDescription } from "../runs/description.js";
import type { RunMethod } from "../runs/methodOf.js";
import { readRecordedRun } from "../runs/recordedRun.js";
import { loadMethod } from "../settings/loadMethod.js";
import { silentTerminal, type Terminal } from "../terminal/terminal.js";
import { minuteOf, writePage } from "./report.js";
import { figuresOf } from "./reportedRun.js";

/** Which runs are put side by side. */
export interface ComparisonRequest extends RunMethod {
  /** Run folders, two to ten. */
  readonly runs: readonly string[];
  /** The page to write; `comparison.html` in the current folder when not given. */
  readonly out?: string;
}

/**
 * Writes several runs side by side: one HTML page with their curves in the same charts, the settings that differ, and
 * their last figures. Only what the run folders tell is read, so they may be of any
 * method, and may still be going on.
 *
 * @param request Which runs.
 * @param terminal Where progress is told.
 * @returns Path of the page.
 * @throws UsageError for fewer than two runs or more than ten; Error where a path is no run.
 */
export async function writeComparison(
  request: ComparisonRequest,
  terminal: Terminal = silentTerminal,
): Promise<string> {
  const { runs: paths } = request;
  if (paths.length < 2 || paths.length > mostCompared) {
    throw new UsageError(
      `report: ${paths.length} ${paths.length === 1 ? "run was" : "runs were"} given to put side by side; expected 2 to ${mostCompared}.`,
    );
  }
  const out = resolve(request.out ?? "comparison.html");
  terminal.progress(`report: reading ${paths.length} runs`, true);
  const recorded = await Promise.all(paths.map(readRecordedRun));
  const method = request.method === undefined ? undefined : await loadMethod(request.method);
  const runs = await Promise.all(
    recorded.map(async (run) => {
      const isGiven = (run.config as Partial<RunDescription>).method === method?.name;
      return { ...run, figures: await figuresOf(run, isGiven ? method : undefined) };
    }),
  );
  await writePage(out, comparisonPage({ ...comparisonOf(runs), written: minuteOf(new Date()) }));
  terminal.endProgress();
  return out;
}
