import { type Choice, contradiction, Decisions } from "@splitmask/methods/settings";
import { resolveColors } from "./colors.js";
import type { PretrainingQuestion } from "./pretrainingQuestion.js";
import { noteBatch, wantedBatch } from "./resolveBatch.js";
import { resolveCommon } from "./resolveCommon.js";
import { checkLength, checkpointReason, checkpointSteps, resolveLength } from "./resolveLength.js";
import { resolveMonitor } from "./resolveMonitor.js";
import { resolveOptimization } from "./resolveOptimization.js";
import { resolveSize } from "./resolveSize.js";
import type { PretrainingSettings } from "./runSettings.js";
import { settleSource } from "./sourceFields.js";

/** The configuration and the decisions that led to it. */
export interface Resolution {
  /** Every field, decided. */
  readonly config: PretrainingSettings;
  /** The decisions with their reasons. */
  readonly choices: readonly Choice[];
}

/**
 * Decides every field of a pre-training run: what the user gave stands, the rest is the method's, or is chosen from the
 * number and the size of the pictures, and from the machine's cores, memory and speed.
 *
 * @param question What it is decided from.
 * @returns The resolved configuration and, for each decision, its reason.
 * @throws UsageError where fields contradict each other (an image size that is no multiple of the patch …), or the
 *   memory does not suffice.
 */
export async function resolveConfig(question: PretrainingQuestion): Promise<Resolution> {
  const { given, method, pictures } = question;
  const { recipe } = method;
  checkLength(given);
  if (given.mean === undefined && given.std !== undefined)
    throw contradiction("std", "given without mean: give both or neither");
  if (given.mean !== undefined && given.std === undefined)
    throw contradiction("mean", "given without std: give both or neither");
  const decisions = new Decisions();
  const batch = wantedBatch(given, pictures);
  const colors = resolveColors(given, pictures, recipe.colorsForFew);
  const { warmupShare } = recipe;
  const wish = {
    ...resolveCommon(given),
    ...settleSource(given),
    ...resolveOptimization(given, recipe),
    ...colors.settings,
    dropPath: given.dropPath ?? recipe.dropPath,
    layerScale: given.layerScale ?? null,
    cropScale: given.cropScale ?? recipe.cropScale,
    mean: given.mean ?? null,
    std: given.std ?? null,
    batch,
    accumulate: given.accumulate ?? 1,
    clip: given.clip ?? recipe.clip,
    ema: given.ema ?? null,
    seed: given.seed ?? 0,
    healthEvery: given.healthEvery ?? 50,
    warmupShare,
  };
  const size = await resolveSize(question, wish, decisions);
  const { settings } = size;
  await noteBatch(question, settings, decisions);
  const { plannedSteps, seconds, steps } = resolveLength(given, pictures, size, decisions);
  const { value, batch: paperBatch, width: paperWidth } = recipe.learningRate;
  const learningRate = decisions.take(
    "learning rate",
    given.learningRate,
    Number(
      (value * Math.sqrt(settings.batch / paperBatch) * Math.sqrt(paperWidth / settings.width)).toPrecision(
        2,
      ),
    ),
    `${value.toExponential()} at batch ${paperBatch} and width ${paperWidth}, times √(batch / ${paperBatch}) · √(${paperWidth} / width)`,
    (rate) => rate.toExponential(1),
  );
  const warmup =
    steps === null && given.warmup === undefined
      ? null
      : decisions.take(
          "warm-up",
          given.warmup,
          Math.round(warmupShare * plannedSteps),
          `${Math.round(1000 * warmupShare) / 10} % of the steps`,
          (count) => `${count} steps`,
        );
  const checkpointEvery = decisions.take(
    "checkpoints",
    given.checkpointEvery,
    checkpointSteps(plannedSteps, size.secondsPerStep),
    checkpointReason,
    (count) => `every ${count} steps`,
  );
  decisions.take(
    "crop scale",
    given.cropScale,
    recipe.cropScale,
    `random resized crop of ${Math.round(100 * recipe.cropScale)} % to 100 % of the picture`,
  );
  decisions.note("colors", colors.text, colors.reason);
  decisions.take("seed", given.seed, 0, "fixed, so that the run can be repeated");
  return {
    choices: decisions.choices,
    config: {
      ...settings,
      steps,
      seconds,
      learningRate,
      minimumLearningRate: given.minimumLearningRate ?? learningRate / recipe.peakToMinimum,
      warmup,
      checkpointEvery,
      ...resolveMonitor(given, plannedSteps, decisions),
    },
  };
}
