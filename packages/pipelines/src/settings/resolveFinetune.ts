import { classifierMethod } from "@splitmask/methods";
import { contradiction, Decisions } from "@splitmask/methods/settings";
import { stepTime } from "../estimate/runEstimate.js";
import type { FinetuneConfig } from "./config.js";
import type { Resolution } from "./resolve.js";
import { checkBatch, takeMicroBatches } from "./resolveBatch.js";
import { resolveCommon } from "./resolveCommon.js";
import { checkLength, stepsOfEpoch, takeCheckpoints, takeLength } from "./resolveLength.js";
import { resolveOptimization } from "./resolveOptimization.js";
import type { ClassificationSettings } from "./runSettings.js";
import { settleLabelled } from "./sourceFields.js";
import type { ClassificationStep, CostOf } from "./stepSettings.js";

export interface FinetuneFacts {
  /** How many labeled pictures there are to train with. */
  readonly count: number;
  /** As it was pre-trained. */
  readonly encoder: Pick<
    ClassificationSettings,
    "width" | "depth" | "heads" | "patch" | "layerScale" | "imageSize"
  >;
  /** Whether the encoder begins with its first random weights. */
  readonly fromScratch: boolean;
}

/** Pictures that go through the model at a time. */
const largestMicroBatch = 256;

/** Steps between two evaluations that are so many epochs apart. */
export function evaluationSteps(epochs: number, count: number, batch: number): number {
  return Math.max(1, Math.round(epochs * stepsOfEpoch(count, batch)));
}

/**
 * Decides every field of a fine-tuning run: what the user gave stands, then comes what the method's recipe says.
 *
 * @throws UsageError where fields contradict each other.
 */
export async function resolveFinetune(
  given: FinetuneConfig,
  { encoder, ...facts }: FinetuneFacts,
  costOf: CostOf<ClassificationStep>,
): Promise<Resolution<ClassificationSettings>> {
  checkLength(given);
  const decisions = new Decisions();
  const usual = classifierMethod.length(given, facts.count, decisions);
  const imageSize = decisions.take("image size", given.imageSize, encoder.imageSize, "as in pre-training");
  if (imageSize % encoder.patch !== 0) {
    const problem = `${imageSize} is not a multiple of the encoder's patch of ${encoder.patch}`;
    throw contradiction("imageSize", problem);
  }
  const batch = decisions.take("batch", given.batch, usual.batch, usual.batchReason);
  const accumulate = takeMicroBatches(given.accumulate, batch, largestMicroBatch, decisions);
  checkBatch(batch, accumulate, facts.count);
  const epochSteps = stepsOfEpoch(facts.count, batch);
  const usualLength = {
    steps: Math.max(1, Math.round(usual.epochs * epochSteps)),
    reason: usual.epochsReason(`${usual.epochs} epochs of ${epochSteps} steps`),
  };
  const timeReason =
    "given; the number of steps follows the machine's speed, which is measured during the run";
  const length = takeLength(given, epochSteps, usualLength, timeReason, decisions);
  const { warmupShare } = usual;
  const warmup = decisions.take(
    "warm-up",
    given.warmupEpochs === undefined ? undefined : Math.round(given.warmupEpochs * epochSteps),
    length.steps === null ? null : Math.round(warmupShare * length.steps),
    usual.warmupReason,
    (steps) => (steps === null ? `${Math.round(100 * warmupShare)} % of the steps` : `${steps} steps`),
  );
  const recipe = classifierMethod.decide(given, { ...facts, batch }, decisions);
  const settings = {
    ...encoder,
    ...resolveCommon(given),
    ...settleLabelled(given),
    ...resolveOptimization(given, recipe),
    ...recipe,
    ...length,
    ...{ imageSize, batch, accumulate, warmup, warmupShare },
    evaluateEvery:
      given.evaluateEvery === undefined ? null : evaluationSteps(given.evaluateEvery, facts.count, batch),
    seed: decisions.take("seed", given.seed, 0, "fixed, so that the run can be repeated"),
  };
  const cost = await costOf(settings);
  const secondsPerStep = stepTime(cost);
  const steps = length.steps ?? Math.ceil(length.seconds! / secondsPerStep);
  const checkpointEvery = takeCheckpoints(given.checkpointEvery, steps, secondsPerStep, decisions);
  return { choices: decisions.choices, config: { ...settings, checkpointEvery }, cost };
}
