import type { ProductPrecision } from "@splitmask/autograd";
import { UsageError } from "../errors.js";
import { resolveColors } from "./colors.js";
import type { Config, ConfigField } from "./config.js";
import { parseDuration } from "./duration.js";

/** What is known of the pictures before training. */
export interface PictureFacts {
  /** How many pictures the folder holds. */
  readonly count: number;
  /** The median of the pictures' shorter sides, in pixels. */
  readonly shortSide: number;
}

/** A configuration with every field decided; it is what `config.json` of a run folder holds. */
export interface ResolvedConfig {
  /** Width of the tokens. */
  readonly width: number;
  /** Encoder blocks. */
  readonly depth: number;
  /** Attention heads. */
  readonly heads: number;
  /** Side of the crop in pixels. */
  readonly imageSize: number;
  /** Side of a patch in pixels. */
  readonly patch: number;
  /** Decoder blocks. */
  readonly decoderDepth: number;
  /** Stochastic depth of the encoder's last block. */
  readonly dropPath: number;
  /** Initial layer scale; null: none. */
  readonly layerScale: number | null;
  /** Where the visual words come from. */
  readonly tokenizer: "random-projection" | "random-patches" | "k-means";
  /** Number of visual words. */
  readonly vocabulary: number;
  /** Patches that random-patches and k-means are fitted to. */
  readonly tokenizerPatches: number;
  /** How patches are split. */
  readonly mask: "block" | "uniform";
  /** Smallest area of a crop. */
  readonly cropScale: number;
  /** Probability of a flip. */
  readonly flip: number;
  /** Probability of the colour jitter. */
  readonly colorJitter: number;
  /** Strength of the colour jitter. */
  readonly jitterStrength: number;
  /** Probability of grey. */
  readonly grayscale: number;
  /** Probability of the blur. */
  readonly blur: number;
  /** Probability of the solarisation. */
  readonly solarize: number;
  /** Null: measured on a sample of the pictures. */
  readonly mean: readonly [number, number, number] | null;
  /** Null: measured on a sample of the pictures. */
  readonly std: readonly [number, number, number] | null;
  /** Which pictures are used: a share, a number, or a file of indices; null: all. */
  readonly subset: string | null;
  /** So many pictures of every class; null: all. */
  readonly perClass: number | null;
  /** Largest share of unreadable pictures. */
  readonly maximumSkipped: number;
  /** Pictures a step. */
  readonly batch: number;
  /** Micro-batches a batch. */
  readonly accumulate: number;
  /** Training steps; null where `seconds` says how long to train and the speed is not known yet. */
  readonly steps: number | null;
  /** How long to train, in seconds; null where `steps` is given. */
  readonly seconds: number | null;
  /** Peak learning rate. */
  readonly learningRate: number;
  /** Learning rate at the end. */
  readonly minimumLearningRate: number;
  /** Warm-up steps; null: a twentieth of the steps, once these are known. */
  readonly warmup: number | null;
  /** AdamW's weight decay. */
  readonly weightDecay: number;
  /** Weight decay at the last step; null: it stays. */
  readonly weightDecayEnd: number | null;
  /** Largest gradient norm. */
  readonly clip: number;
  /** What the norm is taken of. */
  readonly clipMode: "global" | "tensor";
  /** Decay of the moving average of the weights; null: none. */
  readonly ema: number | null;
  /** Temperature of the match loss. */
  readonly temperature: number;
  /** Weight of the inpaint loss. */
  readonly inpaintWeight: number;
  /** Weight of the match loss. */
  readonly matchWeight: number;
  /** Negatives of the match loss. */
  readonly negatives: "other" | "both";
  /** Number format of the large products. */
  readonly precision: ProductPrecision;
  /** Whether transformer blocks run once more in the backward pass, to save memory. */
  readonly recompute: boolean;
  /** Whether decoded pictures are kept on disk. */
  readonly cache: "auto" | "on" | "off";
  /** Folder of the caches; null: the default. */
  readonly cacheFolder: string | null;
  /** Seed of all randomness. */
  readonly seed: number;
  /** Null: all cores. */
  readonly threads: number | null;
  /** Steps between checkpoints. */
  readonly checkpointEvery: number;
  /** How many of the latest checkpoints stay. */
  readonly keepCheckpoints: number;
  /** Steps between two looks at the health figures; 0: none. */
  readonly healthEvery: number;
  /** What happens when the loss or a gradient is not finite. */
  readonly onNan: "stop" | "skip" | "rollback";
}

