import { z } from "zod";
import type { Config, ConfigField } from "./config.js";
import { parseDuration } from "./duration.js";
import { sourceShape } from "./sourceFields.js";

const positiveInteger = z.int().positive();
const positive = z.number().positive();
const nonNegative = z.number().min(0);
const share = z.number().min(0).max(1);
const threeNumbers = z.tuple([z.number(), z.number(), z.number()]);

/** Tuples and lists as zod types them. */
export type Mutable<Value> = Value extends readonly [number, number, number]
  ? [number, number, number]
  : Value extends readonly (infer Item)[]
    ? Item[]
    : Value;

/**
 * Every field that a configuration file for `splitmask pretrain` may hold. All are optional: what is not given is
 * chosen
 * from the pictures and the machine (see `resolveConfig`). The command line's options are the same
 * fields in kebab case (`imageSize` is `--image-size`) and win over the file.
 */
export const configSchema = z.strictObject({
  model: z
    .enum(["tiny", "small", "base"])
    .optional()
    .describe("Encoder size by name: tiny 192×12×3, small 384×12×6, base 768×12×12 (width × depth × heads)"),
  width: positiveInteger.optional().describe("Width of the encoder's tokens; instead of model"),
  depth: positiveInteger.optional().describe("Number of encoder blocks; instead of model"),
  heads: positiveInteger.optional().describe("Attention heads; width must be a multiple; instead of model"),
  imageSize: positiveInteger.optional().describe("Side of the square crop that the encoder sees, in pixels"),
  patch: positiveInteger.optional().describe("Side of a patch in pixels; imageSize must be a multiple"),
  decoderDepth: positiveInteger.optional().describe("Number of decoder blocks (the paper: 2)"),
  dropPath: share.optional().describe("Stochastic depth of the encoder's last block, 0 to 1"),
  layerScale: positive.optional().describe("Initial layer scale; none when not given"),
  tokenizer: z
    .enum(["random-projection", "random-patches", "k-means"])
    .optional()
    .describe("Where the visual words come from"),
  vocabulary: positiveInteger.optional().describe("Number of visual words (the paper: 8192)"),
  tokenizerPatches: positiveInteger
    .optional()
    .describe("Patches collected to fit random-patches or k-means; also the examples that reports draw"),
  mask: z
    .enum(["block", "uniform"])
    .optional()
    .describe("block: BEiT's blocks, half and half; uniform: two random quarters that each predict the rest"),
  cropScale: z
    .number()
    .gt(0)
    .max(1)
    .optional()
    .describe("Smallest area of the random resized crop, as a share of the picture"),
  flip: share.optional().describe("Probability of a horizontal flip"),
  augmentation: z
    .enum(["crop", "color"])
    .optional()
    .describe(
      "crop: crop and flip, the paper's default; color: also colour jitter, grey, blur and solarisation, as the paper for its smallest sets",
    ),
  colorJitter: share
    .optional()
    .describe(
      "Probability of the colour jitter; 0.8 with --augmentation color (fewer than 5,000 pictures have it), else 0",
    ),
  jitterStrength: z
    .number()
    .min(0)
    .max(5)
    .optional()
    .describe(
      "Strength of the colour jitter: 1 is brightness and contrast ±0.4, saturation ±0.2, hue ±0.1; default 1",
    ),
  grayscale: share
    .optional()
    .describe(
      "Probability that a picture becomes grey; 0.2 with --augmentation color (fewer than 5,000 pictures have it), else 0",
    ),
  blur: share
    .optional()
    .describe(
      "Probability of a Gaussian blur; 0.5 with --augmentation color (fewer than 5,000 pictures have it), else 0",
    ),
  solarize: share
    .optional()
    .describe(
      "Probability that bright values are inverted; 0.2 with --augmentation color (fewer than 5,000 pictures have it), else 0",
    ),
  mean: threeNumbers.optional().describe("Mean of red, green and blue in 0…1; measured when not given"),
  std: threeNumbers
    .optional()
    .describe("Standard deviation of red, green and blue in 0…1; measured when not given"),
  ...sourceShape,
  subset: z
    .string()
    .min(1)
    .optional()
    .describe('Use only some pictures: a share ("10%"), a number ("1000"), or a file with one index a line'),
  perClass: positiveInteger.optional().describe("Use only so many pictures of every class folder"),
  maximumSkipped: share
    .optional()
    .describe(
      "Largest share of pictures that may be unreadable before the run stops, 0 to 1; 0.1 when not given",
    ),
  batch: positiveInteger.optional().describe("Pictures a step"),
  accumulate: positiveInteger
    .optional()
    .describe(
      "Micro-batches that a batch is gone through in: the same step with less memory and one more forward pass; the batch must be a multiple",
    ),
  steps: positiveInteger.optional().describe("Training steps; instead of epochs or time"),
  epochs: positive.optional().describe("Passes over the pictures; instead of steps or time"),
  time: z
    .string()
    .refine((text) => parseDuration(text) !== null, { error: 'a duration such as "90s", "20m", "1h30m"' })
    .optional()
    .describe(
      'How long the whole run may take, e.g. "90s", "20m" or "1h30m", instead of steps or epochs: what is not given ' +
        "is chosen for it, and as many steps are done as fit, also where the machine gets slower or faster (to repeat a " +
        "run exactly, give steps); a resumed run has what is left of it",
    ),
  learningRate: positive.optional().describe("Peak learning rate"),
  minimumLearningRate: nonNegative.optional().describe("Learning rate at the end of a cosine or a line"),
  warmup: z.int().min(0).optional().describe("Steps of linear warm-up"),
  schedule: z
    .enum(["cosine", "linear", "step", "multi-step", "constant"])
    .optional()
    .describe(
      "How the learning rate falls after the warm-up: along a cosine or a line, in stairs of equal length (decayEvery) or at milestones, or not at all",
    ),
  decayEvery: positiveInteger.optional().describe("Steps between two stairs of the schedule step"),
  milestones: z
    .array(positiveInteger)
    .min(1)
    .optional()
    .describe("Steps after which the learning rate falls in the schedule multi-step"),
  decayFactor: positive
    .optional()
    .describe("What the learning rate is multiplied with at a stair; 0.1 when not given"),
  optimizer: z
    .enum(["adamw", "sgd", "lars"])
    .optional()
    .describe("What changes the weights; adamw when not given, the others need a learning rate"),
  momentum: z
    .number()
    .min(0)
    .lt(1)
    .optional()
    .describe("Momentum of sgd and lars, 0 to 1; 0.9 when not given"),
  weightDecay: nonNegative
    .optional()
    .describe(
      "Weight decay (none on biases, norms, positions and tokens); 0.05 for adamw and 0 for the others when not given",
    ),
  weightDecayEnd: nonNegative
    .optional()
    .describe("Weight decay at the last step, to which it moves along a cosine; it stays when not given"),
  layerDecay: z
    .number()
    .gt(0)
    .max(1)
    .optional()
    .describe("Each layer's learning rate is so much of the next one's; 1, all the same, when not given"),
  freeze: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe(
      'Parameters that stay as they are: names in which * stands for any characters, such as "encoder.patch_embed.*"',
    ),
  clip: positive.optional().describe("Largest norm of the gradient"),
  clipMode: z
    .enum(["global", "tensor"])
    .optional()
    .describe("Whether that norm is of all gradients together or of each tensor by itself"),
  ema: z
    .number()
    .gt(0)
    .lt(1)
    .optional()
    .describe(
      "Decay of a moving average of the weights, such as 0.999; the average then is what is evaluated and exported",
    ),
  temperature: positive.optional().describe("Temperature of the match loss (the paper: 0.2)"),
  inpaintWeight: nonNegative.optional().describe("Weight of the inpaint loss"),
  matchWeight: nonNegative.optional().describe("Weight of the match loss"),
  negatives: z
    .enum(["other", "both"])
    .optional()
    .describe("Negatives of the match loss: the other branch of the other pictures, or both branches"),
  precision: z
    .enum(["float32", "bfloat16", "bf16"])
    .transform((format) => (format === "bf16" ? "bfloat16" : format))
    .optional()
    .describe("Number format of the large products; bf16 (or bfloat16) is faster and rounds more"),
  recompute: z
    .boolean()
    .optional()
    .describe(
      "Keep only the input of each transformer block and run it again in the backward pass: a third more time, a fraction of the memory",
    ),
  cache: z
    .enum(["auto", "on", "off"])
    .optional()
    .describe(
      "Decoded pictures on disk, shared by all runs; auto: where they do not fit into memory and the run passes over them more than twice, or where they are there already",
    ),
  cacheFolder: z
    .string()
    .min(1)
    .optional()
    .describe(
      "Folder of the caches, also for unpacked .tar.gz; SPLITMASK_CACHE or ~/.cache/splitmask when not given",
    ),
  seed: z.int().min(0).max(0xffffffff).optional().describe("Seed of all randomness"),
  threads: positiveInteger.optional().describe("Threads of the computation; all cores when not given"),
  checkpointEvery: positiveInteger.optional().describe("Steps between checkpoints"),
  keepCheckpoints: positiveInteger
    .optional()
    .describe(
      "How many of the latest checkpoints stay, besides the one with the lowest loss; 2 when not given",
    ),
  healthEvery: z
    .int()
    .min(0)
    .optional()
    .describe(
      "Steps between two looks at the descriptors and the predicted words, which warn of a collapse; 0: none; 50 when not given",
    ),
  monitor: z
    .string()
    .min(1)
    .optional()
    .describe(
      "Labelled pictures that the encoder is looked at with while it trains: its k-NN accuracy is told and recorded, and its best checkpoint kept; a third of them is held out to test with",
    ),
  monitorTest: z
    .string()
    .min(1)
    .optional()
    .describe("Labelled pictures with the same classes that are classified instead of held out ones"),
  monitorEvery: positiveInteger
    .optional()
    .describe("Steps between two looks of the monitor; a tenth of the steps when not given"),
  monitorPictures: z
    .int()
    .min(3)
    .optional()
    .describe(
      "Largest number of pictures of the monitor: two thirds vote, one third is classified; 3000 when not given",
    ),
  onNan: z
    .enum(["stop", "skip", "rollback"])
    .optional()
    .describe(
      "What happens when the loss or a gradient is NaN or infinite: stop; skip the step; or go back to the last checkpoint and on with half the learning rate (both at most 10 times); stop when not given",
    ),
});

/** Fails to compile where the schema and `Config` differ. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
const schemaIsConfig: Same<
  z.output<typeof configSchema>,
  { -readonly [Field in keyof Config]: Mutable<Config[Field]> }
> = true;
void schemaIsConfig;

/** The sentence that documents a field, as help pages show it. */
export function describeField(field: ConfigField): string {
  return configSchema.shape[field].description ?? "";
}

/** The names of all fields. */
export const configFields = Object.keys(configSchema.shape) as readonly ConfigField[];
