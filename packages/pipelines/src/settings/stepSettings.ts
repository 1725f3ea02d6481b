import type { Method } from "@splitmask/methods";
import type { TrainingCost } from "../estimate/trainingCost.js";
import type { Config } from "./config.js";
import type { MachineFacts, PictureFacts } from "./facts.js";
import type { ClassificationSettings, PretrainingSettings } from "./runSettings.js";

/** What is decided once the step is: how long the run is, and how it is watched. */
const laterFields = [
  "steps",
  "seconds",
  "learningRate",
  "minimumLearningRate",
  "warmup",
  "checkpointEvery",
  "monitor",
  "monitorTest",
  "monitorEvery",
  "monitorPictures",
] as const;

/** The settings of a step, its method's own included. */
export type StepSettings = Omit<PretrainingSettings, (typeof laterFields)[number]>;

/** A step's settings as text, without what its cost does not depend on. */
export function stepKey(settings: object): string {
  const later: readonly string[] = laterFields;
  return JSON.stringify(settings, (field, value) => (later.includes(field) ? undefined : value));
}

/** What the cost of a classifier's step depends on. */
export type ClassificationStep = Omit<ClassificationSettings, "checkpointEvery">;

/** The settings of a step but for what the model's size and the method decide. */
export type StepWish = Omit<StepSettings, "width" | "depth" | "heads" | "imageSize" | "patch">;

/**
 * What a step with some settings takes; the same settings are counted once.
 *
 * @typeParam Settings Of the step.
 */
export type CostOf<Settings = StepSettings> = (settings: Settings) => Promise<TrainingCost>;

/** What the settings of a pre-training run are decided from. */
export interface PretrainingQuestion {
  readonly method: Method;
  /** See `PretrainingSettings`. */
  readonly architecture: PretrainingSettings["architecture"];
  /** The fields from the command line and the configuration file, already merged and checked. */
  readonly given: Config;
  readonly pictures: PictureFacts;
  readonly machine: MachineFacts;
  readonly costOf: CostOf;
}
