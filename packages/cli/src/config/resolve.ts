import { resolveColors } from "./colors.js";
import type { Config } from "./config.js";
import { type Choice, contradiction, Decisions } from "./decisions.js";
import type { PictureFacts } from "./facts.js";
import { resolveBatch } from "./resolveBatch.js";
import type { ResolvedConfig } from "./resolvedConfig.js";
import { resolveGeometry } from "./resolveGeometry.js";
import { resolveLength, warmupSteps } from "./resolveLength.js";
import { resolveModel } from "./resolveModel.js";
import { resolveMonitor } from "./resolveMonitor.js";
import { resolveOptimization } from "./resolveOptimization.js";

export type { Choice } from "./decisions.js";
export type { PictureFacts } from "./facts.js";
export type { ResolvedConfig } from "./resolvedConfig.js";
export { warmupSteps } from "./resolveLength.js";

/** The configuration and the decisions that led to it. */
export interface Resolution {
  /** Every field, decided. */
  readonly config: ResolvedConfig;
  /** The decisions with their reasons. */
  readonly choices: readonly Choice[];
}

/** Share of unreadable pictures that is no error. */
export const defaultMaximumSkipped = 0.1;

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
  const decisions = new Decisions();
  const pictures = facts.count.toLocaleString("en");

  const model = resolveModel(given, facts, decisions);
  const { imageSize, patch } = resolveGeometry(given, facts, decisions);
  const tokens = (imageSize / patch) ** 2;

  const mask = decisions.take(
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

  const { batch, accumulate } = resolveBatch(given, facts, decisions);
  const { steps, seconds } = resolveLength(given, facts, batch, decisions);

  const tokenizer = decisions.take(
    "tokenizer",
    given.tokenizer,
    "random-projection",
    "the paper's choice: as good as the others and needs no fitting",
  );
  const vocabulary = decisions.take(
    "vocabulary",
    given.vocabulary,
    8192,
    "the paper's number of visual words",
  );
  const tokenizerPatches = given.tokenizerPatches ?? Math.max(100_000, 12 * vocabulary);
  const learningRate = decisions.take(
    "learning rate",
    given.learningRate,
    scaledLearningRate(batch, model.width),
    `1e-3 at batch 128 and width 128, times √(batch / 128) · √(128 / width)`,
    (value) => value.toExponential(1),
  );
  const warmup =
    given.warmup !== undefined || steps !== null
      ? decisions.take(
          "warm-up",
          given.warmup,
          warmupSteps(steps ?? 0),
          "a twentieth of the steps",
          (value) => `${value} steps`,
        )
      : null;
  const cropScale = decisions.take(
    "crop scale",
    given.cropScale,
    0.2,
    "random resized crop of 20 % to 100 % of the picture",
  );
  const colors = resolveColors(given, decisions);
  if (given.mean === undefined && given.std !== undefined)
    throw contradiction("std", "given without mean: give both or neither");
  if (given.mean !== undefined && given.std === undefined)
    throw contradiction("mean", "given without std: give both or neither");
  const seed = decisions.take("seed", given.seed, 0, "fixed, so that the run can be repeated");

  return {
    choices: decisions.choices,
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
      ...resolveOptimization(given),
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
      ...resolveMonitor(given, steps, decisions),
      onNan: given.onNan ?? "stop",
    },
  };
}

/** Two significant digits of 1e-3 · √(batch / 128) · √(128 / width). */
function scaledLearningRate(batch: number, width: number): number {
  return Number((1e-3 * Math.sqrt(batch / 128) * Math.sqrt(128 / width)).toPrecision(2));
}
