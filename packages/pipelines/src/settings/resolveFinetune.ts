import { type FineTuningRecipe, fineTuningRecipes } from "@splitmask/methods";
import { type Choice, contradiction, Decisions, formatCount } from "@splitmask/methods/settings";
import { stepTime } from "../estimate/runEstimate.js";
import { parseDuration } from "./duration.js";
import type { FinetuneConfig } from "./finetuneConfig.js";
import { checkBatch } from "./resolveBatch.js";
import { resolveCommon } from "./resolveCommon.js";
import type { ResolvedFinetuneConfig } from "./resolvedConfig.js";
import { checkLength, checkpointReason, checkpointSteps } from "./resolveLength.js";
import type { ClassificationSettings } from "./runSettings.js";
import { settleLabelled } from "./sourceFields.js";
import type { ClassificationStep, CostOf } from "./stepSettings.js";

/** The encoder that is fine-tuned. */
export type PretrainedEncoder = Pick<
  ClassificationSettings,
  "width" | "depth" | "heads" | "patch" | "layerScale" | "imageSize"
>;

/** What is known before fine-tuning. */
export interface FinetuneFacts {
  /** How many labeled pictures there are to train with. */
  readonly count: number;
  /** The encoder, and the side of the crops that it was pre-trained with. */
  readonly encoder: PretrainedEncoder;
  /** Whether the encoder begins with its first random weights. */
  readonly fromScratch: boolean;
}

/**
 * The number of pictures from which on a set counts as one of the paper's large ones; Food101, the smallest of these,
 * has 75,750.
 */
const largeSet = 75_000;
/** Pictures that a run sees in all when neither a recipe nor a length is given. */
const picturesSeen = 400_000;
/** Pictures that go through the model at a time. */
const largestMicroBatch = 256;
/** Steps that an epoch should have: few large steps learn less than many small ones. */
const fewestSteps = 4;

/** What was decided. */
export interface FinetuneResolution {
  /** Every field. */
  readonly config: ClassificationSettings;
  /** Each decision with its reason. */
  readonly choices: readonly Choice[];
}

/**
 * Decides every field of a fine-tuning run: what the user gave stands, then comes the recipe, and where none is given,
 * the column of the paper's table 9 that fits the number of pictures, with the
 * batch and the length of a CPU.
 *
 * @param given The fields from the command line and the configuration file, already merged and checked.
 * @param facts What is known of pictures and encoder.
 * @param costOf What a step takes.
 * @returns The resolved configuration and, for each decision, its reason.
 * @throws UsageError where fields contradict each other.
 */
