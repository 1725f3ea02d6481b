import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { limitSkipped } from "@splitmask/data";
import { evaluateClassifier } from "@splitmask/eval";
import { type Classifier, type ClassifierModel, classifierMethod, encoderView } from "@splitmask/methods";
import { UsageError } from "@splitmask/methods/settings";
import type { TrainingEvaluation } from "@splitmask/trainer";
import { classificationWork } from "../estimate/runWork.js";
import { heldOutShare, openLabelledPictures } from "../pictures/labelledPictures.js";
import { classifierFile, evaluationFile, writeClassifier } from "../runs/classifierFile.js";
import { changedSettings, preparedSettings, type RunDescription, readRun } from "../runs/description.js";
import {
  findCheckpoint,
  isEncoderFile,
  loadWeights,
  originOf,
  readEncoderWeights,
  sizesOf,
  trainedRange,
  weightsHash,
} from "../runs/encoder.js";
import type { FinetuneConfig } from "../settings/config.js";
import { finetuneFields } from "../settings/fields.js";
import { evaluationSteps, resolveFinetune } from "../settings/resolveFinetune.js";
import type { ClassificationSettings } from "../settings/runSettings.js";
import { printable } from "../terminal/printable.js";
import { silentTerminal, type Terminal } from "../terminal/terminal.js";
import {
  type Planned,
  type RunContext,
  type RunKind,
  type RunPlan,
  type RunRequest,
  unwatched,
} from "./runKind.js";
import { classificationStep, costsOf } from "./runStep.js";
import type { TrainedRun } from "./trainedRun.js";
import { plannedRun, trainingRun } from "./trainingRun.js";

/** What to fine-tune, and where. */
export interface FinetuneRequest extends RunRequest {
  /**
   * The pre-training run, a checkpoint folder inside it, or an encoder's file as `readEncoder` of `@splitmask/vit`
   * takes it: the encoder's shape, normalization and weights.
   */
  readonly run: string;
  /** Labeled pictures: one folder a class, or any other source with labels. */
  readonly train: string;
  /** Labeled pictures with the same class names, for the evaluation at the end. Default: `heldOut` of the others. */
  readonly test?: string;
  /** The same encoder with its first random weights, drawn with the seed: the baseline. */
  readonly fromScratch?: boolean;
  /** The fields that are given; the rest is the recipe's or chosen. */
  readonly config?: FinetuneConfig;
}

