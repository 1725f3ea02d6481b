import type { FineTuningRecipeName } from "@splitmask/methods";
import type { Config } from "./config.js";
import type { LabelledConfig } from "./sourceFields.js";

/** Fields that mean the same in a pre-training run, before they are decided and after. */
export type SharedField =
  | "imageSize"
  | "cropScale"
  | "flip"
  | "subset"
  | "perClass"
  | "maximumSkipped"
  | "accumulate"
  | "steps"
  | "weightDecayEnd"
  | "freeze"
  | "clipMode"
  | "precision"
  | "recompute"
  | "cache"
  | "cacheFolder"
  | "seed"
  | "threads"
  | "checkpointEvery"
  | "keepCheckpoints"
  | "onNan";

/** Fields that are given as for pre-training, and that the recipe or the length of the run decides. */
type GivenField =
  | SharedField
  | "batch"
  | "epochs"
  | "time"
  | "learningRate"
  | "minimumLearningRate"
  | "weightDecay"
  | "layerDecay"
  | "dropPath";

/**
 * What a configuration file for `splitmask finetune` may hold; every field is optional, and what is not given is the
 * recipe's, or chosen from the pictures.
 */
export interface FinetuneConfig extends Pick<Config, GivenField>, LabelledConfig {
  /**
   * The recipe that the other fields come from: the two columns of the paper's table 9, DeiT's, BEiT's; chosen by the
   * number of pictures when not given.
   */
  readonly recipe?: FineTuningRecipeName | undefined;
  /** Epochs of linear warm-up. */
  readonly warmupEpochs?: number | undefined;
  /** Largest norm of the gradient; 0: no clipping. */
  readonly clip?: number | undefined;
  /** Decay of a moving average of the weights, which then is what is evaluated and written; 0: none. */
  readonly ema?: number | undefined;
  /** Share of each target that is spread over all classes. */
  readonly labelSmoothing?: number | undefined;
  /** Alpha of mixup; 0: none. */
  readonly mixup?: number | undefined;
  /** Alpha of CutMix; 0: none. */
  readonly cutmix?: number | undefined;
  /** Magnitude of RandAugment, 0 to 10; 0: none. */
  readonly magnitude?: number | undefined;
  /** Standard deviation of that magnitude. */
  readonly magnitudeStd?: number | undefined;
  /** Strength of the colour jitter (brightness, contrast, saturation), as timm's. */
  readonly jitter?: number | undefined;
  /** Probability of random erasing. */
  readonly erasing?: number | undefined;
  /** Repeated augmentation: how often each picture of a batch comes, augmented anew. */
  readonly repeats?: number | undefined;
  /** Standard deviation of the head's first weights. */
  readonly headDeviation?: number | undefined;
  /** Share of the short side that tests show, from the middle. */
  readonly cropRatio?: number | undefined;
  /** Epochs between two evaluations on the test pictures, which choose nothing; only at the end when not given. */
  readonly evaluateEvery?: number | undefined;
}

/** The name of a field of `FinetuneConfig`. */
export type FinetuneField = keyof FinetuneConfig;
