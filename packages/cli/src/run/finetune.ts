import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import {
  defaultDecodeSize,
  type ImageDataset,
  ImageLoader,
  limitSkipped,
  MixedBatches,
  supervisedAugmentation,
  type View,
} from "@splitmask/data";
import { type ClassifierEvaluation, evaluateClassifier } from "@splitmask/eval";
import { createDevice, type Device } from "@splitmask/kernels";
import { Classifier, type LabelledBatch } from "@splitmask/methods";
import { type BatchSource, RunFolder } from "@splitmask/trainer";
import { VisionTransformer } from "@splitmask/vit";
import type { FinetuneConfig } from "../config/finetuneConfig.js";
import { type ResolvedFinetuneConfig, resolveFinetune } from "../config/resolveFinetune.js";
import { UsageError } from "../errors.js";
import { printable } from "../terminal/printable.js";
import type { Terminal } from "../terminal/terminal.js";
import { tellChoices } from "./choices.js";
import { classifierFile, writeClassifier } from "./classifierFile.js";
import { changedSettings, checkResume, readRun } from "./description.js";
import { openDiskCache } from "./diskCache.js";
import { findCheckpoint, loadWeights, readEncoderWeights } from "./encoder.js";
import { type FinetuneDescription, finetuneDescribedBy, readFinetuneRun } from "./finetuneDescription.js";
import { type LabelledPictures, openLabelledPictures } from "./labelledPictures.js";
import { encoderConfig } from "./method.js";
import { checkOutFolder, withNewRun } from "./outFolder.js";
import { tellUnreadable } from "./pictures.js";
import { type TrainedRun, trainInFolder } from "./trainedRun.js";

/** What to fine-tune, and where. */
export interface FinetuneRequest {
  /** The pre-training run, or a checkpoint folder inside it: the encoder's shape, normalization and weights. */
  readonly run: string;
  /** Labelled pictures: one folder a class, or any other source with labels. */
  readonly train: string;
  /** Labelled pictures with the same class names, for the evaluation at the end. */
  readonly test: string;
  /** Run folder to write. */
  readonly out: string;
  /** The same encoder with its first random weights, drawn with the seed: the baseline. */
  readonly fromScratch?: boolean;
  /** The fields that are given; the rest is the recipe's or chosen. */
  readonly config?: FinetuneConfig;
  /** Go on from the run folder's last checkpoint. */
  readonly resume?: boolean;
  /** Delete the run folder's earlier run first. */
  readonly overwrite?: boolean;
  /** Aborting it stops after the step at hand, with a checkpoint. */
  readonly signal?: AbortSignal;
}

/** How good the fine-tuned model is; what `evaluation.json` holds. */
export interface FinetuneEvaluation {
  /** Share of the test pictures that are classified rightly. */
  readonly accuracy: number;
  /** Share of the test pictures whose class is among the five with the highest scores. */
  readonly top5: number;
  /** Number of test pictures. */
  readonly test: number;
  /** Class names, by label. */
  readonly classes: readonly string[];
  /** Accuracy by class name; null without test pictures. */
  readonly perClass: Readonly<Record<string, number | null>>;
  /** `confusion[c][p]`: how many test pictures of class c were taken for class p. */
  readonly confusion: readonly (readonly number[])[];
}

/** What came of it. */
export interface FinetuneResult extends TrainedRun {
  /** How good the model is; null where the run was interrupted. */
  readonly evaluation: FinetuneEvaluation | null;
}

/** Name of the evaluation's file in a finished run folder. */
export const evaluationFile = "evaluation.json";

/**
 * Fine-tunes a pre-trained encoder with labels (or trains it from its first weights), evaluates it on the test pictures, and leaves everything in the run folder. What fails before the first
 * checkpoint leaves no run folder behind.
 *
 * @param request What and where.
 * @param terminal Where it tells what it does.
 * @throws UsageError where the settings contradict each other, or the run folder holds a run already.
 * @throws Error where pictures or labels are missing, or the run folder cannot be written.
 */
export async function finetune(request: FinetuneRequest, terminal: Terminal): Promise<FinetuneResult> {
  const { out, config: given = {}, resume = false, overwrite = false } = request;
  const exists = checkOutFolder(out, { resume, overwrite });
  const chosen = resume ? { ...(await readFinetuneRun(out)).config, ...given } : given;
  const pictures = await openLabelledPictures(request, chosen, terminal);
  const device = createDevice(given.threads === undefined ? {} : { threads: given.threads });
  try {
    return resume
      ? await resumeRun(device, request, given, pictures, terminal)
      : await startRun(device, request, given, pictures, exists, terminal);
  } finally {
    device.close();
    await pictures.train.dataset.close?.();
    await pictures.test.close?.();
  }
}

