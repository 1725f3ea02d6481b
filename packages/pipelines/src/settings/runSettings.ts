import type { classifierMethod, DiscreteVaeSettings } from "@splitmask/methods";
import type { Decided } from "@splitmask/methods/settings";
import type { VisionTransformerConfig } from "@splitmask/vit";
import type { finetuneFields, labelledFields, sharedFields, sharedGroups, sourceFields } from "./fields.js";

/** Fields that are null where nothing was given, or where a time leaves them open. */
type Nullable =
  | keyof typeof sourceFields
  | (
      | "init"
      | "layerScale"
      | "mean"
      | "std"
      | "subset"
      | "perClass"
      | "steps"
      | "warmup"
      | "decayEvery"
      | "milestones"
    )
  | ("weightDecayEnd" | "ema" | "cacheFolder" | "threads" | "monitor" | "monitorTest");

/** The settings of a pre-training run, decided: those that all methods share; its method's own are there besides. */
export type PretrainingSettings = Decided<
  Omit<typeof sharedFields, "method" | "model" | "augmentation" | "epochs" | "time">,
  Nullable
> & {
  /** What else the encoder is that the weights of `init` are of; null: the method's own. */
  readonly architecture: Partial<VisionTransformerConfig> | null;
  /** How long to train, in seconds; null where `steps` is given. */
  readonly seconds: number | null;
  /** Warm-up as a share of the steps, where the number of steps is not known yet. */
  readonly warmupShare: number;
};

/** What every run's settings say of the encoder, the training loop and its length, and the pictures. */
export type LoopSettings = Pick<
  PretrainingSettings,
  Extract<
    keyof PretrainingSettings,
    | keyof typeof finetuneFields
    | Exclude<keyof typeof sharedGroups.model.fields, "init">
    | keyof typeof sharedGroups.optimization.fields
    | ("seconds" | "warmupShare")
  >
>;

/** The settings of a run that trains a classifier, decided. */
export type ClassificationSettings = LoopSettings &
  Decided<typeof labelledFields, keyof typeof labelledFields> &
  Omit<ReturnType<(typeof classifierMethod)["decide"]>, keyof LoopSettings> & {
    /** Steps between two evaluations on the test pictures; null: only at the end. */
    readonly evaluateEvery: number | null;
  };

/** The settings that only vision transformers have. */
export type ShapeSetting = "width" | "depth" | "heads" | "patch" | "layerScale" | "dropPath";

/** The settings of a run that trains a tokenizer, decided. */
export type TokenizerRunSettings = Omit<LoopSettings, ShapeSetting> &
  DiscreteVaeSettings &
  Pick<PretrainingSettings, keyof typeof sourceFields | "cropScale" | "healthEvery">;

/** The settings that every run has. */
export type RunSettings = PretrainingSettings | ClassificationSettings | TokenizerRunSettings;
