import { existsSync } from "node:fs";
import { join } from "node:path";
import { createDevice } from "@splitmask/kernels";
import { chartsOf, curvesOf, factsOf, type RecordedRun, type ReportData } from "@splitmask/report";
import { openPictures, rootOf } from "../pictures/pictures.js";
import { openRecordedPictures } from "../pictures/samePictures.js";
import { classifierFile, loadClassifier } from "../runs/classifierFile.js";
import { type FinetuneDescription, readFinetuneRun } from "../runs/finetuneDescription.js";
import { settleSource, sourceOf } from "../settings/sourceFields.js";
import type { Terminal } from "../terminal/terminal.js";
import { type EncoderLooks, loadGallery, lookAtEncoder } from "./lookAt.js";
import type { ReportRequest } from "./reportRequest.js";

/**
 * What the page of a fine-tuning run shows; while it is going on, without pictures.
 *
 * @param request Which pictures, and how.
 * @param recorded The run.
 * @param terminal Where progress is told.
 */
export async function finetuneReport(
  request: ReportRequest,
  recorded: RecordedRun,
  terminal: Terminal,
): Promise<Omit<ReportData, "written">> {
  const description = await readFinetuneRun(recorded.path);
  const { config, pictureCount, pretrainedSteps, encoder, classes } = description;
  const { metrics, skipped, confusion } = recorded;
  const curves = curvesOf(metrics, recorded.evaluations);
  const looks = existsSync(join(recorded.path, classifierFile))
    ? await lookAtTestPictures(request, description, recorded.path, terminal)
    : { attention: [], neighbours: [], map: null, confusions: [] };
  const start =
    pretrainedSteps === null
      ? "trained from its first weights"
      : `fine-tuned after ${pretrainedSteps.toLocaleString("en")} steps of pre-training`;
  return {
    title: recorded.name,
    summary: `A vision transformer (width ${encoder.width}, depth ${encoder.depth}, ${encoder.heads} heads), ${start}, with ${pictureCount.toLocaleString("en")} pictures of ${classes.length} classes.`,
    warnings: recorded.warnings,
    withLabels: true,
    facts: factsOf({
      ...{ metrics, curves, batch: config.batch, pictureCount, confusion },
      skipped: skipped.length,
    }),
    charts: chartsOf(curves),
    configuration: description.choices,
    ...{ tokens: null, pictures: [], wordsNote: "" },
    ...looks,
    confusions: confusion === null ? [] : [confusion],
    skipped,
  };
}

/** Attention, neighbours and map of the fine-tuned encoder, on the test pictures or those that were given. */
async function lookAtTestPictures(
  request: ReportRequest,
  { test, config, classes }: FinetuneDescription,
  path: string,
  terminal: Terminal,
): Promise<EncoderLooks> {
  const dataset =
    request.pictures === undefined
      ? await openRecordedPictures(test, "--pictures", terminal, {
          ...sourceOf(config, "test"),
          use: "test",
          classes,
        })
      : await openPictures(request.pictures, terminal, {
          ...settleSource(request),
          valueRange: request.valueRange ?? config.valueRange,
        });
  const device = createDevice(request.threads === undefined ? {} : { threads: request.threads });
  try {
    terminal.progress("report: looking at the pictures", true);
    const { classifier, view, cropRatio } = await loadClassifier(device, path);
    const { encoder } = classifier;
    const half = [0.5, 0.5, 0.5] as const;
    const drawn = { size: encoder.grid[0] * Math.min(8, encoder.config.patchSize), mean: half, std: half };
    const look = {
      ...{ device, encoder, dataset, root: rootOf(dataset), cropRatio, seed: config.seed },
      views: [view, drawn] as const,
      withoutLabels: false,
      map: request.map ?? "pca",
    } as const;
    return await lookAtEncoder(look, await loadGallery(look));
  } finally {
    device.close();
    await dataset.close?.();
  }
}
