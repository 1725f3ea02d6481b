import type { ReportRequest } from "@splitmask/pipelines";
import { writeComparison, writeReport } from "@splitmask/pipelines";
import { didYouMean, UsageError } from "@splitmask/pipelines/settings";
import { type MapMethod, mapMethods } from "@splitmask/report";
import type { CommandTerminal } from "../terminal/terminal.js";

/** What the command line of `splitmask report` says. */
export interface ReportCommand extends Omit<ReportRequest, "run" | "map"> {
  /** One run, or several to put side by side. */
  readonly runs: readonly string[];
  /** How the map is made, as given. */
  readonly map?: string;
}

/** `splitmask report`. */
export async function runReport(terminal: CommandTerminal, command: ReportCommand): Promise<void> {
  const { runs, map, ...request } = command;
  if (map !== undefined && !isMapMethod(map)) {
    const suggestion = didYouMean(map, mapMethods) ?? "";
    throw new UsageError(`--map: got "${map}", expected ${mapMethods.join(" or ")}. ${suggestion}`.trimEnd());
  }
  if (runs.length > 1 && (map !== undefined || request.pictures !== undefined)) {
    throw new UsageError(
      `${map === undefined ? "--pictures" : "--map"} is for the report of one run, and ${runs.length} are given: side by side only figures are shown. Leave it out, or give one run.`,
    );
  }
  const { method, out } = request;
  const compared = {
    ...(out === undefined ? {} : { out }),
    ...(method === undefined ? {} : { method }),
  };
  const report =
    runs.length > 1
      ? await writeComparison({ runs, ...compared }, terminal)
      : await writeReport({ ...request, run: runs[0]!, ...(map === undefined ? {} : { map }) }, terminal);
  terminal.result({ report }, [`report: ${report}`]);
}

function isMapMethod(text: string): text is MapMethod {
  return (mapMethods as readonly string[]).includes(text);
}
