import { join } from "node:path";
import type { SkippedPicture } from "@splitmask/data";
import { createDevice } from "@splitmask/kernels";
import { chartsOf, curvesOf, factsOf, type RecordedRun, type ReportData } from "@splitmask/report";
import { loadTokenizer } from "@splitmask/tokenizer";
import { openPictures, rootOf } from "../pictures/pictures.js";
import { openRecordedPictures } from "../pictures/samePictures.js";
import { chooseSubset } from "../pictures/subset.js";
import { readRun } from "../runs/description.js";
import { readWeights } from "../runs/encoder.js";
import { tokenizerFile } from "../runs/tokenizerFile.js";
import { settleSource } from "../settings/sourceFields.js";
import type { Terminal } from "../terminal/terminal.js";
import { createMethod, encoderView, tokenizerView } from "../training/method.js";
import { loadGallery, lookAtEncoder, lookAtMethod } from "./lookAt.js";
import type { ReportRequest } from "./reportRequest.js";

/**
 * What the page of a pre-training run shows.
 *
 * @param request Which pictures, and how.
 * @param recorded The run.
 * @param checkpoint Its checkpoint; null before the first.
 * @param terminal Where progress is told.
 * @throws Error where it is no pre-training run or has no checkpoint.
 */
export async function pretrainReport(
  request: ReportRequest,
  recorded: RecordedRun,
  checkpoint: { readonly path: string } | null,
  terminal: Terminal,
): Promise<Omit<ReportData, "written">> {
  const { description } = await readRun(recorded.path);
  if (checkpoint === null)
    throw new Error(`${request.run}: there is no checkpoint yet. Wait for the first one.`);
  const { config, pictureCount, choices } = description;
  const ownPictures = request.pictures === undefined;
  const all =
    request.pictures === undefined
      ? await openRecordedPictures(description.pictures, "--pictures", terminal, {
          ...config,
          use: "pretraining",
        })
      : await openPictures(request.pictures, terminal, {
          ...settleSource(request),
          valueRange: request.valueRange ?? config.valueRange,
        });
  const dataset = ownPictures ? await chooseSubset(all, config) : all;
  const device = createDevice(request.threads === undefined ? {} : { threads: request.threads });
  try {
    terminal.progress("report: looking at the pictures", true);
    const tokenizer = await loadTokenizer(device, join(recorded.path, tokenizerFile));
    const method = createMethod(device, config, tokenizer);
    method.model.loadStateDict(await readWeights(checkpoint.path, description));
    const { encoder } = method.model;
    const look = {
      ...{ device, encoder, dataset, root: rootOf(all), cropRatio: 1, seed: config.seed },
      views: [encoderView(description), tokenizerView(config)] as const,
      withoutLabels: true,
      map: request.map ?? "pca",
    } as const;
    const gallery = await loadGallery(look);
    const skipped = ownPictures ? bothSkipped(recorded.skipped, gallery.skipped) : gallery.skipped;
    const { metrics } = recorded;
    const curves = curvesOf(metrics, recorded.evaluations);
    return {
      title: recorded.name,
      summary:
        `A vision transformer (width ${config.width}, depth ${config.depth}, ${config.heads} heads, patches of ${config.patch} pixels at ${config.imageSize}×${config.imageSize}), ` +
        `pre-trained with SplitMask on ${pictureCount.toLocaleString("en")} pictures without labels.`,
      warnings: recorded.warnings,
      withLabels: false,
      facts: factsOf({
        ...{ metrics, curves, batch: config.batch, pictureCount },
        encoderParameters: encoder.parameterCount,
        parameters: method.model.parameterCount,
        skipped: skipped.length,
      }),
      charts: chartsOf(curves, {
        guessing:
          config.inpaintWeight * Math.log(config.vocabulary) + config.matchWeight * Math.log(config.batch),
        clip: config.clip,
      }),
      configuration: choices,
      ...(await lookAtMethod(look, method, gallery)),
      ...(await lookAtEncoder(look, gallery)),
      skipped,
    };
  } finally {
    device.close();
    await dataset.close?.();
  }
}

/** What the run skipped, and what was skipped for the page besides. */
function bothSkipped(run: readonly SkippedPicture[], page: readonly SkippedPicture[]): SkippedPicture[] {
  return [...new Map([...run, ...page].map((picture) => [picture.path, picture])).values()];
}