/** One decision, for the list that is printed before training. */
export interface Choice {
  /** What was decided, in words: "image size", "batch". */
  readonly name: string;
  /** The value as it is printed. */
  readonly value: string;
  /** Why: "given", or the reason for the default. */
  readonly reason: string;
}

/** The configuration and the decisions that led to it. */
export interface Resolution {
  /** Every field, decided. */
  readonly config: ResolvedConfig;
  /** The decisions with their reasons. */
  readonly choices: readonly Choice[];
}

const namedModels = {
  tiny: { width: 192, depth: 12, heads: 3 },
  small: { width: 384, depth: 12, heads: 6 },
  base: { width: 768, depth: 12, heads: 12 },
} as const;

/** Share of unreadable pictures that is no error. */
export const defaultMaximumSkipped = 0.1;
/** Pictures that a run sees in all when neither steps nor epochs nor time are given. */
const picturesSeen = 256_000;
/** The paper's cap for small sets (table 3). */
const mostEpochs = 5_000;

/**
 * Decides every field of a pre-training run: what the user gave stands, the rest is chosen from the number and the size of the
 * pictures. A pure function.
 *
 * @param given The fields from the command line and the configuration file, already merged and checked.
 * @param facts What is known of the pictures.
 * @returns The resolved configuration and, for each decision, its reason.
 * @throws UsageError where fields contradict each other (an image size that is no multiple of the patch …).
 */
export function resolveConfig(given: Config, facts: PictureFacts): Resolution {
  const choices: Choice[] = [];
  const decide = <Value>(
    name: string,
    value: Value | undefined,
    chosen: Value,
    reason: string,
    show?: (value: Value) => string,
  ): Value => {
    const decided = value ?? chosen;
    choices.push({
      name,
      value: show ? show(decided) : String(decided),
      reason: value !== undefined ? "given" : reason,
    });
    return decided;
  };
  const pictures = facts.count.toLocaleString("en");

  const model = resolveModel(given, facts, choices);
  const { imageSize, patch } = resolveGeometry(given, facts, choices);
  const tokens = (imageSize / patch) ** 2;

  const mask = decide(
    "mask",
    given.mask,
    facts.count < 1000 ? "uniform" : "block",
    facts.count < 1000
      ? `only ${pictures} pictures: two random quarters that each predict the rest, as the paper does for its smallest sets`
      : "the paper's default: blocks, half of the patches to each branch",
  );
  if (tokens < 4)
    throw contradiction(
      "imageSize and patch",
      `${imageSize} and ${patch}: ${tokens} patches cannot be split; use a smaller patch`,
    );

  const largestBatch = 2 ** Math.floor(Math.log2(Math.max(2, Math.min(128, facts.count))));
  const batch = decide(
    "batch",
    given.batch,
    largestBatch,
    largestBatch === 128
      ? "enough negatives for the match loss, and small enough for a CPU"
      : `the largest power of two within ${pictures} pictures`,
  );
  if (batch < 2 && (given.matchWeight ?? 1) > 0) {
    throw contradiction(
      "batch",
      `${batch}, but the match loss compares pictures of one batch with each other: use 2 or more, or matchWeight 0`,
    );
  }
  if (batch > facts.count) {
    throw contradiction(
      "batch",
      `${batch}, but there are only ${pictures} pictures: use ${facts.count} or fewer`,
    );
  }
  const accumulate = given.accumulate ?? 1;
  if (batch % accumulate !== 0) {
    throw contradiction(
      "batch and accumulate",
      `${batch} and ${accumulate}: the batch must be a multiple of its micro-batches; use a batch of ${Math.ceil(batch / accumulate) * accumulate}`,
    );
  }
  const { steps, seconds } = resolveLength(given, facts, batch, choices);

  const tokenizer = decide(
    "tokenizer",
    given.tokenizer,
    "random-projection",
    "the paper's choice: as good as the others and needs no fitting",
  );
  const vocabulary = decide("vocabulary", given.vocabulary, 8192, "the paper's number of visual words");
  const tokenizerPatches = given.tokenizerPatches ?? Math.max(100_000, 12 * vocabulary);
  const learningRate = decide(
    "learning rate",
    given.learningRate,
    scaledLearningRate(batch, model.width),
    `1e-3 at batch 128 and width 128, times √(batch / 128) · √(128 / width)`,
    (value) => value.toExponential(1),
  );
  const warmup =
    given.warmup !== undefined || steps !== null
      ? decide(
          "warm-up",
          given.warmup,
          warmupSteps(steps ?? 0),
          "a twentieth of the steps",
          (value) => `${value} steps`,
        )
      : null;
  const cropScale = decide(
    "crop scale",
    given.cropScale,
    0.2,
    "random resized crop of 20 % to 100 % of the picture",
  );
  const colors = resolveColors(given, choices);
  if (given.mean === undefined && given.std !== undefined)
    throw contradiction("std", "given without mean: give both or neither");
  if (given.mean !== undefined && given.std === undefined)
    throw contradiction("mean", "given without std: give both or neither");
  const seed = decide("seed", given.seed, 0, "fixed, so that the run can be repeated");

  return {
    choices,
    config: {
      ...model,
      imageSize,
      patch,
      decoderDepth: given.decoderDepth ?? 2,
      dropPath: given.dropPath ?? 0,
      layerScale: given.layerScale ?? null,
      tokenizer,
      vocabulary,
      tokenizerPatches,
      mask,
      cropScale,
      flip: given.flip ?? 0.5,
      ...colors,
      mean: given.mean ?? null,
      std: given.std ?? null,
      subset: given.subset ?? null,
      perClass: given.perClass ?? null,
      maximumSkipped: given.maximumSkipped ?? defaultMaximumSkipped,
      batch,
      accumulate,
      steps,
      seconds,
      learningRate,
      minimumLearningRate: given.minimumLearningRate ?? learningRate / 100,
      warmup,
      weightDecay: given.weightDecay ?? 0.05,
      weightDecayEnd: given.weightDecayEnd ?? null,
      clip: given.clip ?? 3,
      clipMode: given.clipMode ?? "global",
      ema: given.ema ?? null,
      temperature: given.temperature ?? 0.2,
      inpaintWeight: given.inpaintWeight ?? 1,
      matchWeight: given.matchWeight ?? 1,
      negatives: given.negatives ?? "other",
      precision: given.precision ?? "float32",
      recompute: given.recompute ?? false,
      cache: given.cache ?? "auto",
      cacheFolder: given.cacheFolder ?? null,
      seed,
      threads: given.threads ?? null,
      checkpointEvery: given.checkpointEvery ?? (steps === null ? 200 : Math.max(50, Math.ceil(steps / 10))),
      keepCheckpoints: given.keepCheckpoints ?? 2,
      healthEvery: given.healthEvery ?? 50,
      onNan: given.onNan ?? "stop",
    },
  };
}

