import type { Device } from "@splitmask/kernels";
import type { TimeLimit } from "@splitmask/trainer";
import {
  estimateFinetune,
  type FinetuneFixedTime,
  type FinetuneRunFacts,
  finetuneFixedTime,
} from "../estimate/finetuneEstimate.js";
import { timeLimitOf } from "../estimate/runTime.js";
import { freeDiskBytes } from "../machine/freeDisk.js";
import { examineMachine } from "../machine/machine.js";
import type { LabelledPictures } from "../pictures/labelledPictures.js";
import { type RunDescription, readRun } from "../runs/description.js";
import { type EncoderWeights, findCheckpoint, readEncoderWeights } from "../runs/encoder.js";
import type { FinetuneDescription } from "../runs/finetuneDescription.js";
import type { FinetuneConfig } from "../settings/finetuneConfig.js";
import { type ResolvedFinetuneConfig, resolveFinetune } from "../settings/resolveFinetune.js";
import type { Terminal } from "../terminal/terminal.js";
import { tellChoices } from "./choices.js";
import { cachesOnDisk, type RunPlan, timedFacts } from "./plan.js";

/** What is fine-tuned, and with which pictures. */
export interface FinetuneSources {
  /** The pre-training run, or a checkpoint folder inside it: the encoder's shape, normalization and weights. */
  readonly run: string;
  /** Labelled pictures: one folder a class, or any other source with labels. */
  readonly train: string;
  /** Labelled pictures with the same class names, for the evaluation at the end. */
  readonly test: string;
  /** The same encoder with its first random weights, drawn with the seed: the baseline. */
  readonly fromScratch?: boolean;
  /** Run folder to write. */
  readonly out?: string;
}

/** The encoder that a run begins with. */
export interface FirstEncoder {
  /** How it was pre-trained. */
  readonly description: RunDescription;
  /** Its weights; null: random ones. */
  readonly read: EncoderWeights | null;
}

/** What a fine-tuning run is going to be, and what it is going to take. */
export interface FinetunePlan extends RunPlan<ResolvedFinetuneConfig> {
  /** What it does besides its steps. */
  readonly fixed: FinetuneFixedTime;
}

/** Reads the encoder of a pre-training run. */
export async function readFirstEncoder({ run, fromScratch = false }: FinetuneSources): Promise<FirstEncoder> {
  if (fromScratch) {
    const { description } = await readRun((await findCheckpoint(run)).run);
    return { description, read: null };
  }
  const read = await readEncoderWeights(run, "--from-scratch for the encoder before training");
  return { description: read.description, read };
}

/**
 * Looks at the machine, decides every setting of a fine-tuning run, and estimates what it takes.
 *
 * @param device Whose threads are going to train.
 * @param given The fields that are given.
 * @param sources Whence encoder and pictures come.
 * @param first The encoder.
 * @param pictures The pictures.
 * @throws UsageError where fields contradict each other.
 */
export async function planFinetune(
  device: Device,
  given: FinetuneConfig,
  sources: FinetuneSources,
  { description, read }: FirstEncoder,
  { classes, test, train }: LabelledPictures,
): Promise<FinetunePlan> {
  const { depth, heads, imageSize, patch, width } = description.config;
  const pictures = await timedFacts(train);
  const machine = await examineMachine(device, given.precision);
  const facts: FinetuneRunFacts = {
    count: pictures.count,
    classes: classes.length,
    encoder: { depth, heads, imageSize, patch, width },
    fromScratch: read === null,
    pictures,
    testCount: test.length,
  };
  const { choices, config } = resolveFinetune(
    { ...given, valueRange: train.valueRange ?? given.valueRange },
    facts,
    machine.rates,
  );
  const encoder = {
    name: "encoder",
    value: `width ${width}, depth ${depth}, ${heads} heads`,
    reason:
      read === null
        ? `random first weights, drawn with seed ${config.seed}: --from-scratch`
        : `the weights of ${sources.run} after ${read.step.toLocaleString("en")} steps`,
  };
  return {
    config,
    choices: [encoder, ...choices],
    estimate: estimateFinetune(config, facts, machine, cachesOnDisk(config, pictures, machine)),
    pictures,
    machine,
    freeDiskBytes: await freeDiskBytes(sources.out ?? "."),
    fixed: finetuneFixedTime(config, facts, machine),
  };
}

/**
 * What a step, and what is not a step, takes of a run that goes on, on the machine as it is now.
 *
 * @param device Whose threads are going to train.
 * @param description The run.
 * @param pictures The pictures.
 * @param sources Whence they come.
 */
export async function estimateResumed(
  device: Device,
  { classes, config, encoder: { depth, heads, patchSize: patch, width } }: FinetuneDescription,
  { test, train }: LabelledPictures,
  { fromScratch = false }: FinetuneSources,
): Promise<{ readonly fixed: FinetuneFixedTime; readonly secondsPerStep: number }> {
  const machine = await examineMachine(device, config.precision);
  const { facts: pictures } = train;
  const encoder = { depth, heads, patch, width, imageSize: config.imageSize };
  const facts: FinetuneRunFacts = {
    ...{ count: pictures.count, classes: classes.length, encoder, fromScratch, pictures },
    testCount: test.length,
  };
  return {
    fixed: finetuneFixedTime(config, facts, machine),
    secondsPerStep: estimateFinetune(config, facts, machine, false).secondsPerStep,
  };
}

/**
 * Prints how many pictures there are, and the decisions with their reasons.
 *
 * @param sources The pictures as they were given.
 * @param pictures What was found there.
 * @param plan The decisions.
 * @param terminal Where they are printed.
 */
export function tellFinetune(
  sources: FinetuneSources,
  { classes, test, train }: LabelledPictures,
  { choices }: FinetunePlan,
  terminal: Terminal,
): void {
  const { facts, ignored } = train;
  const note = ignored === 0 ? "" : ` (${ignored} other files are left alone)`;
  terminal.line(
    `${terminal.style.bold(`${facts.count.toLocaleString("en")} pictures of ${classes.length} classes`)} in ${sources.train}${note}, ${test.length.toLocaleString("en")} test pictures in ${sources.test}`,
  );
  tellChoices(choices, terminal);
}

/** The time of a timed run as the trainer takes it. */
export function finetuneTimeLimit(
  { evaluateEvery, seconds }: ResolvedFinetuneConfig,
  elapsed: number,
  fixed: FinetuneFixedTime,
  decoded: boolean,
  secondsPerStep: number,
): TimeLimit {
  // Where the trainer evaluates, it keeps the time of the last evaluation back itself.
  const report = fixed.report - (evaluateEvery === null ? 0 : fixed.evaluation);
  return timeLimitOf(seconds!, elapsed, { ...fixed, report }, decoded, secondsPerStep);
}
