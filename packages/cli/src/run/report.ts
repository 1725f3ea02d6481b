import { basename, dirname, join, resolve } from "node:path";
import { writeFileDurably } from "@splitmask/autograd";
import type { SkippedPicture } from "@splitmask/data";
import { createDevice } from "@splitmask/kernels";
import { loadTokenizer } from "@splitmask/tokenizer";
import { UsageError } from "../errors.js";
import { chartsOf } from "../report/charts.js";
import { comparisonOf, mostCompared } from "../report/comparison.js";
import { comparisonPage } from "../report/comparisonPage.js";
import { curvesOf } from "../report/curves.js";
import type { ReportData } from "../report/data.js";
import type { MapMethod } from "../report/embeddingMap.js";
import { factsOf } from "../report/facts.js";
import { reportPage } from "../report/page.js";
import type { Terminal } from "../terminal/terminal.js";
import { readRun } from "./description.js";
import { findCheckpoint, readWeights } from "./encoder.js";
import { lookAt } from "./lookAt.js";
import { createMethod } from "./method.js";
import { openPictures, rootOf } from "./pictures.js";
import { tokenizerFile } from "./pretrain.js";
import { readRecordedRun } from "./recordedRun.js";
import { chooseSubset } from "./subset.js";

/** Which run's report is wanted. */
export interface ReportRequest {
  /** A run folder. */
  readonly run: string;
  /** Pictures to show; the training pictures when not given. */
  readonly pictures?: string;
  /** How the map of the embeddings is made; `pca` when not given. */
  readonly map?: MapMethod;
  /** The page to write; `report.html` in the run folder when not given. */
  readonly out?: string;
  /** Threads; all cores when not given. */
  readonly threads?: number;
}

/** Which runs are put side by side. */
export interface ComparisonRequest {
  /** Run folders, at least two. */
  readonly runs: readonly string[];
  /** The page to write; `comparison.html` in the current folder when not given. */
  readonly out?: string;
}

/**
 * Writes the report of a run: one HTML page.
 *
 * @param request Which run.
 * @param terminal Where progress is told.
 * @returns Path of the page.
 * @throws Error where the path is no run or has no checkpoint.
 */
export async function writeReport(request: ReportRequest, terminal: Terminal): Promise<string> {
  const { run: runPath, checkpoint } = await findCheckpoint(request.run);
  const { description } = await readRun(runPath);
  if (checkpoint === null)
    throw new Error(`${request.run}: there is no checkpoint yet. Wait for the first one.`);
  const recorded = await readRecordedRun(runPath);
  const out = resolve(request.out ?? join(runPath, "report.html"));
  const all = await openPictures(request.pictures ?? description.pictures, terminal);
  const ownPictures = request.pictures === undefined;
  const dataset = ownPictures ? await chooseSubset(all, description.config) : all;
  const device = createDevice(request.threads === undefined ? {} : { threads: request.threads });
  try {
    terminal.progress("report: looking at the pictures", true);
    const tokenizer = await loadTokenizer(device, join(runPath, tokenizerFile));
    const method = createMethod(device, description.config, tokenizer);
    method.model.loadStateDict(await readWeights(checkpoint.path, description));
    const { knn, ...looked } = await lookAt({
      ...{ device, description, method, dataset },
      root: rootOf(all),
      map: request.map ?? "pca",
    });
    const skipped = ownPictures ? bothSkipped(recorded.skipped, looked.skipped) : looked.skipped;
    const { metrics, confusion } = recorded;
    const curves = curvesOf(metrics, recorded.evaluations);
    const { config, pictureCount, choices } = description;
    const data: ReportData = {
      title: basename(resolve(runPath)),
      written: now(),
      summary:
        `A vision transformer (width ${config.width}, depth ${config.depth}, ${config.heads} heads, patches of ${config.patch} pixels at ${config.imageSize}×${config.imageSize}), ` +
        `pre-trained with SplitMask on ${pictureCount.toLocaleString("en")} pictures without labels.`,
      facts: factsOf({
        ...{ metrics, curves, batch: config.batch, pictureCount },
        encoderParameters: method.model.encoder.parameterCount,
        parameters: method.model.parameterCount,
        skipped: skipped.length,
      }),
      charts: chartsOf(curves, {
        guessing:
          config.inpaintWeight * Math.log(config.vocabulary) + config.matchWeight * Math.log(config.batch),
        clip: config.clip,
      }),
      configuration: choices,
      ...looked,
      confusions: [confusion, knn].filter((view) => view !== null),
      skipped,
    };
    await writePage(out, reportPage(data));
    terminal.endProgress();
    return out;
  } finally {
    device.close();
    await dataset.close?.();
  }
}

/**
 * Writes several runs side by side: one HTML page with their curves in the same charts, the settings that differ, and their last figures. Only what the run folders tell is read, so they may be of any
 * method, and may still be going on.
 *
 * @param request Which runs.
 * @param terminal Where progress is told.
 * @returns Path of the page.
 * @throws UsageError for fewer than two runs or more than ten; Error where a path is no run.
 */
export async function writeComparison(request: ComparisonRequest, terminal: Terminal): Promise<string> {
  const { runs: paths } = request;
  if (paths.length < 2 || paths.length > mostCompared) {
    throw new UsageError(
      `report: ${paths.length} ${paths.length === 1 ? "run was" : "runs were"} given to put side by side; expected 2 to ${mostCompared}.`,
    );
  }
  const out = resolve(request.out ?? "comparison.html");
  terminal.progress(`report: reading ${paths.length} runs`, true);
  const runs = await Promise.all(paths.map(readRecordedRun));
  await writePage(out, comparisonPage({ ...comparisonOf(runs), written: now() }));
  terminal.endProgress();
  return out;
}

/** The time, for people. */
function now(): string {
  return new Date().toISOString().slice(0, 16).replace("T", " ");
}

/** What the run skipped, and what was skipped for the page besides. */
function bothSkipped(run: readonly SkippedPicture[], page: readonly SkippedPicture[]): SkippedPicture[] {
  return [...new Map([...run, ...page].map((picture) => [picture.path, picture])).values()];
}

/** Writes the page whole, or says where it cannot. */
async function writePage(path: string, text: string): Promise<void> {
  try {
    await writeFileDurably(path, text);
  } catch (error) {
    throw new Error(
      `report: cannot write ${path} in ${dirname(path)}: ${(error as Error).message}. Give another path with --out.`,
      { cause: error },
    );
  }
}