/**
 * Warm-up where none is given: a twentieth of the steps.
 *
 * @param steps Number of steps of the run.
 * @returns Number of warm-up steps.
 */
export function warmupSteps(steps: number): number {
  return Math.round(steps / 20);
}

/** Two significant digits of 1e-3 · √(batch / 128) · √(128 / width). */
function scaledLearningRate(batch: number, width: number): number {
  return Number((1e-3 * Math.sqrt(batch / 128) * Math.sqrt(128 / width)).toPrecision(2));
}

function contradiction(field: string, text: string): UsageError {
  return new UsageError(`${field}: ${text}.`);
}

function resolveModel(
  given: Config,
  facts: PictureFacts,
  choices: Choice[],
): { width: number; depth: number; heads: number } {
  const own = (["width", "depth", "heads"] as const).filter((field) => given[field] !== undefined);
  if (given.model !== undefined && own.length > 0) {
    throw contradiction(
      "model",
      `"${given.model}" and ${own.join(", ")} were both given; give either a name or the numbers`,
    );
  }
  const small = facts.count < 50_000;
  const chosen =
    given.model !== undefined
      ? namedModels[given.model]
      : small
        ? { width: 128, depth: 6, heads: 4 }
        : namedModels.tiny;
  const width = given.width ?? chosen.width;
  const model = { width, depth: given.depth ?? chosen.depth, heads: given.heads ?? headsFor(width, chosen) };
  if (model.width % model.heads !== 0) {
    throw contradiction(
      "width and heads",
      `${model.width} and ${model.heads}: the width must be a multiple of the heads`,
    );
  }
  choices.push({
    name: "model",
    value: `${given.model ? `${given.model}, ` : ""}width ${model.width}, depth ${model.depth}, ${model.heads} heads`,
    reason:
      given.model !== undefined || own.length > 0
        ? "given"
        : `${facts.count.toLocaleString("en")} pictures: ${small ? "a small encoder that learns quickly on a CPU" : "enough for ViT-tiny"}`,
  });
  return model;
}

