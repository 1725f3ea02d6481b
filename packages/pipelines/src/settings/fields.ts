import type { Method } from "@splitmask/methods";
import { defaultMethodName, type FieldNote, field } from "@splitmask/methods/settings";
import { type VisionTransformerPreset, visionTransformerPresets } from "@splitmask/vit/presets";
import { z } from "zod";

/** Makes fields of one type, with what stands for a value in help texts unless a field has its own. */
export function fieldsOfType<Type extends z.ZodType>(type: Type, placeholder: string) {
  return (description: string, note: Partial<FieldNote> = {}) =>
    field(type, { description, placeholder, ...note });
}

/** A field that is one of a few words. */
export function oneOf<const Word extends string>(
  words: readonly Word[],
  description: string,
  note: Partial<FieldNote> = {},
) {
  return field(z.enum(words), { description, placeholder: "<name>", ...note });
}

const count = fieldsOfType(z.int().positive(), "<n>");
const steps = fieldsOfType(z.int().positive(), "<steps>");
const stepsOrNone = fieldsOfType(z.int().min(0), "<steps>");
const pixels = fieldsOfType(z.int().positive(), "<pixels>");
const share = fieldsOfType(z.number().min(0).max(1), "<share>");
const shareBelowOne = fieldsOfType(z.number().min(0).lt(1), "<share>");
const positiveShare = fieldsOfType(z.number().gt(0).max(1), "<share>");
const positive = fieldsOfType(z.number().positive(), "<value>");
const nonNegative = fieldsOfType(z.number().min(0), "<value>");
const threeNumbers = fieldsOfType(
  z.tuple([z.number(), z.number(), z.number()], { error: "three numbers" }).readonly(),
  "<r,g,b>",
);
export const text = fieldsOfType(z.string().min(1), "<name>");
const anytime = { mayChange: true };

export const methodFields = {
  method: field(
    z.union([z.string().min(1), z.custom<Method>((value) => typeof value === "object" && value !== null)], {
      error:
        "the name of a method, the path of a module whose default export is one, or in a module a method",
    }),
    {
      description:
        "Pre-training method: a name such as mae, or the path of a module whose default export is a " +
        `method, such as ./my-method.js. Default: ${defaultMethodName}`,
      placeholder: "<name>",
    },
  ),
};

const presets = Object.keys(visionTransformerPresets) as VisionTransformerPreset[];
const sizes = Object.entries(visionTransformerPresets).map(
  ([name, model]) => `${name} ${Object.values(model).join("×")}`,
);

export const modelFields = {
  model: oneOf(
    presets,
    `Size of the encoder: ${sizes.join(", ")} (width × depth × heads). Default: the largest for which there ` +
      "are enough pictures, and time for enough updates",
  ),
  width: count("Width of the encoder's tokens; not together with model. Default: that of the chosen model"),
  depth: count("Number of encoder blocks; not together with model. Default: that of the chosen model"),
  heads: count(
    "Number of attention heads, a divisor of the width; not together with model. Default: that of the chosen model",
  ),
  imageSize: pixels(
    "Side of the encoder's square input crop, in pixels. Default: chosen with the model for the size of the " +
      "pictures; for fine-tuning, that of pre-training",
  ),
  patch: pixels(
    "Side of a patch in pixels; imageSize must be a multiple of it. Default: chosen with the model",
  ),
  dropPath: share("Drop path (stochastic depth) rate of the encoder's last block. Default: the recipe's"),
  layerScale: positive("Initial value of LayerScale. Default: no LayerScale"),
};

/** A step of the colors with its usual probability. */
const colorStep = (what: string, probability: number) =>
  share(`Probability of ${what}. Default: ${probability} with augmentation color, else 0`);

export const augmentationFields = {
  cropScale: positiveShare(
    "Smallest area of the random resized crop, as a share of the picture. Default: the recipe's; for " +
      "fine-tuning 0.08",
  ),
  flip: share("Probability of a horizontal flip. Default: 0.5"),
  augmentation: oneOf(
    ["crop", "color"],
    "crop: random resized crop and flip, the paper's choice; color: also color jitter, grayscale, blur and " +
      "solarization, the paper's choice for its smallest sets. Default: color for fewer than 5,000 pictures if " +
      "the method's recipe has it, else crop",
  ),
  colorJitter: colorStep("the color jitter", 0.8),
  jitterStrength: field(z.number().min(0).max(5), {
    description:
      "Strength of the color jitter: 1 changes brightness and contrast by ±0.4, saturation by ±0.2 and hue by " +
      "±0.1. Default: 1",
    placeholder: "<value>",
  }),
  grayscale: colorStep("conversion to grayscale", 0.2),
  blur: colorStep("a Gaussian blur", 0.5),
  solarize: colorStep("solarization, which inverts bright values", 0.2),
};

