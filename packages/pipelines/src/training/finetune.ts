import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { defaultDecodeSize, limitSkipped } from "@splitmask/data";
import { createDevice, type Device } from "@splitmask/kernels";
import type { Classifier, LabelledBatch } from "@splitmask/methods";
import { UsageError } from "@splitmask/methods/settings";
import { type BatchSource, RunFolder, type TimeLimit } from "@splitmask/trainer";
import { trainedRange } from "../evaluation/trainedRange.js";
import { openDiskCache } from "../pictures/diskCache.js";
import { type LabelledPictures, openLabelledPictures } from "../pictures/labelledPictures.js";
import { checkSamePictures, identityOf } from "../pictures/samePictures.js";
import { tellUnreadable } from "../pictures/scanPictures.js";
import { classifierFile, writeClassifier } from "../runs/classifierFile.js";
import { changedSettings, checkResume } from "../runs/description.js";
import { weightsHash } from "../runs/encoder.js";
import {
  type FinetuneDescription,
  finetuneDescribedBy,
  readFinetuneRun,
} from "../runs/finetuneDescription.js";
import { checkOutFolder, withNewRun } from "../runs/outFolder.js";
import type { FinetuneConfig } from "../settings/finetuneConfig.js";
import type { ResolvedFinetuneConfig } from "../settings/resolveFinetune.js";
import { checkpointRhythm } from "../settings/resolveLength.js";
import { silentTerminal, type Terminal } from "../terminal/terminal.js";
import { finetuneBatches, finetuneView } from "./finetuneBatches.js";
import { evaluateFinetuned, evaluationFile, type FinetuneEvaluation } from "./finetuneEvaluation.js";
import {
  estimateResumed,
  type FinetuneSources,
  finetuneTimeLimit,
  planFinetune,
  readFirstEncoder,
  tellFinetune,
} from "./finetunePlan.js";
import { beginWith, createClassifier, readSameWeights } from "./firstClassifier.js";
import { encoderConfig } from "./method.js";
import { estimateText, warnOfShortage } from "./plan.js";
import { secondsSince, type TrainedRun, trainInFolder } from "./trainedRun.js";

/** What to fine-tune, and where. */
export interface FinetuneRequest extends FinetuneSources {
  /** Run folder to write. */
  readonly out: string;
  /** The fields that are given; the rest is the recipe's or chosen. */
  readonly config?: FinetuneConfig;
  /** Go on from the run folder's last checkpoint. */
  readonly resume?: boolean;
  /** Delete the run folder's earlier run first. */
  readonly overwrite?: boolean;
  /** Aborting it stops after the step at hand, with a checkpoint. */
  readonly signal?: AbortSignal;
}

/** What came of it. */
export interface FinetuneResult extends TrainedRun {
  /**
   * How good the model is; null where the run was interrupted, or the test pictures could not be looked at in the end.
   */
  readonly evaluation: FinetuneEvaluation | null;
}

/**
 * Fine-tunes a pre-trained encoder with labels (or trains it from its first weights), evaluates it on the test
 * pictures, and leaves everything in the run folder. What fails before the first
 * checkpoint leaves no run folder behind.
 *
 * @param request What and where.
 * @param terminal Where it tells what it does.
 * @throws UsageError where the settings contradict each other, or the run folder holds a run already.
 * @throws Error where pictures or labels are missing, or the run folder cannot be written.
 */
