import { dirname, join, resolve } from "node:path";
import type { SkippedPicture } from "@splitmask/data";
import { writeFileDurably } from "@splitmask/files";
import { type MapMethod, type RecordedRun, type ReportData, reportPage } from "@splitmask/report";
import { withDevice } from "../machine/withDevice.js";
import { withPictures } from "../pictures/openFiles.js";
import { openPictures } from "../pictures/pictures.js";
import { findCheckpoint } from "../runs/encoder.js";
import type { RunMethod } from "../runs/methodOf.js";
import { readRecordedRun } from "../runs/recordedRun.js";
import type { SourceConfig } from "../settings/sourceFields.js";
import { silentTerminal, type Terminal } from "../terminal/terminal.js";
import { type LookedAt, lookAt } from "./lookAt.js";
import { type ReportedRun, readReportedRun } from "./reportedRun.js";

/** Which run's report is wanted. */
export interface ReportRequest extends SourceConfig, RunMethod {
  /** A run folder, of pre-training or fine-tuning. */
  readonly run: string;
  /** Pictures to show; when not given those that the run was tested on, or else those that it was trained on. */
  readonly pictures?: string;
  /** How the map of the embeddings is made; `pca` when not given. */
  readonly map?: MapMethod;
  /** The page to write; `report.html` in the run folder when not given. */
  readonly out?: string;
  /** Threads; all cores when not given. */
  readonly threads?: number;
}

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
  const run = await readReportedRun(recorded, found.checkpoint, request.method);
  const looks = await lookAtRun(request, run, terminal);
  const out = resolve(request.out ?? join(found.run, "report.html"));
  await writePage(out, reportPage({ ...pageOf(recorded, run, looks), written: minuteOf(new Date()) }));
  terminal.endProgress();
  return out;
}

/** What the page of a run shows, whatever was trained in it; before its first weights, figures and no pictures. */
function pageOf(
  recorded: RecordedRun,
  { chance, figures, settings, summary, withLabels }: ReportedRun,
  looks: LookedAt,
): Omit<ReportData, "written"> {
  const skipped: readonly SkippedPicture[] = [...recorded.skipped, ...looks.skipped];
  return {
    run: { ...recorded, figures },
    ...{ summary, withLabels, ...settings, guessing: chance },
    ...looks,
    skipped: [...new Map(skipped.map((picture) => [picture.path, picture])).values()],
  };
}

/** Of a run without weights, or without pictures. */
const nothingSeen: LookedAt = {
  ...{ tokens: null, method: null, map: null },
  ...{ attention: [], neighbors: [], confusions: [], skipped: [] },
};

/** Looks at the pictures that are given, or else at the run's own, with its model. */
function lookAtRun(request: ReportRequest, run: ReportedRun, terminal: Terminal): Promise<LookedAt> {
  const { open, seed, valueRange } = run;
  return withDevice(request.threads, async (device) => {
    const model = await run.load(device);
    if (model === null) return nothingSeen;
    const { pictures } = request;
    if (pictures === undefined && open === null) {
      terminal.line(
        "the run folder does not say what its pictures are: give some to look at with --pictures",
      );
      return nothingSeen;
    }
    const options = { ...request, valueRange: request.valueRange ?? valueRange };
    const dataset = await (pictures === undefined
      ? open!(terminal)
      : openPictures(pictures, terminal, options));
    return withPictures([dataset], () => {
      terminal.progress("report: looking at the pictures", true);
      const { map = "pca" } = request;
      return lookAt({ device, model, dataset, withLabels: run.withLabels, map, seed });
    });
  });
}

/** A time to the minute, for people: `"2026-11-24 23:40 UTC"`. */
export function minuteOf(time: Date): string {
  return `${time.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

/** Writes a page whole, or says where it cannot. */
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