/** Heads of about 32 to 64 channels that divide the width. */
function headsFor(width: number, chosen: { width: number; heads: number }): number {
  if (width === chosen.width) return chosen.heads;
  for (const channels of [64, 32, 48, 16, 8])
    if (width % channels === 0 && width / channels >= 2) return width / channels;
  return 1;
}

function resolveGeometry(
  given: Config,
  facts: PictureFacts,
  choices: Choice[],
): { imageSize: number; patch: number } {
  const side = Math.round(facts.shortSide);
  const chosenSize =
    given.patch !== undefined && given.imageSize === undefined ? 8 * given.patch : side < 48 ? 32 : 64;
  const imageSize = given.imageSize ?? chosenSize;
  const sizeReason =
    given.patch !== undefined
      ? "8 patches of the given size a side"
      : side < 48
        ? `the pictures' shorter side is ${side} pixels`
        : `the pictures' shorter side is ${side} pixels; 64 learns fast on a CPU`;
  choices.push({
    name: "image size",
    value: String(imageSize),
    reason: given.imageSize !== undefined ? "given" : sizeReason,
  });
  const patch = given.patch ?? choosePatch(imageSize);
  choices.push({
    name: "patch",
    value: String(patch),
    reason:
      given.patch !== undefined
        ? "given"
        : `${imageSize / patch}×${imageSize / patch} = ${(imageSize / patch) ** 2} patches a picture`,
  });
  if (imageSize % patch !== 0) {
    const lower = Math.max(patch, Math.floor(imageSize / patch) * patch);
    throw contradiction(
      "imageSize and patch",
      `${imageSize} and ${patch}: the image size must be a multiple of the patch; use ${lower} or ${lower + patch}`,
    );
  }
  return { imageSize, patch };
}

/** The patch that gives about 8 × 8 patches up to 128 pixels, and about 14 × 14 above. */
function choosePatch(imageSize: number): number {
  const wanted = imageSize <= 128 ? imageSize / 8 : imageSize / 14;
  let best = imageSize;
  for (let patch = 2; patch <= imageSize / 2; patch++) {
    if (imageSize % patch === 0 && Math.abs(patch - wanted) < Math.abs(best - wanted)) best = patch;
  }
  return best;
}

function resolveLength(
  given: Config,
  facts: PictureFacts,
  batch: number,
  choices: Choice[],
): { steps: number | null; seconds: number | null } {
  const lengths = (["steps", "epochs", "time"] as const).filter(
    (field: ConfigField) => given[field] !== undefined,
  );
  if (lengths.length > 1)
    throw contradiction(lengths.join(" and "), "give only one of steps, epochs and time");
  if (given.time !== undefined) {
    choices.push({
      name: "time",
      value: given.time,
      reason: "given; the speed is measured first, then the steps are fixed",
    });
    return { steps: null, seconds: parseDuration(given.time) };
  }
  const epochSteps = Math.max(1, Math.floor(facts.count / batch));
  if (given.steps !== undefined) {
    choices.push({
      name: "steps",
      value: String(given.steps),
      reason: `given; ${(given.steps / epochSteps).toPrecision(3)} epochs`,
    });
    return { steps: given.steps, seconds: null };
  }
  if (given.epochs !== undefined) {
    const steps = Math.max(1, Math.round(given.epochs * epochSteps));
    choices.push({
      name: "steps",
      value: String(steps),
      reason: `${given.epochs} epochs of ${epochSteps} steps, as given`,
    });
    return { steps, seconds: null };
  }
  const wanted = Math.ceil(Math.max(picturesSeen, 10 * facts.count) / batch);
  const capped = Math.min(wanted, mostEpochs * epochSteps);
  const epochs = Math.round(capped / epochSteps).toLocaleString("en");
  choices.push({
    name: "steps",
    value: String(capped),
    reason:
      capped < wanted
        ? `${epochs} epochs: more passes over so few pictures harm (the paper's cap)`
        : `${epochs} epochs: the paper keeps the number of updates, not of epochs; a longer run (--steps, --time) learns more`,
  });
  return { steps: capped, seconds: null };
}
