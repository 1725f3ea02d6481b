import type { TrainingCost } from "../estimate/trainingCost.js";
import type { PretrainingSettings } from "./runSettings.js";

/** What is decided once the step is: how long the run is, and how it is watched. */
type LaterField =
  | "steps"
  | "seconds"
  | "learningRate"
  | "minimumLearningRate"
  | "warmup"
  | "checkpointEvery"
  | "monitor"
  | "monitorTest"
  | "monitorEvery"
  | "monitorPictures";

/** The settings of a step, its method's own included. */
export type StepSettings = Omit<PretrainingSettings, LaterField>;

/** The settings of a step but for what the model's size and the method decide. */
export type StepWish = Omit<StepSettings, "width" | "depth" | "heads" | "imageSize" | "patch">;

/**
 * What a step with some settings takes; the same settings are counted once.
 *
 * @typeParam Settings Of the step.
 */
export type CostOf<Settings = StepSettings> = (settings: Settings) => Promise<TrainingCost>;