export async function resolveFinetune(
  given: FinetuneConfig,
  facts: FinetuneFacts,
  costOf: CostOf<ClassificationStep>,
): Promise<FinetuneResolution> {
  const { imageSize: pretrainedSize, ...shape } = facts.encoder;
  const decisions = new Decisions();
  const pictures = formatCount(facts.count);
  const isLarge = facts.count >= largeSet;
  const name = decisions.take(
    "recipe",
    given.recipe,
    isLarge ? "paper-large" : "paper-small",
    `${pictures} pictures: what the paper does for ${isLarge ? "iNaturalist and Food101" : "its small sets, Cars, Clipart, Painting and Sketch"}, but for batch and length`,
  );
  const recipe = fineTuningRecipes[name];
  const fromRecipe = `recipe ${name}`;
  const imageSize = decisions.take("image size", given.imageSize, pretrainedSize, "as in pre-training");
  if (imageSize % shape.patch !== 0)
    throw contradiction(
      "imageSize",
      `${imageSize} is not a multiple of the encoder's patch of ${shape.patch}`,
    );
  const { batch, accumulate } = resolveBatch(given, recipe, facts, decisions);
  const length = resolveLength(given, recipe, { ...facts, batch }, decisions);
  const { scale, how } = scaleOf(batch, recipe.batch, given.recipe !== undefined);
  const learningRate = decisions.take(
    "learning rate",
    given.learningRate,
    rounded(recipe.learningRate * scale),
    scale === 1
      ? fromRecipe
      : `${fromRecipe}: ${recipe.learningRate} for ${formatCount(recipe.batch)} pictures a step, ${how}`,
    (value) => value.toExponential(1),
  );
  const minimumLearningRate = given.minimumLearningRate ?? rounded(recipe.minimumLearningRate * scale);
  const compared = facts.fromScratch && recipe.layerDecay !== 1;
  const layerDecay = decisions.take(
    "layer decay",
    given.layerDecay,
    recipe.layerDecay,
    compared
      ? `${fromRecipe}, the same as for a pre-trained encoder, so that the two compare; --layer-decay 1 trains all layers alike`
      : fromRecipe,
  );
  const weightDecay = decisions.take("weight decay", given.weightDecay, recipe.weightDecay, fromRecipe);
  const dropPath = decisions.take("drop path", given.dropPath, recipe.dropPath, fromRecipe);
  const labelSmoothing = decisions.take(
    "label smoothing",
    given.labelSmoothing,
    recipe.labelSmoothing,
    fromRecipe,
  );
  const mixup = decisions.take("mixup", given.mixup, recipe.mixup, fromRecipe);
  const cutmix = decisions.take("CutMix", given.cutmix, recipe.cutmix, fromRecipe);
  if (mixup + cutmix > 0 && batch % 2 !== 0) {
    throw contradiction(
      "batch",
      `${batch}, but mixup and CutMix mix picture i with picture ${batch} − 1 − i: use an even batch, or mixup 0 and cutmix 0`,
    );
  }
  const colors = resolveAugmentation(given, recipe, fromRecipe, decisions);
  const repeats = decisions.take(
    "repeats",
    given.repeats,
    recipe.repeats,
    `${fromRecipe}: repeated augmentation`,
  );
  const decay = decisions.take("average", given.ema, recipe.ema ?? 0, fromRecipe, (value) =>
    value === 0 ? "none" : `of the weights, decay ${value}`,
  );
  const cropRatio = decisions.take("test crop", given.cropRatio, recipe.cropRatio, fromRecipe);
  const seed = decisions.take("seed", given.seed, 0, "fixed, so that the run can be repeated");
  const common = resolveCommon(given);
  const ema = decay === 0 ? null : decay;
  const settings = {
    ...common,
    ...settleLabelled(given),
    recipe: name,
    imageSize,
    batch,
    accumulate,
    ...length,
    learningRate,
    minimumLearningRate,
    layerDecay,
    weightDecay,
    evaluateEvery:
      given.evaluateEvery === undefined ? null : evaluationSteps(given.evaluateEvery, facts.count, batch),
    clip: given.clip ?? recipe.clip,
    ema,
    dropPath,
    labelSmoothing,
    mixup,
    cutmix,
    ...colors,
    repeats,
    headDeviation: given.headDeviation ?? recipe.headDeviation,
    cropRatio,
    seed,
    // BEiT's fine-tuning has a cosine and AdamW, and so do all recipes.
    ...({ schedule: "cosine", decayEvery: null, milestones: null, decayFactor: 0.1 } as const),
    ...({ optimizer: "adamw", momentum: 0.9 } as const),
    ...shape,
  };
  const secondsPerStep = stepTime(await costOf(settings));
  const checkpointEvery = decisions.take(
    "checkpoints",
    given.checkpointEvery,
    checkpointSteps(length.steps ?? Math.ceil(length.seconds! / secondsPerStep), secondsPerStep),
    checkpointReason,
    (value) => `every ${value} steps`,
  );
  return { choices: decisions.choices, config: { ...settings, checkpointEvery } };
}

/**
 * What the learning rate for another batch is multiplied with: linearly for a recipe that was asked for, as its authors
 * scale; else with the root, which keeps the noise of AdamW's steps (Malladi et
 * al. 2022, arXiv 2205.10287), for batches that are chosen much smaller than the recipe's.
 */
function scaleOf(
  batch: number,
  recipeBatch: number,
  isAskedFor: boolean,
): { readonly scale: number; readonly how: string } {
  const ratio = `${batch} / ${formatCount(recipeBatch)}`;
  return isAskedFor
    ? { scale: batch / recipeBatch, how: `times ${ratio}` }
    : { scale: Math.sqrt(batch / recipeBatch), how: `times √(${ratio}), which suits AdamW` };
}

/** Two significant digits more than a person reads. */
function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

/** Batches in which every picture comes once, but for those that do not fill one. */
function stepsOfEpoch(count: number, batch: number): number {
  return Math.max(1, Math.floor(count / batch));
}

/**
 * Steps between two evaluations.
 *
 * @param epochs What is given.
 * @param count Pictures to train with.
 * @param batch Pictures a step.
 */
export function evaluationSteps(epochs: number, count: number, batch: number): number {
  return Math.max(1, Math.round(epochs * stepsOfEpoch(count, batch)));
}

function powerOfTwoWithin(most: number): number {
  return 2 ** Math.floor(Math.log2(Math.max(2, most)));
}

