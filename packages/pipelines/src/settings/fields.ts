import type { Method } from "@splitmask/methods";
import {
  classifierFields,
  defaultMethodName,
  discreteVaeFields,
  type FieldNote,
  type Fields,
  field,
  UsageError,
} from "@splitmask/methods/settings";
import { type VisionTransformerPreset, visionTransformerPresets } from "@splitmask/vit/presets";
import { z } from "zod";
import { parseValueRange, valueRangeForms, valueRangeWords } from "./valueRange.js";

/** Makes fields of one type, with what stands for a value in help texts unless a field has its own. */
function fieldsOfType<Type extends z.ZodType>(type: Type, placeholder: string) {
  return (description: string, note: Partial<FieldNote> = {}) =>
    field(type, { description, placeholder, ...note });
}

/** A field that is one of a few words. */
function oneOf<const Word extends string>(
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
const text = fieldsOfType(z.string().min(1), "<name>");
const anytime = { mayChange: true };

const presets = Object.keys(visionTransformerPresets) as VisionTransformerPreset[];
const sizes = Object.entries(visionTransformerPresets).map(
  ([name, model]) => `${name} ${Object.values(model).join("×")}`,
);

/** A step of the colors with its usual probability. */
const colorStep = (what: string, probability: number) =>
  share(`Probability of ${what}. Default: ${probability} with augmentation color, else 0`);

export const readingFields = {
  imageColumn: text(
    "Where the pictures are: a column of a Parquet file or table, or the extension within a sample of tar " +
      "shards, such as input.jpg. Default: found by its name",
  ),
  labelColumn: text(
    "Where the labels are: a column of a Parquet file or table; the extension cls, json or txt in tar shards, " +
      "or a field of their json files. Default: found by its name",
  ),
  images: text(
    "Folder of the pictures that a COCO or LVIS file (.json), a list of paths or a table names. Default: the " +
      "file's own folder, or a folder around it that has the pictures",
    { placeholder: "<folder>" },
  ),
  failOn: oneOf(
    ["none", "truncated", "error", "warning"],
    "Damage that makes a picture unreadable. none: it cannot be decoded at all; truncated: also a file that " +
      "ends too early; error: also what the format forbids; warning: also damage that the decoder painted over. " +
      "Default: warning",
    { placeholder: "<damage>" },
  ),
  valueRange: field(
    z.string().refine((range) => parseValueRange(range) !== null, {
      error: valueRangeForms,
      params: { words: valueRangeWords },
    }),
    {
      description:
        "Values shown as black and white in pictures of more than 8 bits (16-bit, float): two values, such as " +
        "0,4095; percentiles: the 0.1st and 99.9th percentile of all pictures; file: the smallest and largest " +
        "value of each file; auto: the range that all pictures together use. Default: that of the run whose " +
        "encoder is used, else auto",
      placeholder: "<range>",
    },
  ),
};

const part = (what: string, otherwise: string) =>
  text(
    `Part of ${what} to use, if the source has several: train, test, validation or another name that it has, ` +
      `or all. Default: ${otherwise}`,
  );

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

const precision = z
  .enum(["float32", "bfloat16", "bf16"])
  .transform((format) => (format === "bf16" ? "bfloat16" : format));

/** Fields that belong together: a section of the help and of the documentation. */
export interface FieldGroup<Own extends Fields = Fields> {
  /** Its heading. */
  readonly title: string;
  /** The fields by name. */
  readonly fields: Own;
}

const group = <Own extends Fields>(title: string, fields: Own): FieldGroup<Own> => ({ title, fields });

/** The settings that pre-training has with every method, group by group. */
export const sharedGroups = {
  /** Which method trains. */
  method: group("Method", {
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
  }),
  /** The encoder. */
  model: group("Model", {
    model: oneOf(
      presets,
      `Size of the encoder: ${sizes.join(", ")} (width × depth × heads). Default: the largest for which there ` +
        "are enough pictures, and time for enough updates",
    ),
    init: text(
      "Weights that the encoder begins with, which give its shape: a .safetensors file of timm, transformers or " +
        "splitmask, a folder of transformers', or a run folder. Default: random ones",
      { placeholder: "<path>" },
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
      "Side of a patch in pixels; the image size must be a multiple of it. Default: chosen with the model",
    ),
    dropPath: share("Drop path (stochastic depth) rate of the encoder's last block. Default: the recipe's"),
    layerScale: positive("Initial value of LayerScale. Default: no LayerScale"),
  }),
  /** What is done to the pictures, anew each time that one comes. */
  augmentation: group("Augmentation", {
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
  }),
  /** What pictures are normalized with. */
  normalization: group("Normalization", {
    mean: threeNumbers("Mean of red, green and blue, 0 to 1. Default: measured on a sample of the pictures"),
    std: threeNumbers(
      "Standard deviation of red, green and blue, 0 to 1. Default: measured on a sample of the pictures",
    ),
  }),
  /** How pictures are opened. */
  source: group("How pictures are opened", {
    split: part("the pictures", "all; pretrain leaves out test and validation"),
    ...readingFields,
  }),
  /** Which pictures are used. */
  subset: group("Which pictures are used", {
    subset: text(
      'Use only some pictures: a share ("10%"), a number ("1000"), or a file with one index per line. Default: all',
      { placeholder: "<share|n|file>" },
    ),
    perClass: count("Use only this many pictures of each class. Default: all"),
    maximumSkipped: share("Share of unreadable pictures above which the run stops. Default: 0.1", anytime),
  }),
  /** How much is done in a step, and how many steps are done. */
  length: group("Batch and length", {
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
  }),
  /** What changes the weights, and how fast. */
  optimization: group("Optimization", {
    optimizer: oneOf(
      ["adamw", "sgd", "lars"],
      "Optimizer; sgd and lars need a learning rate. Default: adamw",
    ),
    learningRate: positive(
      "Peak learning rate. Default: the recipe's, scaled to the batch and, for pre-training, to the width",
    ),
    minimumLearningRate: nonNegative(
      "Final learning rate of the schedules cosine and linear. Default: the recipe's share of the peak",
    ),
    warmup: stepsOrNone("Steps of linear warm-up. Default: the recipe's share of the steps"),
    schedule: oneOf(
      ["cosine", "linear", "step", "multi-step", "constant"],
      "Learning rate after the warm-up: cosine, linear, step (falls every so many steps), multi-step (falls " +
        "at the milestones) or constant. Default: cosine",
    ),
    decayEvery: steps(
      "Steps between two falls of the learning rate; only for the schedule step, which needs it",
    ),
    milestones: field(z.array(z.int().positive()).min(1).readonly(), {
      description:
        "Steps at which the learning rate falls; only for the schedule multi-step, which needs them",
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
      "Weight decay at the last step, reached along a cosine. Default: the recipe's if it has one and no weight " +
        "decay is given, else it stays constant",
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
        "Default: the recipe's, which is global for most methods",
      { placeholder: "<mode>" },
    ),
    ema: shareBelowOne(
      "Decay of a moving average of the weights, such as 0.999; the average is what is evaluated and exported. " +
        "0: none. Default: none; for fine-tuning the recipe's",
      { placeholder: "<decay>" },
    ),
  }),
  /** How it is computed. */
  run: group("Run", {
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
  }),
  /** How pre-training is looked at while it goes on. */
  monitor: group("Monitor", {
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
    monitorEvery: steps(
      "Steps between two evaluations of the monitor. Default: a tenth of the steps",
      anytime,
    ),
    monitorPictures: field(z.int().min(3), {
      description:
        "Largest number of pictures that the monitor uses: two thirds vote, one third is classified. Default: 3000",
      placeholder: "<n>",
      mayChange: true,
    }),
  }),
};

/** The settings that pre-training has with every method. */
export const sharedFields = {
  ...sharedGroups.method.fields,
  ...sharedGroups.model.fields,
  ...sharedGroups.augmentation.fields,
  ...sharedGroups.normalization.fields,
  ...sharedGroups.source.fields,
  ...sharedGroups.subset.fields,
  ...sharedGroups.length.fields,
  ...sharedGroups.optimization.fields,
  ...sharedGroups.run.fields,
  ...sharedGroups.monitor.fields,
};

/** Every setting of how the pictures of one source are opened. */
export const sourceFields = sharedGroups.source.fields;

/** The same where pictures to train and to test with are given. */
export const labelledFields = {
  trainSplit: part("the training pictures", "train"),
  testSplit: part("the test pictures", "test, else validation"),
  heldOut: field(z.number().gt(0).lt(1), {
    description:
      "Share of each class of the training pictures that is held out to test with where no test pictures are " +
      "given; always the same pictures, whatever the seed. Default: 0.2",
    placeholder: "<share>",
  }),
  ...readingFields,
};

/**
 * The settings of pre-training, group by group: those that all methods share, and the method's own behind its name.
 *
 * @throws UsageError where one of its own has the name of a shared one.
 */
export function pretrainingGroups({ fields, name, title }: Method): readonly FieldGroup[] {
  const taken = Object.keys(fields).find((each) => each in sharedFields);
  if (taken !== undefined) {
    throw new UsageError(
      `method ${name}: its field "${taken}" has the name of a setting that all methods share; give it another.`,
    );
  }
  const { method, ...others } = sharedGroups;
  return [method, { title, fields }, ...Object.values(others)];
}

/** All settings of pre-training with a method. */
export function pretrainingFields(method: Method): Fields {
  return fieldsOf(pretrainingGroups(method));
}

/** The fields of some groups. */
export function fieldsOf(groups: readonly FieldGroup[]): Fields {
  return Object.assign({}, ...groups.map(({ fields }) => fields)) as Fields;
}

/** Some of the fields, by reference. */
export function pickFields<Own extends Fields, Name extends keyof Own>(
  fields: Own,
  names: readonly Name[],
): Pick<Own, Name> {
  return Object.fromEntries(names.map((name) => [name, fields[name]])) as Pick<Own, Name>;
}

/** The settings of fine-tuning: those of pre-training that it has too, and what only training with labels has. */
export const finetuneFields = {
  ...classifierFields,
  // The sizes of the encoder are those of pre-training, and other steps of augmentation are the classifier's own.
  ...pickFields(sharedFields, ["imageSize", "dropPath", "cropScale", "flip"]),
  ...labelledFields,
  ...sharedGroups.subset.fields,
  ...sharedGroups.length.fields,
  // Every recipe has AdamW along a cosine.
  ...pickFields(sharedFields, ["learningRate", "minimumLearningRate", "weightDecay", "weightDecayEnd"]),
  ...pickFields(sharedFields, ["layerDecay", "freeze", "clip", "clipMode", "ema"]),
  ...sharedGroups.run.fields,
};

/** The shared groups with those of their fields that a command has, behind its own. */
function groupsOf(
  own: FieldGroup,
  fields: Fields,
  changed: Partial<Record<keyof typeof sharedGroups, Fields>> = {},
): readonly FieldGroup[] {
  const shared = Object.entries<FieldGroup>(sharedGroups).map(([name, shown]) => {
    const all = changed[name as keyof typeof sharedGroups] ?? shown.fields;
    return { ...shown, fields: Object.fromEntries(Object.entries(all).filter(([each]) => each in fields)) };
  });
  return [own, ...shared].filter((each) => Object.keys(each.fields).length > 0);
}

/** The same, group by group. */
export const finetuneGroups = groupsOf(
  { title: "Training with labels", fields: classifierFields },
  finetuneFields,
  { source: labelledFields },
);

/** The settings of a tokenizer's training: its own, and those of pre-training that it has too. */
export const tokenizerRunFields = {
  ...discreteVaeFields,
  ...pickFields(sharedFields, ["imageSize", "cropScale", "flip", "healthEvery"]),
  ...sharedGroups.source.fields,
  ...sharedGroups.subset.fields,
  ...sharedGroups.length.fields,
  ...pickFields(sharedFields, ["learningRate", "minimumLearningRate", "warmup", "weightDecay", "freeze"]),
  ...pickFields(sharedFields, ["clip", "clipMode", "ema"]),
  ...pickFields(sharedFields, ["precision", "cache", "cacheFolder", "seed", "threads"]),
  ...pickFields(sharedFields, ["checkpointEvery", "keepCheckpoints", "onNan"]),
};

/** The same, group by group. */
export const tokenizerRunGroups = groupsOf(
  { title: "Discrete VAE", fields: discreteVaeFields },
  tokenizerRunFields,
);