async function startRun(
  device: Device,
  request: FinetuneRequest,
  given: FinetuneConfig,
  pictures: LabelledPictures,
  exists: boolean,
  terminal: Terminal,
): Promise<FinetuneResult> {
  const { fromScratch = false } = request;
  const { facts, ignored, unreadable } = pictures.train;
  const source = fromScratch
    ? { ...(await readRun((await findCheckpoint(request.run)).run)), read: null }
    : await readEncoderWeights(request.run, "--from-scratch for the encoder before training").then(
        (read) => ({ description: read.description, read }),
      );
  const { read, description: pretraining } = source;
  const { config, choices } = resolveFinetune(given, {
    count: facts.count,
    classes: pictures.classes.length,
    imageSize: pretraining.config.imageSize,
    patch: pretraining.config.patch,
    fromScratch,
  });
  const { imageSize, dropPath } = config;
  const description: FinetuneDescription = {
    format: 1,
    method: "classifier",
    pretrained: resolve(request.run),
    pretrainedSteps: read?.step ?? null,
    train: resolve(request.train),
    test: resolve(request.test),
    pictureCount: facts.count,
    classes: pictures.classes,
    encoder: { ...encoderConfig(pretraining.config), imageSize, dropPath, finalNorm: false },
    config,
    given,
    mean: pretraining.mean,
    std: pretraining.std,
    choices: [
      {
        name: "encoder",
        value: `width ${pretraining.config.width}, depth ${pretraining.config.depth}, ${pretraining.config.heads} heads`,
        reason:
          read === null
            ? `random first weights, drawn with seed ${config.seed}: --from-scratch`
            : `the weights of ${request.run} after ${read.step.toLocaleString("en")} steps`,
      },
      ...choices,
    ],
  };
  terminal.line(
    `${terminal.style.bold(`${facts.count.toLocaleString("en")} pictures of ${pictures.classes.length} classes`)} in ${request.train}${ignored === 0 ? "" : ` (${ignored} other files are left alone)`}, ${pictures.test.length.toLocaleString("en")} test pictures in ${request.test}`,
  );
  tellChoices(description.choices, terminal);
  tellUnreadable(unreadable, terminal);
  return withNewRun(request.out, { exists, description }, async (run) => {
    const task = createClassifier(device, description);
    if (read !== null) {
      // The classifier has its norm behind the mean of the tokens instead.
      const weights = new Map([...read.weights].filter(([name]) => !name.startsWith("norm.")));
      loadWeights(task.model.encoder, { path: read.path, weights });
    }
    return trainRun(device, run, description, task, pictures, request, false, terminal);
  });
}

async function resumeRun(
  device: Device,
  request: FinetuneRequest,
  given: FinetuneConfig,
  pictures: LabelledPictures,
  terminal: Terminal,
): Promise<FinetuneResult> {
  const run = await RunFolder.open(request.out);
  try {
    const description = finetuneDescribedBy(run);
    checkResume(description, given, [
      ["the training pictures were", description.train, resolve(request.train)],
      ["the test pictures were", description.test, resolve(request.test)],
      ["the encoder's weights were", description.pretrained, resolve(request.run)],
    ]);
    const { count } = pictures.train.facts;
    if (description.pictureCount !== count) {
      throw new UsageError(
        `--resume: the run was started with ${description.pictureCount} pictures and ${request.train} now holds ${count}. Put them back, or start a new run in another folder.`,
      );
    }
    if ((description.pretrainedSteps === null) !== (request.fromScratch ?? false)) {
      throw new UsageError(
        `--resume: the run was started with${description.pretrainedSteps === null ? "" : "out"} --from-scratch. Start a new run in another folder.`,
      );
    }
    const config = { ...description.config, ...changedSettings<ResolvedFinetuneConfig>(given) };
    const changed = { ...description, config };
    const task = createClassifier(device, changed);
    return await trainRun(device, run, changed, task, pictures, request, true, terminal);
  } finally {
    await run.close();
  }
}

/** The classifier as it is before training, its encoder with its first random weights. */
function createClassifier(device: Device, { encoder, classes, config }: FinetuneDescription): Classifier {
  const { seed, labelSmoothing: smoothing, headDeviation } = config;
  return new Classifier(device, {
    encoder: new VisionTransformer(device, encoder, { seed }),
    classes: classes.length,
    ...{ seed, smoothing, headDeviation },
  });
}

