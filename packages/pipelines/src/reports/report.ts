import { dirname, join, resolve } from "node:path";
import { writeFileDurably } from "@splitmask/files";
import { reportPage } from "@splitmask/report";
import { findCheckpoint } from "../runs/encoder.js";
import { readRecordedRun } from "../runs/recordedRun.js";
import { silentTerminal, type Terminal } from "../terminal/terminal.js";
import type { ReportRequest } from "./reportRequest.js";
import { runReport } from "./runReport.js";

/**
 * Writes the report of a run: one HTML page.
 *
 * @param request Which run.
 * @param terminal Where progress is told.
 * @returns Path of the page.
 * @throws Error where the path is no run.
 */
export async function writeReport(
  request: ReportRequest,
  terminal: Terminal = silentTerminal,
): Promise<string> {
  const found = await findCheckpoint(request.run);
  const recorded = await readRecordedRun(found.run);
  const data = await runReport(request, recorded, found.checkpoint, terminal);
  const out = resolve(request.out ?? join(found.run, "report.html"));
  await writePage(out, reportPage({ ...data, written: minuteOf(new Date()) }));
  terminal.endProgress();
  return out;
}

/**
 * A time to the minute, for people: `"2026-11-24 23:40 UTC"`.
 *
 * @param time The time.
 */
export function minuteOf(time: Date): string {
  return `${time.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

/**
 * Writes a page whole, or says where it cannot.
 *
 * @param path Where to.
 * @param text The page.
 */
export async function writePage(path: string, text: string): Promise<void> {
  try {
    await writeFileDurably(path, text);
  } catch (error) {
    throw new Error(
      `report: cannot write ${path} in ${dirname(path)}: ${(error as Error).message}. Give another path with --out.`,
      { cause: error },
    );
  }
}
