import type { Method } from "@splitmask/methods";
import type { PictureFacts } from "../settings/facts.js";
import { withNormalization } from "../settings/normalization.js";
import type { StepSettings } from "../settings/stepSettings.js";
import type { RunWork } from "./runEstimate.js";
import type { TrainingCost } from "./trainingCost.js";

/** Pictures whose colors are measured (`measureNormalization`). */
const measuredPictures = 1000;
/** Pictures that a report looks at. */
const reportPictures = 1024;
/** Fewest seconds for drawing a report's pictures, and for the files of the last checkpoint. */
const reportSeconds = 2;

/**
 * What a pre-training run does.
 *
 * @param method Its method.
 * @param settings Its step.
 * @param cost Of the step.
 * @param pictures How many there are.
 */
export function pretrainingWork(
  method: Method,
  settings: StepSettings,
  cost: TrainingCost,
  { count }: PictureFacts,
): RunWork {
  const { batch, imageSize, mean } = settings;
  const prepared = method.preparation?.cost(withNormalization(settings), count) ?? {
    pictures: 0,
    operations: 0,
  };
  const looked = Math.min(reportPictures, count);
  return {
    cost,
    picturesPerStep: batch,
    besides: {
      before: {
        pictures: prepared.pictures + (mean === null ? Math.min(measuredPictures, count) : 0),
        operations: prepared.operations,
      },
      // Embedded for the map and the neighbors, and once more by the method.
      after: { seconds: reportSeconds * (1 + (imageSize / 224) ** 2), pictures: looked, looks: 2 * looked },
    },
    evaluation: null,
  };
}
