import type { ResolvedFinetuneConfig, ResolvedSharedConfig } from "./resolvedConfig.js";

/** Warm-up as a share of the steps, where the number of steps is not known yet. */
interface WarmupShare {
  /** 0 to 1. */
  readonly warmupShare: number;
}

/** The settings of a pre-training run, decided: those that all methods share; its method's own are there besides. */
export type PretrainingSettings = Omit<ResolvedSharedConfig, "method"> & WarmupShare;

/** The settings of a run that trains a classifier, decided, with the shape of its encoder and all of its loop. */
export type ClassificationSettings = ResolvedFinetuneConfig &
  Pick<
    ResolvedSharedConfig,
    | "width"
    | "depth"
    | "heads"
    | "patch"
    | "layerScale"
    | "schedule"
    | "decayEvery"
    | "milestones"
    | "decayFactor"
    | "optimizer"
    | "momentum"
  >;

/** The settings that every run has. */
export type RunSettings = PretrainingSettings | ClassificationSettings;

/** What every run's settings say of the training loop, its length, and its pictures. */
export type LoopSettings = Pick<
  PretrainingSettings,
  Extract<keyof PretrainingSettings, keyof ClassificationSettings>
>;
