import type { ClassificationSettings } from "../settings/runSettings.js";
import type { RunWork } from "./runEstimate.js";
import type { TrainingCost } from "./trainingCost.js";

/** Fewest seconds for the files of the last checkpoint and the classifier. */
const filesSeconds = 1;

/**
 * What a run that trains a classifier does.
 *
 * @param settings Its settings.
 * @param cost Of its step.
 * @param testCount How many pictures it is tested with.
 */
export function classificationWork(
  { batch, evaluateEvery, repeats }: ClassificationSettings,
  cost: TrainingCost,
  testCount: number,
): RunWork {
  return {
    cost,
    picturesPerStep: batch / repeats,
    besides: {
      before: { pictures: 0, operations: 0 },
      after: { seconds: filesSeconds, pictures: testCount, looks: testCount },
    },
    evaluation: evaluateEvery === null ? null : { pictures: testCount, every: evaluateEvery },
  };
}