export const normalizationFields = {
  mean: threeNumbers("Mean of red, green and blue, 0 to 1. Default: measured on a sample of the pictures"),
  std: threeNumbers(
    "Standard deviation of red, green and blue, 0 to 1. Default: measured on a sample of the pictures",
  ),
};

export const subsetFields = {
  subset: text(
    'Use only some pictures: a share ("10%"), a number ("1000"), or a file with one index per line. Default: all',
    { placeholder: "<share|n|file>" },
  ),
  perClass: count("Use only this many pictures of each class. Default: all"),
  maximumSkipped: share("Share of unreadable pictures above which the run stops. Default: 0.1", anytime),
};

/**
 * Reads a duration such as `"90s"`, `"20m"`, `"1h30m"` or `"45"` (seconds).
 *
 * @returns Seconds, or null where the text is no positive duration.
 */
export function parseDuration(text: string): number | null {
  const pattern = /^(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?$/;
  const [, hours = "0", minutes = "0", seconds = "0"] = pattern.exec(text.trim().replaceAll(" ", "")) ?? [];
  const total = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  return total > 0 ? total : null;
}

const duration = z
  .string()
  .refine((text) => parseDuration(text) !== null, { error: 'a duration such as "90s", "20m", "1h30m"' });

export const lengthFields = {
  batch: count("Pictures per step. Default: 128, or fewer if the pictures are few or the memory is small"),
  accumulate: count(
    "Micro-batches per step; batch must be a multiple of it. The step stays the same and takes less memory; a " +
      "loss that compares pictures needs one more forward pass. Default: as many as the memory requires",
  ),
  steps: count("Training steps, instead of epochs or time. Default: chosen from the number of pictures"),
  epochs: positive("Passes over the pictures, instead of steps or time", { placeholder: "<n>" }),
  time: field(duration, {
    description:
      'Time for the whole run, such as "90s", "20m" or "1h30m", instead of steps or epochs. Model and other ' +
      "settings are chosen for it, and the number of steps follows the machine's speed. A resumed run has the " +
      "time that is left. To repeat a run exactly, give steps instead",
    placeholder: "<duration>",
  }),
};

export const optimizationFields = {
  optimizer: oneOf(["adamw", "sgd", "lars"], "Optimizer; sgd and lars need a learningRate. Default: adamw"),
  learningRate: positive(
    "Peak learning rate. Default: the recipe's, scaled to the batch and, for pre-training, to the width",
  ),
  minimumLearningRate: nonNegative(
    "Final learning rate of the schedules cosine and linear. Default: the recipe's share of the peak",
  ),
  warmup: stepsOrNone("Steps of linear warm-up. Default: the recipe's share of the steps"),
  schedule: oneOf(
    ["cosine", "linear", "step", "multi-step", "constant"],
    "Learning rate after the warm-up: cosine, linear, step (falls every decayEvery steps), multi-step (falls " +
      "at the milestones) or constant. Default: cosine",
  ),
  decayEvery: steps(
    "Steps between two falls of the learning rate; only for the schedule step, which needs it",
  ),
  milestones: field(z.array(z.int().positive()).min(1).readonly(), {
    description: "Steps at which the learning rate falls; only for the schedule multi-step, which needs them",
    placeholder: "<steps,…>",
  }),
  decayFactor: positive(
    "Factor by which the learning rate falls in the schedules step and multi-step. Default: 0.1",
    { placeholder: "<factor>" },
  ),
  momentum: shareBelowOne("Momentum of sgd and lars. Default: 0.9"),
  weightDecay: nonNegative(
    "Weight decay of all parameters but biases, norms, positions and tokens. Default: the recipe's for adamw, " +
      "0 for sgd and lars",
  ),
  weightDecayEnd: nonNegative(
    "Weight decay at the last step, reached along a cosine. Default: weightDecay stays constant",
  ),
  layerDecay: positiveShare(
    "Layer-wise learning rate decay: each layer's rate is this factor times that of the layer above (BEiT: " +
      "0.65). Default: 1, which is none; for fine-tuning the recipe's",
    { placeholder: "<factor>" },
  ),
  freeze: field(z.array(z.string().min(1)).min(1).readonly(), {
    description:
      'Parameters that are not trained, by name; * stands for any characters, as in "encoder.patch_embed.*". ' +
      "Default: none",
    placeholder: "<names,…>",
  }),
  clip: nonNegative("Largest norm of the gradient; 0: no clipping. Default: the recipe's", {
    placeholder: "<norm>",
  }),
  clipMode: oneOf(
    ["global", "tensor"],
    "What clip limits: the norm of all gradients together (global), or of each tensor's gradient (tensor). " +
      "Default: global",
    { placeholder: "<mode>" },
  ),
  ema: shareBelowOne(
    "Decay of a moving average of the weights, such as 0.999; the average is what is evaluated and exported. " +
      "0: none. Default: none; for fine-tuning the recipe's",
    { placeholder: "<decay>" },
  ),
};

const precision = z
  .enum(["float32", "bfloat16", "bf16"])
  .transform((format) => (format === "bf16" ? "bfloat16" : format));

export const runFields = {
  precision: field(precision, {
    description:
      "Number format of large matrix products: bfloat16 (or bf16) is faster and less exact. Default: float32",
    placeholder: "<format>",
  }),
  recompute: field(z.boolean(), {
    description:
      "Gradient checkpointing: keep only the input of each transformer block and run the block again in the " +
      "backward pass. Takes a third more time and a fraction of the memory. Default: for pre-training if the " +
      "memory requires it, for fine-tuning off",
    mayChange: true,
  }),
  cache: oneOf(
    ["auto", "on", "off"],
    "Cache of decoded pictures on disk, shared by all runs. auto: use it if it exists; make it if the pictures " +
      "do not fit into memory and the run passes over them more than twice. Default: auto",
    { placeholder: "<when>", mayChange: true },
  ),
  cacheFolder: text(
    "Folder of the caches and of unpacked .tar.gz files. Default: SPLITMASK_CACHE, or ~/.cache/splitmask",
    { placeholder: "<folder>", mayChange: true },
  ),
  seed: field(z.int().min(0).max(0xffffffff), {
    description: "Seed of all random numbers. Default: 0",
    placeholder: "<n>",
  }),
  threads: count("Number of threads. Default: all cores", anytime),
  checkpointEvery: steps(
    "Steps between two checkpoints. Default: a tenth of the run, and at most a quarter of an hour",
    anytime,
  ),
  keepCheckpoints: count(
    "Number of latest checkpoints to keep, besides the one with the lowest loss. Default: 2",
    anytime,
  ),
  onNan: oneOf(
    ["stop", "skip", "rollback"],
    "What to do when the loss or a gradient is NaN or infinite. stop: end the run; skip: leave the step out; " +
      "rollback: go back to the last checkpoint and continue with half the learning rate (skip and rollback at " +
      "most 10 times). Default: stop",
    { placeholder: "<what>", mayChange: true },
  ),
};

export const monitorFields = {
  healthEvery: stepsOrNone(
    "Steps between two measurements of the figures that warn of a collapse, such as the variance of the " +
      "descriptors; 0: never. Default: 50",
    { mayChange: true },
  ),
  monitor: text(
    "Labeled pictures that measure k-NN accuracy during training; it is printed and recorded, and the " +
      "checkpoint with the best accuracy is kept. Default: none",
    { placeholder: "<pictures>", mayChange: true },
  ),
  monitorTest: text(
    "Labeled pictures with the same classes that the monitor classifies. Default: a held-out third of the " +
      "monitor's pictures",
    { placeholder: "<pictures>", mayChange: true },
  ),
  monitorEvery: steps("Steps between two evaluations of the monitor. Default: a tenth of the steps", anytime),
  monitorPictures: field(z.int().min(3), {
    description:
      "Largest number of pictures that the monitor uses: two thirds vote, one third is classified. Default: 3000",
    placeholder: "<n>",
    mayChange: true,
  }),
};
