import { z } from "zod";
import type { FinetuneConfig } from "./finetuneConfig.js";
import { configSchema, type Mutable } from "./schema.js";
import { labelledShape } from "./sourceFields.js";

const share = z.number().min(0).max(1);
const nonNegative = z.number().min(0);

/**
 * Every field that a configuration file for `splitmask finetune` may hold; the command line's options are the same
 * fields in kebab case and win over the file.
 */
export const finetuneSchema = configSchema
  .pick({
    imageSize: true,
    dropPath: true,
    cropScale: true,
    flip: true,
    subset: true,
    perClass: true,
    maximumSkipped: true,
    batch: true,
    accumulate: true,
    steps: true,
    epochs: true,
    time: true,
    learningRate: true,
    minimumLearningRate: true,
    weightDecay: true,
    weightDecayEnd: true,
    layerDecay: true,
    freeze: true,
    clipMode: true,
    precision: true,
    recompute: true,
    cache: true,
    cacheFolder: true,
    seed: true,
    threads: true,
    checkpointEvery: true,
    keepCheckpoints: true,
    onNan: true,
  })
  .extend({
    ...labelledShape,
    recipe: z
      .enum(["paper-large", "paper-small", "deit", "beit"])
      .optional()
      .describe(
        "Where the other settings come from: paper-large, paper-small (SplitMask's table 9), deit, beit; chosen by the number of pictures when not given",
      ),
    warmupEpochs: nonNegative.optional().describe("Epochs of linear warm-up"),
    accumulate: configSchema.shape.accumulate.describe(
      "Micro-batches that a batch is gone through in: the same step with less memory; the batch must be a multiple",
    ),
    learningRate: configSchema.shape.learningRate.describe(
      "Peak learning rate of AdamW; the recipe's, scaled to the batch, when not given",
    ),
    minimumLearningRate: configSchema.shape.minimumLearningRate.describe(
      "Learning rate at the end of the cosine",
    ),
    weightDecay: configSchema.shape.weightDecay.describe(
      "AdamW's weight decay (none on biases, norms, positions and tokens)",
    ),
    layerDecay: configSchema.shape.layerDecay.describe(
      "Each layer's learning rate is so much of the next one's (BEiT: 0.65); 1: all the same",
    ),
    clip: nonNegative.optional().describe("Largest norm of the gradient; 0: no clipping"),
    ema: z
      .number()
      .min(0)
      .lt(1)
      .optional()
      .describe(
        "Decay of a moving average of the weights, which then is what is evaluated and written; 0: none",
      ),
    labelSmoothing: z
      .number()
      .min(0)
      .lt(1)
      .optional()
      .describe("Share of each target that is spread over all classes"),
    mixup: nonNegative.optional().describe("Alpha of mixup; 0: none"),
    cutmix: nonNegative.optional().describe("Alpha of CutMix; 0: none"),
    magnitude: z.number().min(0).max(10).optional().describe("Magnitude of RandAugment, 0 to 10; 0: none"),
    magnitudeStd: nonNegative.optional().describe("Standard deviation of RandAugment's magnitude"),
    jitter: nonNegative
      .optional()
      .describe(
        "Strength of the colour jitter (brightness, contrast, saturation), as timm's; 0 beside RandAugment when not given",
      ),
    erasing: share.optional().describe("Probability of random erasing"),
    repeats: z
      .int()
      .positive()
      .optional()
      .describe("Repeated augmentation: how often each picture of a batch comes, augmented anew"),
    headDeviation: z
      .number()
      .positive()
      .optional()
      .describe("Standard deviation of the head's first weights"),
    cropRatio: z
      .number()
      .gt(0)
      .max(1)
      .optional()
      .describe("Share of the short side that tests show, from the middle; 0.875 when not given"),
    evaluateEvery: z
      .number()
      .positive()
      .optional()
      .describe(
        "Epochs between two evaluations on the test pictures, which choose nothing; only at the end when not given",
      ),
  });

/** Fails to compile where the schema and `FinetuneConfig` differ. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
const schemaIsConfig: Same<
  z.output<typeof finetuneSchema>,
  { -readonly [Field in keyof FinetuneConfig]: Mutable<FinetuneConfig[Field]> }
> = true;
void schemaIsConfig;
