import { defaultDecodeSize } from "@splitmask/data";
import { encoderView, type Method, type PreparationCost } from "@splitmask/methods";
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
  /** The short side to which decoded pictures are reduced, in pixels. */
  readonly decodeSize: number;
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

/** The short side to which the pictures of a pre-training run are reduced: enough for its largest view. */
export function decodeSizeOf(method: Method, settings: StepSettings): number {
  const known = { ...settings, ...anyColors };
  return defaultDecodeSize(method.views?.(known) ?? [encoderView(known)]);
}

/** What a pre-training run does that has such steps. */
export function pretrainingWork(
  method: Method,
  settings: StepSettings,
  cost: TrainingCost,
  { count }: Pick<PictureFacts, "count">,
): RunWork {
  const { batch, imageSize, mean } = settings;
  const prepared = method.preparation?.cost({ ...settings, ...anyColors }, count);
  const repeats = method.supervision?.({ ...settings, ...anyColors }).repeats ?? 1;
  const measured = mean === null ? Math.min(measuredPictures, count) : 0;
  const looked = Math.min(reportPictures, count);
  return {
    cost,
    picturesPerStep: batch / repeats,
    decodeSize: decodeSizeOf(method, settings),
    before: { pictures: (prepared?.pictures ?? 0) + measured, operations: prepared?.operations ?? 0 },
    // Embedded for the map and the neighbors, and once more by the method.
    after: { seconds: reportSeconds * (1 + (imageSize / 224) ** 2), pictures: looked, looks: 2 * looked },
    evaluateEvery: null,
  };
}

/** What a run does that trains a classifier and tests it with so many pictures. */
export function classificationWork(
  { batch, evaluateEvery, imageSize, repeats }: ClassificationSettings,
  cost: TrainingCost,
  testCount: number,
): RunWork {
  return {
    cost,
    picturesPerStep: batch / repeats,
    decodeSize: defaultDecodeSize([{ size: imageSize }]),
    before: { pictures: 0, operations: 0 },
    after: { seconds: filesSeconds, pictures: testCount, looks: testCount },
    evaluateEvery,
  };
}

/** What a run does that trains a tokenizer. */
export function tokenizerWork(
  { batch, imageSize }: Pick<TokenizerRunSettings, "batch" | "imageSize">,
  cost: TrainingCost,
  { count }: Pick<PictureFacts, "count">,
): RunWork {
  return {
    cost,
    picturesPerStep: batch,
    decodeSize: defaultDecodeSize([{ size: imageSize }]),
    before: { pictures: 0, operations: 0 },
    after: { seconds: reportSeconds, pictures: Math.min(reportPictures, count), looks: 0 },
    evaluateEvery: null,
  };
}