function resolveBatch(
  given: FinetuneConfig,
  recipe: FineTuningRecipe,
  { count }: FinetuneFacts,
  decisions: Decisions,
): { batch: number; accumulate: number } {
  const wanted = given.recipe === undefined ? Math.min(128, recipe.batch) : recipe.batch;
  const chosen = Math.min(wanted, powerOfTwoWithin(count / fewestSteps));
  const batch = decisions.take(
    "batch",
    given.batch,
    chosen,
    chosen < wanted
      ? `${formatCount(count)} pictures: the largest power of two with at least ${fewestSteps} steps per epoch`
      : given.recipe === undefined
        ? `the recipe's is ${formatCount(recipe.batch)}; with smaller batches, more is learned from the same number of pictures`
        : `recipe ${given.recipe}`,
  );
  const parts = Math.ceil(batch / largestMicroBatch);
  const accumulate = given.accumulate ?? (batch % parts === 0 ? parts : 1);
  checkBatch(batch, accumulate, count);
  if (accumulate > 1) {
    decisions.note(
      "micro-batches",
      String(accumulate),
      given.accumulate !== undefined
        ? "given"
        : `${batch / accumulate} pictures at a time: the same step in less memory`,
    );
  }
  return { batch, accumulate };
}

function resolveLength(
  given: FinetuneConfig,
  recipe: FineTuningRecipe,
  { count, batch }: { readonly count: number; readonly batch: number },
  decisions: Decisions,
): Pick<ResolvedFinetuneConfig, "steps" | "seconds" | "warmup" | "warmupShare"> {
  checkLength(given);
  const epochSteps = stepsOfEpoch(count, batch);
  const warmupShare = recipe.warmupEpochs / recipe.epochs;
  const warmupAs = `recipe: ${recipe.warmupEpochs} of ${recipe.epochs} epochs`;
  const givenWarmup =
    given.warmupEpochs === undefined ? undefined : Math.round(given.warmupEpochs * epochSteps);
  if (given.time !== undefined) {
    decisions.note(
      "time",
      given.time,
      "given; the number of steps follows the machine's speed, which is measured during the run",
    );
    const show = (value: number | null) =>
      value === null ? `${Math.round(100 * warmupShare)} % of the steps` : `${value} steps`;
    const warmup = decisions.take("warm-up", givenWarmup, null, warmupAs, show);
    return { steps: null, seconds: parseDuration(given.time), warmup, warmupShare };
  }
  const usual =
    given.recipe !== undefined
      ? recipe.epochs
      : Math.min(recipe.epochs, Math.max(1, Math.round(picturesSeen / count)));
  const epochs = given.epochs ?? usual;
  const steps = given.steps ?? Math.max(1, Math.round(epochs * epochSteps));
  decisions.note(
    "steps",
    String(steps),
    given.steps !== undefined
      ? `given; ${(steps / epochSteps).toPrecision(3)} epochs`
      : given.epochs !== undefined
        ? `${given.epochs} epochs of ${epochSteps} steps, as given`
        : given.recipe !== undefined
          ? `recipe ${given.recipe}: ${epochs} epochs of ${epochSteps} steps`
          : `${epochs} epochs of ${epochSteps} steps; the recipe's ${recipe.epochs} are for a GPU; a longer run (--epochs, --time) learns more`,
  );
  const warmup = decisions.take(
    "warm-up",
    givenWarmup,
    Math.round(warmupShare * steps),
    warmupAs,
    (value) => `${value} steps`,
  );
  return { steps, seconds: null, warmup, warmupShare };
}

function resolveAugmentation(
  given: FinetuneConfig,
  recipe: FineTuningRecipe,
  fromRecipe: string,
  decisions: Decisions,
): Pick<ResolvedFinetuneConfig, "cropScale" | "magnitude" | "magnitudeStd" | "jitter" | "erasing"> {
  const magnitude = given.magnitude ?? recipe.magnitude;
  const magnitudeStd = given.magnitudeStd ?? recipe.magnitudeStd;
  decisions.note(
    "RandAugment",
    magnitude === 0 ? "none" : `magnitude ${magnitude} ± ${magnitudeStd}`,
    given.magnitude !== undefined || given.magnitudeStd !== undefined ? "given" : fromRecipe,
  );
  const jitter = decisions.take(
    "color jitter",
    given.jitter,
    magnitude === 0 ? recipe.colorJitter : 0,
    magnitude === 0
      ? fromRecipe
      : `the recipe's ${recipe.colorJitter} is for training without RandAugment, as timm has it`,
  );
  const erasing = decisions.take("erasing", given.erasing, recipe.erasing, fromRecipe);
  const cropScale = decisions.take(
    "crop scale",
    given.cropScale,
    0.08,
    "random resized crop of 8 % to 100 % of the picture",
  );
  return { cropScale, magnitude, magnitudeStd, jitter, erasing };
}