/** How good the fine-tuned model is; what `evaluation.json` holds. */
export interface FinetuneEvaluation {
  /** Share of the test pictures that are classified rightly. */
  readonly accuracy: number;
  /**
   * Share of the test pictures whose class is among the five with the highest scores; null with no more than five
   * classes.
   */
  readonly top5: number | null;
  /** Number of test pictures. */
  readonly test: number;
  /** Class names, by label. */
  readonly classes: readonly string[];
  /** Why the figures may not mean what they seem to: test pictures that are training pictures too. */
  readonly warnings: readonly string[];
  /** Accuracy by class name; null without test pictures. */
  readonly perClass: Readonly<Record<string, number | null>>;
  /** `confusion[c][p]`: how many test pictures of class c were taken for class p. */
  readonly confusion: readonly (readonly number[])[];
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
 * pictures, and leaves everything in the run folder. What fails before the first checkpoint leaves no run folder
 * behind.
 *
 * @param request What and where.
 * @param terminal Where it tells what it does.
 * @throws UsageError where the settings contradict each other, or the run folder holds a run already.
 * @throws Error where pictures or labels are missing, or the run folder cannot be written.
 */
export function finetune(
  request: FinetuneRequest,
  terminal: Terminal = silentTerminal,
): Promise<FinetuneResult> {
  return trainingRun(classificationRun(request), request, terminal);
}

/**
 * Decides every setting of a fine-tuning run and estimates what it takes, without training or writing anything.
 *
 * @param request What would be fine-tuned.
 * @param terminal Where the decisions are told.
 * @throws UsageError where the settings contradict each other.
 * @throws Error where the encoder, pictures or labels are missing.
 */
export function finetuneDryRun(
  request: Planned<FinetuneRequest>,
  terminal: Terminal = silentTerminal,
): Promise<RunPlan<ClassificationSettings>> {
  return plannedRun(classificationRun(request), request.out, terminal);
}

/** Runs that train a classifier on a pre-trained encoder, or from its first weights. */
export function classificationRun({
  config: given = {},
  fromScratch = false,
  run: encoderRun,
  test: testPath,
  train: trainPath,
}: Planned<FinetuneRequest>): RunKind<
  ClassificationSettings,
  Pick<FinetuneResult, "evaluation">,
  Classifier
> {
  const paths = { train: trainPath, test: testPath };
  const stepOf = ({ classes, encoder }: Pick<RunDescription, "classes" | "encoder">) =>
    classificationStep(encoder!, classes.length);
  let first: ReturnType<typeof readFirstEncoder> | null = null;
  const firstEncoder = () => {
    first ??= readFirstEncoder(encoderRun, fromScratch);
    return first;
  };

  return {
    ...{ name: "classification", method: classifierMethod.name, methodFile: null },
    ...{ given, fields: finetuneFields, paths: { train: trainPath, test: testPath ?? null } },
    step: stepOf,
    work: (config, cost, { test }) => classificationWork(config, cost, test!.length),

    async open(description, terminal) {
      const valueRange =
        given.valueRange ??
        (description === null ? await trainedRange(encoderRun) : description.config.valueRange) ??
        undefined;
      // A run goes on with its classes in their order, whatever order the pictures give them now.
      const config = { ...description?.config, ...given, valueRange, classes: description?.classes };
      return openLabelledPictures(paths, config, terminal);
    },

    async decide({ classes, train }, { count }, machine) {
      const { from, read } = await firstEncoder();
      const sizes = sizesOf(from);
      const { choices, config, cost } = await resolveFinetune(
        {
          ...given,
          valueRange: train.valueRange ?? given.valueRange,
          heldOut: heldOutShare(paths, given) ?? undefined,
        },
        { count, encoder: sizes, fromScratch },
        costsOf(stepOf({ classes, encoder: from.config }), machine),
      );
      const encoder = {
        name: "encoder",
        value: `width ${sizes.width}, depth ${sizes.depth}, ${sizes.heads} heads`,
        reason:
          read === null
            ? `random first weights, drawn with seed ${config.seed}: --from-scratch`
            : `the weights of ${originOf(encoderRun, read.step)}`,
      };
      return { config, choices: [encoder, ...choices], cost };
    },

    async describe(_, { dropPath, imageSize }) {
      const { from, hash, read } = await firstEncoder();
      const { mean, std } = from.view;
      return {
        encoder: { ...from.config, imageSize, dropPath, finalNorm: false },
        pretrained: { run: resolve(encoderRun), steps: read?.step ?? null, weights: hash },
        ...{ mean, std },
      };
    },

    async resume({ request }, before) {
      const pretrained = before.pretrained!;
      if ((pretrained.weights === null) !== fromScratch) {
        throw new UsageError(
          `--resume: the run was started with${fromScratch ? "out" : ""} --from-scratch. ` +
            "Start a new run in another folder.",
        );
      }
      const run = resolve(encoderRun);
      const isNeeded = pretrained.run !== run || !(await isTrained(request.out));
      if (isNeeded && (await firstEncoder()).hash !== pretrained.weights) {
        throw new UsageError(
          `--resume: the encoder's weights of ${encoderRun} are not those that the run was started with, of ` +
            `${originOf(pretrained.run, pretrained.steps)}. Give the same run or checkpoint, or start a new ` +
            "run in another folder.",
        );
      }
      return { pretrained: { ...pretrained, run } };
    },

    changed({ config: { batch }, pictureCount }) {
      const { evaluateEvery, ...others } = changedSettings(given, finetuneFields);
      const rhythm =
        evaluateEvery === undefined
          ? {}
          : { evaluateEvery: evaluationSteps(evaluateEvery, pictureCount, batch) };
      return { ...(others as Partial<ClassificationSettings>), ...rhythm };
    },

    async watch(context, description) {
      const { classes, config } = description;
      const { cropRatio, evaluateEvery } = config;
      const view = encoderView(preparedSettings(description));
      let latest: { readonly step: number; readonly evaluation: FinetuneEvaluation } | null = null;
      /** An evaluation that fails does not end a run: its weights are there without it. */
      const evaluateAt = async ({ model }: Classifier, step: number, signal?: AbortSignal) => {
        try {
          const evaluation = await evaluateClasses(context, description, model);
          latest = { step, evaluation };
          return evaluation;
        } catch (error) {
          // Before the first step there is nothing to lose.
          if (signal?.aborted || step === 0) throw error;
          context.terminal.warn(
            `the model could not be tested after step ${step}: ${(error as Error).message}`,
          );
          return null;
        }
      };
      const evaluationOf = (task: Classifier, every: number): TrainingEvaluation => ({
        every,
        async run({ step, signal }) {
          const found = await evaluateAt(task, step, signal);
          if (found === null) return {};
          const { accuracy, top5 } = found;
          return { accuracy, ...(top5 === null ? {} : { top5 }) };
        },
      });
      return {
        ...unwatched,
        interrupted: { evaluation: null },
        options: (task) => (evaluateEvery === null ? {} : { evaluation: evaluationOf(task, evaluateEvery) }),
        async finish(task, { path }, step) {
          await writeClassifier(join(path, classifierFile), task.model, { classes, view, cropRatio });
          // Without evaluations in between, or where the run was resumed after its last step, this is the first one.
          const evaluation = latest?.step === step ? latest.evaluation : await evaluateAt(task, step);
          if (evaluation !== null)
            await writeFile(join(path, evaluationFile), `${JSON.stringify(evaluation, null, 2)}\n`);
          return { evaluation };
        },
      };
    },

    async create({ device }, description, _, run) {
      const task = stepOf(description).create(device, description.config);
      // The run that they are from may have gone on since, or be gone.
      const read = (await isTrained(run.path)) ? null : (await firstEncoder()).read;
      if (read !== null) {
        // The classifier has its norm behind the mean of the tokens instead.
        const weights = new Map([...read.weights].filter(([name]) => !name.startsWith("norm.")));
        loadWeights(task.model.encoder, { path: read.path, weights });
      }
      return task;
    },
  };
}

/** Classifies the test pictures of a run. */
async function evaluateClasses(
  { device, pictures, terminal }: RunContext,
  description: RunDescription<ClassificationSettings>,
  classifier: ClassifierModel,
): Promise<FinetuneEvaluation> {
  const { classes, config } = description;
  const { cropRatio, maximumSkipped } = config;
  const found = await evaluateClassifier({
    ...{ device, classifier, view: encoderView(preparedSettings(description)), cropRatio },
    dataset: limitSkipped(pictures.test!, { maximumSkipped }),
    onProgress: (done, total) => terminal.progress(`test: ${done} of ${total} pictures classified`),
  });
  terminal.endProgress();
  const { accuracy, confusion, labels, perClass, skipped, top5 } = found;
  const [example] = skipped;
  if (example !== undefined) {
    terminal.warn(
      `${skipped.length} test pictures were skipped, e.g. ${printable(example.path)}: ${example.reason}`,
    );
  }
  const shareOf = (label: number) => (Number.isNaN(perClass[label]!) ? null : perClass[label]!);
  return {
    ...{ accuracy, top5, test: labels.length, classes, warnings: pictures.warnings },
    perClass: Object.fromEntries(classes.map((name, label) => [name, shareOf(label)])),
    confusion,
  };
}

/** How the encoder that a run begins with was pre-trained, and its weights with their hash; null: random ones. */
async function readFirstEncoder(run: string, fromScratch: boolean) {
  if (fromScratch) {
    if (isEncoderFile(run)) return { from: await readEncoderWeights(run, ""), read: null, hash: null };
    const { description } = await readRun((await findCheckpoint(run)).run, "pretraining");
    const from = { config: description.encoder!, view: encoderView(preparedSettings(description)) };
    return { from, read: null, hash: null };
  }
  const read = await readEncoderWeights(run, "--from-scratch for the encoder before training");
  return { from: read, read, hash: weightsHash(read.weights) };
}

/** Whether a run folder has a checkpoint: from the first one on, the weights are in there. */
async function isTrained(run: string): Promise<boolean> {
  return (await findCheckpoint(run)).checkpoint !== null;
}
