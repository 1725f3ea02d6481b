import { type Choice, contradiction, Decisions } from "@splitmask/methods/settings";
import { resolveColors } from "./colors.js";
import type { Config } from "./config.js";
import type { MachineFacts, PictureFacts } from "./facts.js";
import { noteBatch, wantedBatch } from "./resolveBatch.js";
import { resolveCommon } from "./resolveCommon.js";
import type { ResolvedConfig } from "./resolvedConfig.js";
import {
  checkLength,
  checkpointReason,
  checkpointSteps,
  resolveLength,
  warmupSteps,
} from "./resolveLength.js";
import { resolveMonitor } from "./resolveMonitor.js";
import { resolveOptimization } from "./resolveOptimization.js";
import { resolveSize } from "./resolveSize.js";
import { settleSource } from "./sourceFields.js";

export type { Choice } from "@splitmask/methods/settings";
export type { MachineFacts, PictureFacts, TrainingRates } from "./facts.js";
export { defaultMaximumSkipped } from "./resolveCommon.js";
export type { ResolvedConfig } from "./resolvedConfig.js";
export { warmupSteps } from "./resolveLength.js";

/** The configuration and the decisions that led to it. */
export interface Resolution {
  /** Every field, decided. */
  readonly config: ResolvedConfig;
  /** The decisions with their reasons. */
  readonly choices: readonly Choice[];
}

/**
 * Decides every field of a pre-training run: what the user gave stands, the rest is chosen from the number and the size
 * of the pictures, and from the machine's cores, memory and speed. A pure
 * function.
 *
 * @param given The fields from the command line and the configuration file, already merged and checked.
 * @param pictures What is known of the pictures.
 * @param machine What is known of the machine.
 * @returns The resolved configuration and, for each decision, its reason.
 * @throws UsageError where fields contradict each other (an image size that is no multiple of the patch …), or the
 *   memory does not suffice.
 */
export function resolveConfig(given: Config, pictures: PictureFacts, machine: MachineFacts): Resolution {
  checkLength(given);
  const decisions = new Decisions();
  const tokenizer = given.tokenizer ?? "random-projection";
  const vocabulary = given.vocabulary ?? 8192;
  const tokenizerPatches = given.tokenizerPatches ?? Math.max(100_000, 12 * vocabulary);
  const common = resolveCommon(given);
  const wish = {
    tokenizer,
    vocabulary,
    tokenizerPatches,
    batch: wantedBatch(given, pictures),
    accumulate: given.accumulate ?? 1,
    recompute: common.recompute,
    decoderDepth: given.decoderDepth ?? 2,
    matchWeight: given.matchWeight ?? 1,
    precision: common.precision,
    ema: given.ema || null,
    onNan: common.onNan,
  } as const;
  const size = resolveSize({ given, wish, pictures, machine }, decisions);
  const { settings, secondsPerStep } = size;
  const { batch, width } = settings;
  noteBatch(given, settings, pictures, machine, decisions);
  const { plannedSteps, seconds, steps } = resolveLength(given, pictures, size, decisions);
  noteWords(given, { tokenizer, vocabulary }, decisions);
  const learningRate = decisions.take(
    "learning rate",
    given.learningRate,
    scaledLearningRate(batch, width),
    `1e-3 at batch 128 and width 128, times √(batch / 128) · √(128 / width)`,
    (value) => value.toExponential(1),
  );
  const warmup =
    steps === null && given.warmup === undefined
      ? null
      : decisions.take(
          "warm-up",
          given.warmup,
          warmupSteps(plannedSteps),
          "a twentieth of the steps",
          (value) => `${value} steps`,
        );
  const checkpointEvery = decisions.take(
    "checkpoints",
    given.checkpointEvery,
    checkpointSteps(plannedSteps, secondsPerStep),
    checkpointReason,
    (value) => `every ${value} steps`,
  );
  const cropScale = decisions.take(
    "crop scale",
    given.cropScale,
    0.2,
    "random resized crop of 20 % to 100 % of the picture",
  );
  const colors = resolveColors(given, pictures, decisions);
  if (given.mean === undefined && given.std !== undefined)
    throw contradiction("std", "given without mean: give both or neither");
  if (given.mean !== undefined && given.std === undefined)
    throw contradiction("mean", "given without std: give both or neither");
  const seed = decisions.take("seed", given.seed, 0, "fixed, so that the run can be repeated");

  return {
    choices: decisions.choices,
    config: {
      ...common,
      ...settleSource(given),
      ...settings,
      dropPath: given.dropPath ?? 0,
      layerScale: given.layerScale ?? null,
      cropScale,
      ...colors,
      mean: given.mean ?? null,
      std: given.std ?? null,
      steps,
      seconds,
      learningRate,
      minimumLearningRate: given.minimumLearningRate ?? learningRate / 100,
      warmup,
      ...resolveOptimization(given),
      clip: given.clip ?? 3,
      temperature: given.temperature ?? 0.2,
      inpaintWeight: given.inpaintWeight ?? 1,
      negatives: given.negatives ?? "other",
      seed,
      checkpointEvery,
      healthEvery: given.healthEvery ?? 50,
      ...resolveMonitor(given, plannedSteps, decisions),
    },
  };
}

/** Notes where the visual words come from. */
function noteWords(
  given: Config,
  { tokenizer, vocabulary }: Pick<ResolvedConfig, "tokenizer" | "vocabulary">,
  decisions: Decisions,
): void {
  const reason = "the paper's choice: as good as the others and needs no fitting";
  decisions.take("tokenizer", given.tokenizer, tokenizer, reason);
  decisions.take("vocabulary", given.vocabulary, vocabulary, "the paper's number of visual words");
}

/** Two significant digits of 1e-3 · √(batch / 128) · √(128 / width). */
function scaledLearningRate(batch: number, width: number): number {
  return Number((1e-3 * Math.sqrt(batch / 128) * Math.sqrt(128 / width)).toPrecision(2));
}
