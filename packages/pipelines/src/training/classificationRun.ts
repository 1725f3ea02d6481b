import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type Classifier, classifierMethod, encoderView } from "@splitmask/methods";
import { UsageError } from "@splitmask/methods/settings";
import { classificationWork } from "../estimate/classificationWork.js";
import { openLabelledPictures } from "../pictures/labelledPictures.js";
import { checkSamePictures, identityOf } from "../pictures/samePictures.js";
import { classifierFile, writeClassifier } from "../runs/classifierFile.js";
import {
  changedSettings,
  preparedSettings,
  type RecordedEncoder,
  type RunDescription,
  readRun,
} from "../runs/description.js";
import {
  type EncoderWeights,
  findCheckpoint,
  loadWeights,
  readEncoderWeights,
  trainedRange,
  weightsHash,
} from "../runs/encoder.js";
import type { FinetuneConfig } from "../settings/finetuneConfig.js";
import { finetuneFields } from "../settings/finetuneGroups.js";
import { evaluationSteps, resolveFinetune } from "../settings/resolveFinetune.js";
import type { ClassificationSettings, PretrainingSettings } from "../settings/runSettings.js";
import { classificationStepOf } from "../settings/stepSettings.js";
import type { Terminal } from "../terminal/terminal.js";
import { classificationBatches } from "./batches.js";
import { classificationCosts } from "./costOf.js";
import { evaluateFinetuned, evaluationFile, type FinetuneEvaluation } from "./finetuneEvaluation.js";
import { foundText, ignoredText, tellDecisions } from "./plan.js";
import type { RunKind } from "./runKind.js";

/** What came of a run that trains a classifier, besides what all runs give. */
export interface ClassificationOutcome {
  /**
   * How good the model is; null where the run was interrupted, or the test pictures could not be looked at in the end.
   */
  readonly evaluation: FinetuneEvaluation | null;
}

/** What is fine-tuned, and with which pictures. */
export interface FinetuneSources {
  /** The pre-training run, or a checkpoint folder inside it: the encoder's shape, normalization and weights. */
  readonly run: string;
  /** Labeled pictures: one folder a class, or any other source with labels. */
  readonly train: string;
  /** Labeled pictures with the same class names, for the evaluation at the end. */
  readonly test: string;
  /** The same encoder with its first random weights, drawn with the seed: the baseline. */
  readonly fromScratch?: boolean;
}

/** The encoder that a run begins with. */
interface FirstEncoder {
  /** How it was pre-trained. */
  readonly description: RunDescription<PretrainingSettings>;
  /** Its weights; null: random ones. */
  readonly read: EncoderWeights | null;
}

/**
 * Runs that train a classifier on a pre-trained encoder, or from its first weights.
 *
 * @param sources The encoder and the pictures.
 * @param given The fields that are given.
 */
