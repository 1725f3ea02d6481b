import type { Method, PreparationCost } from "@splitmask/methods";
import type { PictureFacts } from "../settings/facts.js";
import { anyColors } from "../settings/normalization.js";
import type { ClassificationSettings, TokenizerRunSettings } from "../settings/runSettings.js";
import type { StepSettings } from "../settings/stepSettings.js";
import type { TrainingCost } from "./trainingCost.js";

/** What a run does, counted. */
export interface RunWork {
  readonly cost: TrainingCost;
  /** Different pictures of a step. */
  readonly picturesPerStep: number;
  readonly before: PreparationCost;
  readonly after: {
    /** What does not depend on the pictures, in seconds. */
    readonly seconds: number;
    /** Pictures that are decoded. */
    readonly pictures: number;
    /** Pictures that are embedded. */
    readonly looks: number;
  };
  /** Steps between evaluations, each of which looks at what `after` does; null: there is one at the end only. */
  readonly evaluateEvery: number | null;
}

/** Pictures whose colors are measured (`measureNormalization`). */
const measuredPictures = 1000;
/** Pictures that a report looks at. */
const reportPictures = 1024;
/** Fewest seconds for drawing a report's pictures, and for the files of the last checkpoint. */
const reportSeconds = 2;
/** Fewest seconds for the files of the last checkpoint and the classifier. */
const filesSeconds = 1;

/** What a pre-training run does that has such steps. */
export function pretrainingWork(
  method: Method,
  settings: StepSettings,
  cost: TrainingCost,
  { count }: Pick<PictureFacts, "count">,
): RunWork {
  const { batch, imageSize, mean } = settings;
  const prepared = method.preparation?.cost({ ...settings, ...anyColors }, count);
  const measured = mean === null ? Math.min(measuredPictures, count) : 0;
  const looked = Math.min(reportPictures, count);
  return {
    cost,
    picturesPerStep: batch,
    before: { pictures: (prepared?.pictures ?? 0) + measured, operations: prepared?.operations ?? 0 },
    // Embedded for the map and the neighbors, and once more by the method.
    after: { seconds: reportSeconds * (1 + (imageSize / 224) ** 2), pictures: looked, looks: 2 * looked },
    evaluateEvery: null,
  };
}

/** What a run does that trains a classifier and tests it with so many pictures. */
export function classificationWork(
  { batch, evaluateEvery, repeats }: ClassificationSettings,
  cost: TrainingCost,
  testCount: number,
): RunWork {
  return {
    cost,
    picturesPerStep: batch / repeats,
    before: { pictures: 0, operations: 0 },
    after: { seconds: filesSeconds, pictures: testCount, looks: testCount },
    evaluateEvery,
  };
}

/** What a run does that trains a tokenizer. */
export function tokenizerWork(
  { batch }: Pick<TokenizerRunSettings, "batch">,
  cost: TrainingCost,
  { count }: Pick<PictureFacts, "count">,
): RunWork {
  return {
    cost,
    picturesPerStep: batch,
    before: { pictures: 0, operations: 0 },
    after: { seconds: reportSeconds, pictures: Math.min(reportPictures, count), looks: 0 },
    evaluateEvery: null,
  };
}