/** Trains, from the first step or from the last checkpoint, and evaluates. */
async function trainRun(
  device: Device,
  run: RunFolder,
  description: FinetuneDescription,
  task: Classifier,
  pictures: LabelledPictures,
  request: FinetuneRequest,
  resume: boolean,
  terminal: Terminal,
): Promise<FinetuneResult> {
  const { config, mean, std, classes } = description;
  const { facts } = pictures.train;
  const signal = request.signal === undefined ? {} : { signal: request.signal };
  const dataset = limitSkipped(pictures.train.dataset, {
    maximumSkipped: config.maximumSkipped,
    onSkipped: (picture) => run.appendSkipped([picture]),
  });
  const view: View = { size: config.imageSize, mean, std };
  const disk = await openDiskCache(
    device,
    dataset,
    { config, facts, decodeSize: defaultDecodeSize([view]), ...signal },
    terminal,
  );
  const loader = new ImageLoader({
    dataset,
    device,
    batchSize: config.batch,
    views: [view],
    seed: config.seed,
    augmentation: supervisedAugmentation({
      mean,
      cropScale: config.cropScale,
      horizontalFlip: config.flip,
      magnitude: config.magnitude,
      magnitudeStd: config.magnitudeStd,
      colorJitter: config.jitter,
      erasing: config.erasing,
    }),
    repeats: config.repeats,
    ...(disk === null ? {} : { cache: disk }),
  });
  const { mixup: mixupAlpha, cutmix: cutmixAlpha, labelSmoothing } = config;
  const batches: BatchSource<LabelledBatch> =
    mixupAlpha + cutmixAlpha === 0
      ? loader
      : new MixedBatches({
          device,
          loader,
          mixup: { classes: classes.length, mixupAlpha, cutmixAlpha, labelSmoothing },
          seed: config.seed,
        });
  let evaluation: FinetuneEvaluation | null = null;
  try {
    const trained = await trainInFolder(
      {
        device,
        task,
        batches,
        length: config.steps !== null ? { steps: config.steps } : { seconds: config.seconds! },
        schedule: {
          base: config.learningRate,
          minimum: config.minimumLearningRate,
          warmupSteps: config.warmup ?? ((steps) => Math.round(config.warmupShare * steps)),
        },
        optimizer: {
          weightDecay: config.weightDecay,
          layerDecay: config.layerDecay,
          ...(config.weightDecayEnd === null ? {} : { weightDecayEnd: config.weightDecayEnd }),
        },
        clipNorm: config.clip,
        clipMode: config.clipMode,
        accumulate: config.accumulate,
        ema: config.ema === null ? null : { decay: config.ema, warmup: {} },
        seed: config.seed,
        precision: config.precision,
        recompute: config.recompute,
        runFolder: run,
        resume,
        checkpointEvery: config.checkpointEvery,
        keepCheckpoints: config.keepCheckpoints,
        nonFinite: { action: config.onNan },
        ...signal,
      },
      async () => {
        const { cropRatio } = config;
        await writeClassifier(join(run.path, classifierFile), task.model, { classes, view, cropRatio });
        evaluation = await evaluateRun(device, description, task, view, pictures.test, terminal);
        await writeFile(join(run.path, evaluationFile), `${JSON.stringify(evaluation, null, 2)}\n`);
      },
      terminal,
    );
    return { ...trained, run: request.out, evaluation };
  } finally {
    loader.close();
    disk?.close();
  }
}

/** Classifies the test pictures. */
async function evaluateRun(
  device: Device,
  { config, classes }: FinetuneDescription,
  task: Classifier,
  view: View,
  test: ImageDataset,
  terminal: Terminal,
): Promise<FinetuneEvaluation> {
  const found: ClassifierEvaluation = await evaluateClassifier({
    device,
    classifier: task.model,
    dataset: limitSkipped(test, { maximumSkipped: config.maximumSkipped }),
    view,
    cropRatio: config.cropRatio,
    onProgress: (done, total) => terminal.progress(`test: ${done} of ${total} pictures classified`),
  });
  terminal.endProgress();
  const [example] = found.skipped;
  if (example !== undefined) {
    terminal.warn(
      `${found.skipped.length} test pictures were skipped, e.g. ${printable(example.path)}: ${example.reason}`,
    );
  }
  const { accuracy, top5, perClass, confusion } = found;
  return {
    accuracy,
    top5,
    test: found.labels.length,
    classes,
    perClass: Object.fromEntries(
      classes.map((name, label) => [name, Number.isNaN(perClass[label]!) ? null : perClass[label]!]),
    ),
    confusion,
  };
}