export function classificationRun(
  sources: FinetuneSources,
  given: FinetuneConfig,
): RunKind<ClassificationSettings, ClassificationOutcome, Classifier> {
  const { fromScratch = false } = sources;
  let first: Promise<FirstEncoder> | null = null;
  const firstEncoder = () => {
    first ??= readFirstEncoder(sources);
    return first;
  };

  return {
    name: "classification",
    fields: finetuneFields,
    betas: undefined,

    async open(description, terminal) {
      const valueRange =
        given.valueRange ??
        (description === null ? await trainedRange(sources.run) : description.config.valueRange) ??
        undefined;
      // A run goes on with its classes in their order, whatever order the pictures give them now.
      const classes = description?.classes;
      return openLabelledPictures(
        sources,
        { ...description?.config, ...given, valueRange, classes },
        terminal,
      );
    },

    async decide({ pictures: { classes, test, train } }, pictures, machine) {
      const { description, read } = await firstEncoder();
      const { depth, heads, imageSize, layerScale, patch, width } = description.config;
      const costOf = classificationCosts(description.encoder, classes.length, machine);
      const { choices, config } = await resolveFinetune(
        { ...given, valueRange: train.valueRange ?? given.valueRange },
        {
          count: pictures.count,
          encoder: { depth, heads, imageSize, layerScale, patch, width },
          fromScratch: read === null,
        },
        costOf,
      );
      const encoder = {
        name: "encoder",
        value: `width ${width}, depth ${depth}, ${heads} heads`,
        reason:
          read === null
            ? `random first weights, drawn with seed ${config.seed}: --from-scratch`
            : `the weights of ${sources.run} after ${read.step.toLocaleString("en")} steps`,
      };
      const cost = await costOf(classificationStepOf(config));
      return {
        config,
        choices: [encoder, ...choices],
        work: classificationWork(config, cost, test!.length),
      };
    },

    async work({ pictures: { classes, test } }, { config, encoder }, machine) {
      const costOf = classificationCosts(encoder, classes.length, machine);
      return classificationWork(config, await costOf(classificationStepOf(config)), test!.length);
    },

    async describe({ pictures }, { choices, config }) {
      const { description: pretraining, read } = await firstEncoder();
      const { dropPath, imageSize } = config;
      const { classes, test, train } = pictures;
      return {
        format: 1,
        kind: "classification",
        method: classifierMethod.name,
        methodFile: null,
        encoder: { ...pretraining.encoder, imageSize, dropPath, finalNorm: false },
        pictures: { path: resolve(sources.train), identity: await identityOf(train.dataset) },
        test: { path: resolve(sources.test), identity: await identityOf(test!) },
        pictureCount: train.facts.count,
        classes,
        pretrained: {
          run: resolve(sources.run),
          steps: read?.step ?? null,
          weights: read === null ? null : weightsHash(read.weights),
        },
        ...{ config, given, choices },
        ...{ mean: pretraining.mean, std: pretraining.std },
      };
    },

    tell({ pictures: { classes, test, train }, terminal }, choices) {
      const where = `in ${sources.train}${ignoredText(train)}, ${test!.length.toLocaleString("en")} test pictures in ${sources.test}`;
      tellDecisions(foundText(train, ` of ${classes.length} classes`), where, choices, terminal);
    },

    async resume({ pictures: { test, train }, request, terminal }, description) {
      const now = {
        train: { path: sources.train, dataset: train.dataset },
        test: { path: sources.test, dataset: test! },
      };
      await checkSamePictures("the training pictures", description.pictures, now.train, terminal, true);
      await checkSamePictures("the test pictures", description.test!, now.test, terminal, true);
      const pretrained = description.pretrained!;
      if ((pretrained.steps === null) !== fromScratch) {
        throw new UsageError(
          `--resume: the run was started with${fromScratch ? "out" : ""} --from-scratch. Start a new run in another folder.`,
        );
      }
      const hasOther = pretrained.run !== resolve(sources.run);
      if (hasOther || !(await isTrained(request.out)))
        checkSameWeights(await firstEncoder(), sources, pretrained);
      return {
        ...description,
        pictures: { ...description.pictures, path: resolve(sources.train) },
        test: { ...description.test!, path: resolve(sources.test) },
        pretrained: { ...pretrained, run: resolve(sources.run) },
      };
    },

    changed({ config: { batch }, pictureCount }) {
      const { evaluateEvery, ...others } = changedSettings(given, finetuneFields);
      const rhythm =
        evaluateEvery === undefined
          ? {}
          : { evaluateEvery: evaluationSteps(evaluateEvery, pictureCount, batch) };
      return { ...(others as Partial<ClassificationSettings>), ...rhythm };
    },

    async watch({ device, pictures, terminal }, description) {
      const { classes, config } = description;
      const view = encoderView(preparedSettings(description));
      let latest: { readonly step: number; readonly evaluation: FinetuneEvaluation } | null = null;
      let last: FinetuneEvaluation | null = null;
      const evaluateAt = async ({ model }: Classifier, step: number) => {
        const evaluation = await evaluateFinetuned(device, description, model, view, pictures, terminal);
        latest = { step, evaluation };
        return evaluation;
      };
      return {
        identities: [],
        warnings: [],
        options: (task) =>
          config.evaluateEvery === null
            ? {}
            : {
                evaluation: {
                  every: config.evaluateEvery,
                  run: async ({ step, signal }) => {
                    const found = await evaluateAt(task, step).catch((error: unknown) => {
                      // Before the first step there is nothing to lose.
                      if (signal.aborted || step === 0) throw error;
                      return warnUntested(step, error, terminal);
                    });
                    if (found === null) return {};
                    const { accuracy, top5 } = found;
                    return { accuracy, ...(top5 === null ? {} : { top5 }) };
                  },
                },
              },
        async finish(task, run, step) {
          const { cropRatio } = config;
          await writeClassifier(join(run.path, classifierFile), task.model, { classes, view, cropRatio });
          // Without evaluations in between, or where the run was resumed after its last step, this is the first one.
          last =
            latest?.step === step
              ? latest.evaluation
              : await evaluateAt(task, step).catch((error: unknown) => warnUntested(step, error, terminal));
          if (last === null) return;
          await writeFile(join(run.path, evaluationFile), `${JSON.stringify(last, null, 2)}\n`);
        },
        outcome: () => ({ evaluation: last }),
        close: async () => undefined,
      };
    },

    async create({ device, request }, description) {
      const { classes, config, encoder } = description;
      const task = classifierMethod.create(device, { ...config, encoder, classes: classes.length });
      // The run that they are from may have gone on since, or be gone.
      const isLoaded = request.resume && (await isTrained(request.out));
      const read = isLoaded ? null : (await firstEncoder()).read;
      if (read !== null) {
        // The classifier has its norm behind the mean of the tokens instead.
        const weights = new Map([...read.weights].filter(([name]) => !name.startsWith("norm.")));
        loadWeights(task.model.encoder, { path: read.path, weights });
      }
      return task;
    },

    views: (description) => [encoderView(preparedSettings(description))],

    batches: (device, dataset, description, options) =>
      classificationBatches(
        device,
        dataset,
        description.classes.length,
        preparedSettings(description),
        options,
      ),
  };
}

/** An evaluation that fails does not end a run: its weights are there without it. */
function warnUntested(step: number, error: unknown, terminal: Terminal): null {
  terminal.warn(`the model could not be tested after step ${step}: ${(error as Error).message}`);
  return null;
}

/** Reads the encoder of a pre-training run. */
async function readFirstEncoder({ run, fromScratch = false }: FinetuneSources): Promise<FirstEncoder> {
  if (fromScratch) {
    const { description } = await readRun((await findCheckpoint(run)).run, "pretraining");
    return { description, read: null };
  }
  const read = await readEncoderWeights(run, "--from-scratch for the encoder before training");
  return { description: read.description, read };
}

/** Whether a run folder has a checkpoint: from the first one on, the weights are in there. */
async function isTrained(run: string): Promise<boolean> {
  return (await findCheckpoint(run)).checkpoint !== null;
}

/**
 * Checks that a resumed run is given the weights that it was started with.
 *
 * @throws UsageError where they are others.
 */
function checkSameWeights({ read }: FirstEncoder, { run }: FinetuneSources, before: RecordedEncoder): void {
  if ((read === null ? null : weightsHash(read.weights)) === before.weights) return;
  throw new UsageError(
    `--resume: the encoder's weights of ${run} are not those that the run was started with, of ` +
      `${before.run} after ${before.steps} steps. Give the same run or checkpoint, or start a new run in ` +
      "another folder.",
  );
}
