import type { FineTuningRecipeName } from "@splitmask/methods";
import type { Config } from "./config.js";

/** Fields of a pre-training configuration that mean the same when fine-tuning. */
type SharedField =
  | "imageSize"
  | "dropPath"
  | "cropScale"
  | "flip"
  | "subset"
  | "perClass"
  | "maximumSkipped"
  | "batch"
  | "accumulate"
  | "steps"
  | "epochs"
  | "time"
  | "learningRate"
  | "minimumLearningRate"
  | "weightDecay"
  | "weightDecayEnd"
  | "layerDecay"
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

/** What a configuration file for `splitmask finetune` may hold; every field is optional, and what is not given is the recipe's, or chosen from the pictures. */
export interface FinetuneConfig extends Pick<Config, SharedField> {
  /** The recipe that the other fields come from: the two columns of the paper's table 9, DeiT's, BEiT's; chosen by the number of pictures when not given. */
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
