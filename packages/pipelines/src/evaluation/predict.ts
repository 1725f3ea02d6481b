import { relative } from "node:path";
import type { Tensor } from "@splitmask/autograd";
import type { ImageDataset, SkippedPicture } from "@splitmask/data";
import {
  classifyDataset,
  fitLinearProbe,
  KnnClassifier,
  type LabelledFeatures,
  type RankedClasses,
} from "@splitmask/eval";
import type { Device } from "@splitmask/kernels";
import { UsageError } from "@splitmask/methods/settings";
import { PackedParameters } from "@splitmask/nn";
import { withDevice } from "../machine/withDevice.js";
import { openTrainingPictures } from "../pictures/labelledPictures.js";
import { withPictures } from "../pictures/openFiles.js";
import { openPictures, rootOf } from "../pictures/pictures.js";
import type { ScanOptions } from "../pictures/scanPictures.js";
import { loadClassifier } from "../runs/classifierFile.js";
import { descriptionOf } from "../runs/encoder.js";
import type { SourceConfig } from "../settings/sourceFields.js";
import { silentTerminal, type Terminal } from "../terminal/terminal.js";
import { goingThrough, type UsedRun, withEncoder } from "./usedRun.js";

/** What to predict, with a fine-tuning run; with `train` with a pre-training run. */
export interface PredictRequest extends UsedRun, SourceConfig {
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

/** Ranked classes of those pictures of a data set that could be read. */
interface Ranked extends Pick<PredictResult, "classes" | "skipped"> {
  readonly ranked: RankedClasses;
  readonly indices: Int32Array;
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
  const { folder, run, train } = request;
  const description = await descriptionOf(run);
  const source = { ...request, valueRange: request.valueRange ?? description?.config.valueRange };
  if (train === undefined && description?.kind === "pretraining") {
    throw new UsageError(
      `${run}: a pre-training run knows no classes. ` +
        "Give labeled pictures with --train, or fine-tune it first with splitmask finetune.",
    );
  }
  const pictures = await openPictures(folder, terminal, source);
  return withPictures([pictures], async () => {
    const { classes, indices, ranked, skipped } = await (train === undefined
      ? byFineTuned(request, pictures, terminal)
      : byFeatures(request, train, { ...source, split: request.trainSplit }, pictures, terminal));
    terminal.endProgress();
    const root = rootOf(pictures);
    const { k, labels, probabilities } = ranked;
    const predictions = Array.from(indices, (index, row) => ({
      path: relative(root, pictures.path(index)),
      classes: Array.from(labels.subarray(row * k, row * k + k), (label, place) => ({
        label: classes[label]!,
        probability: Number(probabilities[row * k + place]!.toPrecision(6)),
      })),
    }));
    return { predictions, root, classes, skipped };
  });
}

function byFineTuned(request: PredictRequest, pictures: ImageDataset, terminal: Terminal): Promise<Ranked> {
  return withDevice(request.threads, async (device) => {
    const { classes, classifier: model, cropRatio, view } = await loadClassifier(device, request.run);
    const packed = new PackedParameters(model.encoder, request.weights ?? "float32");
    const classifier = { classify: (images: Tensor) => model.classify(images, { packed }) };
    const k = Math.min(request.top ?? 1, classes.length);
    const shown = goingThrough(pictures, request, terminal, "pictures classified");
    return { ...(await classifyDataset({ device, classifier, view, cropRatio, k, ...shown })), classes };
  });
}

async function byFeatures(
  request: PredictRequest,
  train: string,
  source: ScanOptions,
  pictures: ImageDataset,
  terminal: Terminal,
): Promise<Ranked> {
  const { dataset } = await openTrainingPictures(train, source, terminal);
  return withEncoder(request, [dataset], terminal, async ({ device, embed }) => {
    const [labelled] = await embed(dataset, "training pictures");
    const classifier = await fit(device, labelled, request, terminal);
    const [{ features, indices, skipped }] = await embed(pictures, "given pictures");
    const { classes } = labelled;
    const ranked = await classifier.rank(features, Math.min(request.top ?? 1, classes.length));
    return { ranked, indices, classes, skipped };
  });
}

async function fit(
  device: Device,
  train: LabelledFeatures,
  { classifier = "probe", k = 20, temperature = 0.07 }: PredictRequest,
  terminal: Terminal,
) {
  if (classifier === "knn")
    return new KnnClassifier({ device, train, k: Math.min(k, train.labels.length), temperature });
  const onProgress = (done: number, total: number) =>
    terminal.progress(`linear probe: ${Math.round((100 * done) / total)} %`);
  return (await fitLinearProbe({ device, train, onProgress })).classifier;
}
