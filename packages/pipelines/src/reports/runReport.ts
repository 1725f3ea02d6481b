import type { SkippedPicture } from "@splitmask/data";
import type { RecordedRun, ReportData } from "@splitmask/report";
import { withDevice } from "../machine/withDevice.js";
import { withPictures } from "../pictures/openFiles.js";
import { openPictures, rootOf } from "../pictures/pictures.js";
import { settleSource } from "../settings/sourceFields.js";
import type { Terminal } from "../terminal/terminal.js";
import { type LookedAt, lookAt, nothingSeen } from "./lookAt.js";
import { type ReportedRun, readReportedRun } from "./reportedRun.js";
import type { ReportRequest } from "./reportRequest.js";

/**
 * What the page of a run shows, whatever was trained in it; before its first weights, figures and no pictures.
 *
 * @param request Which pictures, and how.
 * @param recorded The run.
 * @param checkpoint Its checkpoint; null before the first.
 * @param terminal Where progress is told.
 */
export async function runReport(
  request: ReportRequest,
  recorded: RecordedRun,
  checkpoint: { readonly path: string } | null,
  terminal: Terminal,
): Promise<Omit<ReportData, "written">> {
  const run = await readReportedRun(recorded, checkpoint, request.method);
  const { choices, config, encoder, pictureCount, training, withLabels } = run;
  const looks = await lookAtRun(request, run, terminal);
  const size = `${encoder.imageSize}×${encoder.imageSize}`;
  return {
    run: { ...recorded, figures: run.figures },
    summary:
      `A vision transformer (width ${encoder.width}, depth ${encoder.depth}, ${encoder.heads} heads, patches of ` +
      `${encoder.patch} pixels at ${size}), ${training}.`,
    ...{ withLabels, pictureCount, batch: config.batch, clip: config.clip, guessing: run.chance },
    configuration: choices,
    ...looks,
    skipped: bothSkipped(recorded.skipped, looks.skipped),
  };
}

/** Looks at pictures with the run's model. */
async function lookAtRun(request: ReportRequest, run: ReportedRun, terminal: Terminal): Promise<LookedAt> {
  return withDevice(request.threads, async (device) => {
    const model = await run.load(device);
    if (model === null) return nothingSeen;
    const { dataset, root } = await openShown(request, run, terminal);
    return withPictures([dataset], async () => {
      terminal.progress("report: looking at the pictures", true);
      const { seed } = run.config;
      const map = request.map ?? "pca";
      return lookAt({ device, model, dataset, root, withLabels: run.withLabels, map, seed });
    });
  });
}

/** The pictures that are given, or else the run's own. */
async function openShown(request: ReportRequest, run: ReportedRun, terminal: Terminal) {
  if (request.pictures === undefined) return run.open(terminal);
  const dataset = await openPictures(request.pictures, terminal, {
    ...settleSource(request),
    valueRange: request.valueRange ?? run.config.valueRange,
  });
  return { dataset, root: rootOf(dataset) };
}

/** What the run skipped, and what was skipped for the page besides. */
function bothSkipped(run: readonly SkippedPicture[], page: readonly SkippedPicture[]): SkippedPicture[] {
  return [...new Map([...run, ...page].map((picture) => [picture.path, picture])).values()];
}
