import type { splitMaskFields } from "@splitmask/methods";
import type { ResolvedConfig } from "./resolvedConfig.js";
import type { ResolvedFinetuneConfig } from "./resolveFinetune.js";

/** The settings that pre-training has with every method, decided. */
export type ResolvedSharedConfig = Omit<ResolvedConfig, keyof typeof splitMaskFields>;

/** Warm-up as a share of the steps, where the number of steps is not known yet. */
interface WarmupShare {
  /** 0 to 1. */
  readonly warmupShare: number;
}

/** The settings of a pre-training run, decided: those that all methods share, and its method's own. */
export type PretrainingSettings = ResolvedSharedConfig & WarmupShare;

/** The settings of a run that trains a classifier, decided, with the shape of its encoder. */
export type ClassificationSettings = ResolvedFinetuneConfig &
  Pick<
    ResolvedSharedConfig,
    "width" | "depth" | "heads" | "patch" | "layerScale" | "schedule" | "decayEvery" | "milestones" | "decayFactor" | "optimizer" | "momentum"
  >;

/** The settings that every run has. */
export type RunSettings = PretrainingSettings | ClassificationSettings;

/** The settings of the training loop. */
export type LoopSettings = Pick<
  PretrainingSettings & ClassificationSettings,
  Extract<keyof PretrainingSettings, keyof ClassificationSettings>
>;
