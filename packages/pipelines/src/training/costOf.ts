import { classifierMethod, type LabelledBatch, type Method } from "@splitmask/methods";
import type { VisionTransformerConfig } from "@splitmask/vit";
import { type CountedStep, type TrainingCost, trainingCost } from "../estimate/trainingCost.js";
import type { MachineFacts } from "../settings/facts.js";
import { anyColors, withNormalization } from "../settings/normalization.js";
import type { ClassificationStep, CostOf } from "../settings/stepSettings.js";
import { classificationBatches, pretrainingBatches } from "./batches.js";
import { trainingLoop } from "./trainingLoop.js";

/** Counts each step once, however often it is asked for. */
function countedOnce<Settings extends object>(
  count: (settings: Settings) => Promise<TrainingCost>,
): CostOf<Settings> {
  const counted = new Map<string, Promise<TrainingCost>>();
  return (settings) => {
    const key = JSON.stringify(settings);
    const known = counted.get(key) ?? count(settings);
    counted.set(key, known);
    return known;
  };
}

/**
 * What steps of a method take on a machine.
 *
 * @param method The method.
 * @param machine How fast it is.
 */
export function pretrainingCosts(method: Method, { rates }: Pick<MachineFacts, "rates">): CostOf {
  return countedOnce((given) => {
    const settings = withNormalization(given);
    const step: CountedStep = {
      standIn: (device) => method.preparation?.standIn(device, settings),
      create: (device, parts) => method.create(device, settings, parts),
      batches: (device, dataset, { batch, cacheBytes }) =>
        pretrainingBatches(device, dataset, method, { ...settings, batch }, { cacheBytes }),
      loop: trainingLoop({ ...given, ...anyRate }, method.recipe.betas),
      batch: given.batch,
      classes: 0,
    };
    return trainingCost(step, rates);
  });
}

/** What a step costs does not depend on how fast it learns. */
const anyRate = { learningRate: 1e-3, minimumLearningRate: 0, warmup: 0 };

/**
 * What steps of a classifier take on a machine.
 *
 * @param encoder The config of its encoder.
 * @param classes Number of classes.
 * @param machine How fast it is.
 */
export function classificationCosts(
  encoder: VisionTransformerConfig,
  classes: number,
  { rates }: Pick<MachineFacts, "rates">,
): CostOf<ClassificationStep> {
  return countedOnce((given) => {
    const settings = { ...given, ...anyColors };
    const { dropPath, imageSize } = given;
    const step: CountedStep<LabelledBatch> = {
      standIn: () => undefined,
      create: (device) =>
        classifierMethod.create(device, {
          ...settings,
          encoder: { ...encoder, imageSize, dropPath },
          classes,
        }),
      batches: (device, dataset, { batch, cacheBytes }) =>
        classificationBatches(device, dataset, classes, { ...settings, batch }, { cacheBytes }),
      loop: trainingLoop(given, undefined),
      batch: given.batch,
      classes,
    };
    return trainingCost(step, rates);
  });
}
