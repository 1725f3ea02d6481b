import { discreteVaeMethod } from "@splitmask/methods";
import { Decisions } from "@splitmask/methods/settings";
import { stepTime } from "../estimate/runEstimate.js";
import type { TokenizerRunConfig } from "./config.js";
import type { PictureFacts } from "./facts.js";
import type { Resolution } from "./resolve.js";
import { checkBatch, takeMicroBatches } from "./resolveBatch.js";
import { resolveCommon, settle } from "./resolveCommon.js";
import { checkLength, stepsOfEpoch, takeCheckpoints, takeLength } from "./resolveLength.js";
import { resolveOptimization } from "./resolveOptimization.js";
import type { TokenizerRunSettings } from "./runSettings.js";
import { settleSource } from "./sourceFields.js";
import type { CostOf } from "./stepSettings.js";

const usualBatch = 64;
/** Pictures that go through the model at a time. */
const largestMicroBatch = 32;
const usualEpochs = 20;
const fewestSteps = 2000;

/**
 * Decides every field of a tokenizer's training: what the user gave stands, then comes the recipe.
 *
 * @throws UsageError where fields contradict each other.
 */
export async function resolveTokenizerRun(
  given: TokenizerRunConfig,
  { count }: Pick<PictureFacts, "count">,
  costOf: CostOf<TokenizerRunSettings>,
): Promise<Resolution<TokenizerRunSettings>> {
  checkLength(given);
  const decisions = new Decisions();
  const { recipe } = discreteVaeMethod;
  const imageSize = decisions.take(
    "image size",
    given.imageSize,
    64,
    "learns fast on a CPU; words have 8×8 pixels",
  );
  const own = discreteVaeMethod.decide(given, { imageSize }, decisions);
  const usual = Math.min(usualBatch, count);
  const batch = decisions.take(
    "batch",
    given.batch,
    usual,
    usual < usualBatch ? "all pictures" : "for a CPU",
  );
  const accumulate = takeMicroBatches(given.accumulate, batch, largestMicroBatch, decisions);
  checkBatch(batch, accumulate, count);
  const epochSteps = stepsOfEpoch(count, batch);
  const length = takeLength(
    given,
    epochSteps,
    {
      steps: Math.max(fewestSteps, usualEpochs * epochSteps),
      reason: `${usualEpochs} epochs of ${epochSteps} steps, at least ${fewestSteps.toLocaleString("en")} steps`,
    },
    "given; the number of steps follows the machine's speed, which is measured during the run",
    decisions,
  );
  const { warmupShare } = recipe;
  const learningRate = decisions.take(
    "learning rate",
    given.learningRate,
    recipe.learningRate,
    "ten times the paper's, for a small part of its steps",
    (rate) => rate.toExponential(1),
  );
  const { cropScale, clip, ema } = recipe;
  const settings = {
    ...resolveCommon(given),
    ...settleSource(given),
    ...resolveOptimization(given, recipe),
    ...settle(given, { cropScale, clip, ema, healthEvery: 50 }),
    ...own,
    ...length,
    ...{ imageSize, batch, accumulate, learningRate, warmupShare },
    minimumLearningRate: given.minimumLearningRate ?? learningRate / recipe.peakToMinimum,
    warmup: given.warmup ?? (length.steps === null ? null : Math.round(warmupShare * length.steps)),
    seed: decisions.take("seed", given.seed, 0, "fixed, so that the run can be repeated"),
  };
  const cost = await costOf({ ...settings, checkpointEvery: 0 });
  const secondsPerStep = stepTime(cost);
  const steps = length.steps ?? Math.ceil(length.seconds! / secondsPerStep);
  const checkpointEvery = takeCheckpoints(given.checkpointEvery, steps, secondsPerStep, decisions);
  return { choices: decisions.choices, config: { ...settings, checkpointEvery }, cost };
}
