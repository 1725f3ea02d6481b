import { relative } from "node:path";
import { type ImageDataset, limitSkipped, type SkippedPicture } from "@splitmask/data";
import {
  classifyDataset,
  embedDataset,
  type FeatureClassifier,
  fitLinearProbe,
  KnnClassifier,
  type LabelledFeatures,
  type RankedClasses,
} from "@splitmask/eval";
import type { Device } from "@splitmask/kernels";
import { UsageError } from "@splitmask/methods/settings";
import { withDevice } from "../machine/withDevice.js";
import { openTrainingPictures } from "../pictures/labelledPictures.js";
import { withPictures } from "../pictures/openFiles.js";
import { openPictures, rootOf } from "../pictures/pictures.js";
import { loadClassifier } from "../runs/classifierFile.js";
import { loadEncoder } from "../runs/encoder.js";
import { isPretrainingRun } from "../runs/isPretrainingRun.js";
import { defaultMaximumSkipped } from "../settings/resolveCommon.js";
import { type SourceConfig, settleSource } from "../settings/sourceFields.js";
import { silentTerminal, type Terminal } from "../terminal/terminal.js";
import { trainedRange } from "./trainedRange.js";

/** What to predict. */
export interface PredictRequest extends SourceConfig {
  /** A fine-tuning run; with `train` a pre-training run. */
  readonly run: string;
  /** The pictures: a folder, a file or a pattern, as `openDataset` takes it. */
  readonly folder: string;
  /** Labeled pictures that a classifier on a pre-trained encoder learns from. */
  readonly train?: string;
  /** Part of them that is taken, where there are several. */
  readonly trainSplit?: string | undefined;
  /** That classifier: a linear probe (default) or k nearest neighbors. */
  readonly classifier?: "probe" | "knn";
  /** Neighbors that vote (k-NN). Default 20, at most the number of training pictures. */
  readonly k?: number;
  /** Temperature of the vote (k-NN). Default 0.07. */
  readonly temperature?: number;
  /** How many of the likeliest classes are given for each picture, at most all. Default 1. */
  readonly top?: number;
  /** Largest share of the pictures of a folder that may be unreadable. Default 0.1. */
  readonly maximumSkipped?: number;
  /** Pictures a step. Default 64. */
  readonly batch?: number;
  /** Threads; all cores when not given. */
  readonly threads?: number;
}

/** A class that a picture may be of. */
export interface PredictedClass {
  /** Its name. */
  readonly label: string;
  /** How likely it is, 0 … 1. */
  readonly probability: number;
}

/** What a picture was taken for. */
export interface PicturePrediction {
  /** The picture's path within the folder. */
  readonly path: string;
  /** The likeliest classes, the likeliest first. */
  readonly classes: readonly PredictedClass[];
}

/** The classes of the pictures of a folder. */
export interface PredictResult {
  /** One for each picture that could be read, in the order of the folder. */
  readonly predictions: readonly PicturePrediction[];
  /** The folder that their paths are relative to. */
  readonly root: string;
  /** All class names, by label. */
  readonly classes: readonly string[];
  /** The pictures that could not be read. */
  readonly skipped: readonly SkippedPicture[];
}

/** Ranked classes of some pictures of a data set. */
interface Ranked {
  readonly ranked: RankedClasses;
  readonly indices: Int32Array;
  readonly classes: readonly string[];
  readonly skipped: readonly SkippedPicture[];
}

/**
 * Gives classes to the pictures of a folder: by a fine-tuned classifier, or by a probe or k-NN on a pre-trained encoder
 * and labeled pictures.
 *
 * @param request What to predict.
 * @param terminal Where progress is told.
 * @throws UsageError where the run knows no classes and no labeled pictures are given; Error where the run or the
 *   pictures are not there.
 */