export async function finetune(
  request: FinetuneRequest,
  terminal: Terminal = silentTerminal,
): Promise<FinetuneResult> {
  const started = performance.now();
  const { out, config: given = {}, resume = false, overwrite = false } = request;
  const exists = checkOutFolder(out, { resume, overwrite });
  const startedWith = resume ? await readFinetuneRun(out) : null;
  const valueRange =
    given.valueRange ??
    (startedWith === null ? await trainedRange(request.run) : startedWith.config.valueRange);
  // A run goes on with its classes in their order, whatever order the pictures give them now.
  const chosen = { ...startedWith?.config, ...given, valueRange, classes: startedWith?.classes };
  const pictures = await openLabelledPictures(request, chosen, terminal);
  const device = createDevice(given.threads === undefined ? {} : { threads: given.threads });
  try {
    return resume
      ? await resumeRun(device, request, given, pictures, started, terminal)
      : await startRun(device, request, given, pictures, exists, started, terminal);
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
  started: number,
  terminal: Terminal,
): Promise<FinetuneResult> {
  const { facts, unreadable } = pictures.train;
  const first = await readFirstEncoder(request);
  const { read, description: pretraining } = first;
  const plan = await planFinetune(device, given, request, first, pictures);
  const { choices, config } = plan;
  const { imageSize, dropPath } = config;
  const description: FinetuneDescription = {
    format: 1,
    method: "classifier",
    pretrained: resolve(request.run),
    pretrainedSteps: read?.step ?? null,
    pretrainedWeights: read === null ? null : weightsHash(read.weights),
    train: resolve(request.train),
    test: resolve(request.test),
    pictureCount: facts.count,
    trainIdentity: await identityOf(pictures.train.dataset),
    testIdentity: await identityOf(pictures.test),
    classes: pictures.classes,
    encoder: { ...encoderConfig(pretraining.config), imageSize, dropPath, finalNorm: false },
    config,
    given,
    mean: pretraining.mean,
    std: pretraining.std,
    choices,
  };
  tellFinetune(request, pictures, plan, terminal);
  for (const text of estimateText(plan, terminal)) terminal.line(text);
  warnOfShortage(plan, terminal);
  tellUnreadable(unreadable, terminal);
  return withNewRun(request.out, { exists, description }, async (run) => {
    const task = createClassifier(device, description);
    beginWith(task, read);
    const { estimate, fixed } = plan;
    const timeLimit = (decoded: boolean) =>
      finetuneTimeLimit(config, secondsSince(started), fixed, decoded, estimate.secondsPerStep);
    return trainRun(device, run, description, task, { ...pictures, timeLimit }, request, false, terminal);
  });
}

async function resumeRun(
  device: Device,
  request: FinetuneRequest,
  given: FinetuneConfig,
  pictures: LabelledPictures,
  started: number,
  terminal: Terminal,
): Promise<FinetuneResult> {
  const run = await RunFolder.open(request.out);
  try {
    const description = finetuneDescribedBy(run);
    checkResume(description, given);
    const { train, trainIdentity, test, testIdentity } = description;
    await checkSamePictures(
      "the training pictures",
      { path: train, identity: trainIdentity },
      { path: request.train, dataset: pictures.train.dataset },
      terminal,
      true,
    );
    await checkSamePictures(
      "the test pictures",
      { path: test, identity: testIdentity },
      { path: request.test, dataset: pictures.test },
      terminal,
      true,
    );
    if ((description.pretrainedSteps === null) !== (request.fromScratch ?? false)) {
      throw new UsageError(
        `--resume: the run was started with${description.pretrainedSteps === null ? "" : "out"} --from-scratch. Start a new run in another folder.`,
      );
    }
    const read = await readSameWeights(request, description, run);
    const places = {
      pretrained: resolve(request.run),
      train: resolve(request.train),
      test: resolve(request.test),
    };
    if (Object.entries(places).some(([field, place]) => description[field as keyof typeof places] !== place))
      await run.rewriteConfig({ ...description, ...places });
    const config = { ...description.config, ...changedSettings<ResolvedFinetuneConfig>(given) };
    const changed = { ...description, ...places, config };
    const task = createClassifier(device, changed);
    beginWith(task, read);
    const estimate =
      config.seconds === null ? null : await estimateResumed(device, changed, pictures, request);
    const timeLimit = (decoded: boolean) =>
      finetuneTimeLimit(config, secondsSince(started), estimate!.fixed, decoded, estimate!.secondsPerStep);
    return await trainRun(device, run, changed, task, { ...pictures, timeLimit }, request, true, terminal);
  } finally {
    await run.close();
  }
}

/** The pictures of a run. */
interface RunPictures extends LabelledPictures {
  /** The time of a timed run, with its pictures decoded already or not. */
  readonly timeLimit: (decoded: boolean) => TimeLimit;
}

/** An evaluation that fails does not end a run: its weights are there without it. */
function warnUntested(step: number, error: unknown, terminal: Terminal): null {
  terminal.warn(`the model could not be tested after step ${step}: ${(error as Error).message}`);
  return null;
}

/** Trains, from the first step or from the last checkpoint, and evaluates. */
async function trainRun(
  device: Device,
  run: RunFolder,
  description: FinetuneDescription,
  task: Classifier,
  pictures: RunPictures,
  request: FinetuneRequest,
  resume: boolean,
  terminal: Terminal,
): Promise<FinetuneResult> {
  const { config, classes } = description;
  const { facts } = pictures.train;
  const signal = request.signal === undefined ? {} : { signal: request.signal };
  const dataset = limitSkipped(pictures.train.dataset, {
    maximumSkipped: config.maximumSkipped,
    onSkipped: (picture) => run.appendSkipped([picture]),
  });
  const view = finetuneView(description);
  const disk = await openDiskCache(
    device,
    dataset,
    { config, facts, decodeSize: defaultDecodeSize([view]), ...signal },
    terminal,
  );
  const batches = finetuneBatches(device, dataset, description, disk === null ? {} : { cache: disk });
  let latest: { readonly step: number; readonly evaluation: FinetuneEvaluation } | null = null;
  const evaluateAt = async (step: number) => {
    const evaluation = await evaluateFinetuned(device, description, task.model, view, pictures, terminal);
    latest = { step, evaluation };
    return evaluation;
  };
  let evaluation: FinetuneEvaluation | null = null;
  try {
    const trained = await trainInFolder(
      {
        device,
        task,
        batches: batches as BatchSource<LabelledBatch>,
        length: config.steps !== null ? { steps: config.steps } : pictures.timeLimit(disk !== null),
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
        checkpointEvery: checkpointRhythm(config, { ...description.given, ...request.config }),
        keepCheckpoints: config.keepCheckpoints,
        nonFinite: { action: config.onNan },
        freeze: config.freeze,
        ...(config.evaluateEvery === null
          ? {}
          : {
              evaluation: {
                every: config.evaluateEvery,
                run: async ({ step, signal }) => {
                  const found = await evaluateAt(step).catch((error: unknown) => {
                    // Before the first step there is nothing to lose.
                    if (signal.aborted || step === 0) throw error;
                    return warnUntested(step, error, terminal);
                  });
                  if (found === null) return {};
                  const { accuracy, top5 } = found;
                  return { accuracy, ...(top5 === null ? {} : { top5 }) };
                },
              },
            }),
        ...signal,
      },
      async ({ step }) => {
        const { cropRatio } = config;
        await writeClassifier(join(run.path, classifierFile), task.model, { classes, view, cropRatio });
        // Without evaluations in between, or where the run was resumed after its last step, this is the first one.
        evaluation =
          latest?.step === step
            ? latest.evaluation
            : await evaluateAt(step).catch((error: unknown) => warnUntested(step, error, terminal));
        if (evaluation === null) return;
        await writeFile(join(run.path, evaluationFile), `${JSON.stringify(evaluation, null, 2)}\n`);
      },
      terminal,
    );
    return { ...trained, run: request.out, evaluation };
  } finally {
    batches.close();
    disk?.close();
  }
}
