import { type Choice, contradiction, Decisions } from "@splitmask/methods/settings";
import { stepTime } from "../estimate/runEstimate.js";
import type { TrainingCost } from "../estimate/trainingCost.js";
import { resolveColors } from "./colors.js";
import { noteBatch, wantedBatch } from "./resolveBatch.js";
import { resolveCommon, settle } from "./resolveCommon.js";
import { checkLength, resolveLength, takeCheckpoints } from "./resolveLength.js";
import { resolveMonitor } from "./resolveMonitor.js";
import { resolveOptimization } from "./resolveOptimization.js";
import { resolveSize } from "./resolveSize.js";
import type { PretrainingSettings } from "./runSettings.js";
import { settleSource } from "./sourceFields.js";
import type { PretrainingQuestion } from "./stepSettings.js";

/**
 * The configuration and the decisions that led to it.
 *
 * @typeParam Settings Of the run.
 */
export interface Resolution<Settings = PretrainingSettings> {
  /** Every field, decided. */
  readonly config: Settings;
  /** The decisions with their reasons. */
  readonly choices: readonly Choice[];
  /** What a step takes. */
  readonly cost: TrainingCost;
}

/**
 * Decides every field of a pre-training run: what the user gave stands, the rest is the method's, or is chosen from the
 * number and the size of the pictures, and from the machine's cores, memory and speed.
 *
 * @throws UsageError where fields contradict each other (an image size that is no multiple of the patch …), or the
 *   memory does not suffice.
 */
export async function resolveConfig(question: PretrainingQuestion): Promise<Resolution> {
  const { given, pictures } = question;
  const { recipe } = question.method;
  const { cropScale, clip, dropPath, learningRate: paper, warmupShare } = recipe;
  checkLength(given);
  if ((given.mean === undefined) !== (given.std === undefined)) {
    const [field, other] = given.mean === undefined ? ["std", "mean"] : ["mean", "std"];
    throw contradiction(field!, `given without ${other}: give both or neither`);
  }
  const decisions = new Decisions();
  const batch = wantedBatch(given, pictures.count);
  const colors = resolveColors(given, pictures.count, recipe);
  const wish = {
    ...resolveCommon(given),
    ...settleSource(given),
    ...resolveOptimization(given, recipe),
    ...colors.settings,
    ...settle(given, { cropScale, clip, dropPath, batch, accumulate: 1, seed: 0, healthEvery: 50 }),
    ...settle(given, { init: null, layerScale: null, mean: null, std: null, ema: null }),
    warmupShare,
    architecture: question.architecture,
  };
  const size = await resolveSize(question, wish, decisions);
  const { cost, settings } = size;
  await noteBatch(question, settings, decisions);
  const { plannedSteps, seconds, steps } = resolveLength(given, pictures.count, size, decisions);
  const scale = Math.sqrt(settings.batch / paper.batch) * Math.sqrt(paper.width / settings.width);
  const scaling = `√(batch / ${paper.batch}) · √(${paper.width} / width)`;
  const learningRate = decisions.take(
    "learning rate",
    given.learningRate,
    Number((paper.value * scale).toPrecision(2)),
    `${paper.value.toExponential()} at batch ${paper.batch} and width ${paper.width}, times ${scaling}`,
    (rate) => rate.toExponential(1),
  );
  const warmupReason = `${Math.round(1000 * warmupShare) / 10} % of the steps`;
  const usualWarmup = Math.round(warmupShare * plannedSteps);
  const warmup =
    steps === null && given.warmup === undefined
      ? null
      : decisions.take("warm-up", given.warmup, usualWarmup, warmupReason, (count) => `${count} steps`);
  const checkpointEvery = takeCheckpoints(given.checkpointEvery, plannedSteps, stepTime(cost), decisions);
  const crop = `random resized crop of ${Math.round(100 * cropScale)} % to 100 % of the picture`;
  decisions.take("crop scale", given.cropScale, cropScale, crop);
  decisions.note("colors", colors.text, colors.reason);
  decisions.take("seed", given.seed, 0, "fixed, so that the run can be repeated");
  const config = {
    ...settings,
    ...{ steps, seconds, learningRate, warmup, checkpointEvery },
    minimumLearningRate: given.minimumLearningRate ?? learningRate / recipe.peakToMinimum,
    ...resolveMonitor(given, plannedSteps, decisions),
  };
  return { choices: decisions.choices, config, cost };
}