export async function predict(
  request: PredictRequest,
  terminal: Terminal = silentTerminal,
): Promise<PredictResult> {
  const { folder, run, train, maximumSkipped = defaultMaximumSkipped } = request;
  if (train === undefined && (await isPretrainingRun(run))) {
    throw new UsageError(
      `${run}: a pre-training run knows no classes. Give labeled pictures with --train, or fine-tune it first with splitmask finetune.`,
    );
  }
  const valueRange = request.valueRange ?? (await trainedRange(run));
  const pictures = await openPictures(folder, terminal, { ...settleSource(request), valueRange });
  return withPictures([pictures], () =>
    withDevice(request.threads, async (device) => {
      const dataset = limitSkipped(pictures, { maximumSkipped });
      const { classes, indices, ranked, skipped } = await (train === undefined
        ? byFineTuned(device, request, dataset, terminal)
        : byFeatures(device, { ...request, train, maximumSkipped }, dataset, terminal));
      terminal.endProgress();
      const root = rootOf(pictures);
      const { k, labels, probabilities } = ranked;
      const predictions = Array.from(indices, (index, row) => ({
        path: relative(root, dataset.path(index)),
        classes: Array.from(labels.subarray(row * k, row * k + k), (label, place) => ({
          label: classes[label]!,
          probability: Number(probabilities[row * k + place]!.toPrecision(6)),
        })),
      }));
      return { predictions, root, classes, skipped };
    }),
  );
}

async function byFineTuned(
  device: Device,
  { batch, run, top = 1 }: PredictRequest,
  dataset: ImageDataset,
  terminal: Terminal,
): Promise<Ranked> {
  const { classes, classifier, cropRatio, view } = await loadClassifier(device, run);
  const found = await classifyDataset({
    ...{ device, classifier, dataset, view, cropRatio, k: Math.min(top, classes.length) },
    ...(batch === undefined ? {} : { batchSize: batch }),
    onProgress: (done, total) => terminal.progress(`${done} of ${total} pictures classified`, done === total),
  });
  return { ...found, classes };
}

async function byFeatures(
  device: Device,
  request: PredictRequest & { readonly train: string; readonly maximumSkipped: number },
  dataset: ImageDataset,
  terminal: Terminal,
): Promise<Ranked> {
  const { batch, maximumSkipped, run, top = 1 } = request;
  const valueRange = request.valueRange ?? (await trainedRange(run));
  const source = { ...settleSource(request), split: request.trainSplit, valueRange };
  const labelled = await openTrainingPictures(request.train, { ...source, maximumSkipped }, terminal);
  return withPictures([labelled.dataset], async () => {
    const { encoder, view } = await loadEncoder(device, { run });
    const training = limitSkipped(labelled.dataset, { maximumSkipped });
    const embed = (what: string, pictures: ImageDataset) =>
      embedDataset({
        ...{ device, encoder, dataset: pictures, view },
        ...(batch === undefined ? {} : { batchSize: batch }),
        onProgress: (done, total) =>
          terminal.progress(`${done} of ${total} ${what} pictures embedded`, done === total),
      });
    const { features, labels, classes } = await embed("training", training);
    const classifier = await fit(device, { features, labels, classes }, request, terminal);
    const { indices, skipped, ...embedded } = await embed("given", dataset);
    const ranked = await classifier.rank(embedded.features, Math.min(top, classes.length));
    return { ranked, indices, classes, skipped };
  });
}

async function fit(
  device: Device,
  train: LabelledFeatures,
  { classifier = "probe", k = 20, temperature }: PredictRequest,
  terminal: Terminal,
): Promise<FeatureClassifier> {
  if (classifier === "knn") {
    return new KnnClassifier({
      ...{ device, train, k: Math.min(k, train.labels.length) },
      ...(temperature === undefined ? {} : { temperature }),
    });
  }
  const fitted = await fitLinearProbe({
    device,
    train,
    onProgress: (done, total) => terminal.progress(`linear probe: ${Math.round((100 * done) / total)} %`),
  });
  return fitted.classifier;
}
