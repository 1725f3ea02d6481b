import { resolve } from "node:path";
import { discreteVaeMethod, type FigureNotes, type Method } from "@splitmask/methods";
import { UsageError } from "@splitmask/methods/settings";
import { comparisonPage, mostCompared, type RecordedRun } from "@splitmask/report";
import { isDescription, type RunDescription } from "../runs/description.js";
import { methodOf, type RunMethod } from "../runs/methodOf.js";
import { readRecordedRun } from "../runs/recordedRun.js";
import { loadMethod } from "../settings/loadMethod.js";
import { silentTerminal, type Terminal } from "../terminal/terminal.js";
import { minuteOf, writePage } from "./report.js";

/** Which runs are put side by side. */
export interface ComparisonRequest extends RunMethod {
  /** Run folders, two to ten. */
  readonly runs: readonly string[];
  /** The page to write; `comparison.html` in the current folder when not given. */
  readonly out?: string;
}

/**
 * Writes several runs side by side: one HTML page with their curves in the same charts, the settings that differ, and
 * their last figures. Only what the run folders tell is read, so they may be of any method, and may still be going on;
 * where a method of one's own is not found, its figures go by their names.
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
      `report: ${paths.length} ${paths.length === 1 ? "run was" : "runs were"} given to put side by side; ` +
        `expected 2 to ${mostCompared}.`,
    );
  }
  const out = resolve(request.out ?? "comparison.html");
  terminal.progress(`report: reading ${paths.length} runs`, true);
  const recorded = await Promise.all(paths.map(readRecordedRun));
  const method = request.method === undefined ? undefined : await loadMethod(request.method);
  const runs = await Promise.all(
    recorded.map(async (run) => {
      const isGiven = (run.config as Partial<RunDescription>).method === method?.name;
      return { ...run, figures: await figuresOf(run, isGiven ? method : undefined, terminal) };
    }),
  );
  await writePage(out, comparisonPage(runs, minuteOf(new Date())));
  terminal.endProgress();
  return out;
}

/** What the method of a run tells of its figures; nothing where it is not found, which is a warning. */
async function figuresOf(
  { config: description, name }: RecordedRun,
  given: Method | undefined,
  terminal: Terminal,
): Promise<FigureNotes> {
  if (!isDescription(description)) return {};
  if (description.kind === "tokenizer") return discreteVaeMethod.figures;
  if (description.kind !== "pretraining") return {};
  try {
    return (await methodOf(description, given)).figures ?? {};
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    terminal.warn(`${name}: its figures are called by their names: ${error.message}`);
    return {};
  }
}
