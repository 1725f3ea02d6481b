import type { ProductPrecision } from "@splitmask/autograd";
import type { BestCheckpoint } from "../checkpoint/checkpointFolder.js";
import { type CheckpointFileSystem, nodeFileSystem } from "../checkpoint/fileSystem.js";
import type { TrainingEvaluation } from "./evaluation.js";
import type { NonFinitePolicy } from "./recovery.js";
import { requireAbove, requireAtLeast, requireKind, requireWhole } from "./requirements.js";
import { type ResolvedOptimizer, resolveOptimizer } from "./trainingOptimizer.js";
import { checkSchedule, type StepCount } from "./trainingSchedule.js";
import type { TrainingAverage, TrainingLength, TrainOptions } from "./trainOptions.js";

/** The options with their defaults, checked. */
export interface ResolvedSettings {
  /** How parameters are changed. */
  readonly optimizer: ResolvedOptimizer;
  /** Largest gradient norm; 0: no clipping. */
  readonly clipNorm: number;
  /** What the norm is taken of. */
  readonly clipMode: "global" | "tensor";
  /** Micro-batches a batch. */
  readonly accumulate: number;
  /** The moving average's options, or null. */
  readonly ema: TrainingAverage | null;
  /** Names of parameters that stay as they are. */
  readonly freeze: readonly string[];
  /** Seed of all randomness. */
  readonly seed: number;
  /** Number format of the large products. */
  readonly precision: ProductPrecision;
  /** Whether transformer blocks run once more in the backward pass. */
  readonly recompute: boolean;
  /** Steps between checkpoints. */
  readonly checkpointEvery: StepCount;
  /** How many of the latest checkpoints stay. */
  readonly keepCheckpoints: number;
  /** Which one stays besides. */
  readonly keepBest: BestCheckpoint | null;
  /** Measures the model, or null. */
  readonly evaluation: TrainingEvaluation | null;
  /** What checkpoints are written with. */
  readonly fileSystem: CheckpointFileSystem;
  /** Steps between two looks at the task's health figures; 0: none. */
  readonly healthEvery: number;
  /** What happens when a loss or a gradient is not finite. */
  readonly nonFinite: Required<NonFinitePolicy>;
  /** Whether what stood before a step is kept. */
  readonly traceNonFinite: boolean;
}

/**
 * Fills in the defaults.
 *
 * @throws RangeError naming the option that makes no sense.
 */
export function resolveSettings<Batch>(options: TrainOptions<Batch>): ResolvedSettings {
  const { length, schedule } = options;
  checkLength(length);
  checkSchedule(schedule);
  if (options.resume && options.runFolder === undefined) {
    throw new Error("train: resume is true but there is no runFolder. Open the run's folder and pass it.");
  }
  const settings: ResolvedSettings = {
    optimizer: resolveOptimizer(options.optimizer ?? {}),
    clipNorm: options.clipNorm ?? 3,
    clipMode: options.clipMode ?? "global",
    accumulate: options.accumulate ?? 1,
    ema: options.ema ?? null,
    freeze: options.freeze ?? [],
    seed: options.seed ?? 0,
    precision: options.precision ?? "float32",
    recompute: options.recompute ?? false,
    checkpointEvery: options.checkpointEvery ?? 500,
    keepCheckpoints: options.keepCheckpoints ?? 2,
    keepBest: options.keepBest === undefined ? { loss: "total" } : options.keepBest,
    evaluation: options.evaluation ?? null,
    fileSystem: options.fileSystem ?? nodeFileSystem,
    healthEvery: options.healthEvery ?? 50,
    nonFinite: { action: "stop", limit: 10, rateFactor: 0.5, ...options.nonFinite },
    traceNonFinite: (options.traceNonFinite ?? true) || options.nonFinite?.action === "skip",
  };
  requireAtLeast("clipNorm", settings.clipNorm, 0);
  requireKind("clipMode", settings.clipMode, ["global", "tensor"]);
  requireWhole("accumulate", settings.accumulate, 1);
  requireWhole("seed", settings.seed, 0);
  requireKind("precision", settings.precision, ["float32", "bfloat16"]);
  requireSteps("checkpointEvery", settings.checkpointEvery);
  requireWhole("keepCheckpoints", settings.keepCheckpoints, 1);
  requireWhole("healthEvery", settings.healthEvery, 0);
  if (settings.evaluation !== null) requireSteps("evaluation.every", settings.evaluation.every);
  checkBest(settings);
  checkNonFinite(settings.nonFinite, options);
  return settings;
}

function checkLength(length: TrainingLength): void {
  if ("steps" in length) requireWhole("length.steps", length.steps, 1);
  else if ("epochs" in length) requireAbove("length.epochs", length.epochs, 0);
  else if ("plan" in length) requireWhole("length.plan.firstSteps", length.plan.firstSteps, 1);
  else {
    requireAtLeast("length.seconds", length.seconds, 1);
    for (const name of ["elapsed", "afterwards", "decoding"] as const)
      requireAtLeast(`length.${name}`, length[name] ?? 0, 0);
    if (length.secondsPerStep !== undefined) requireAbove("length.secondsPerStep", length.secondsPerStep, 0);
  }
}

/** Checks a number of steps; what a function gives is rounded, and at least 1. */
function requireSteps(name: string, value: StepCount): void {
  if (typeof value !== "function") requireWhole(name, value, 1);
}

function checkBest({ evaluation, keepBest }: ResolvedSettings): void {
  if (keepBest === null || "loss" in keepBest) return;
  requireKind("keepBest.better", keepBest.better, ["lower", "higher"]);
  if (evaluation === null) {
    throw new Error(
      `train: keepBest names the figure ${JSON.stringify(keepBest.figure)}, ` +
        'but without an evaluation there are no figures. Pass one, or name a loss: { loss: "total" }.',
    );
  }
}

function checkNonFinite<Batch>(policy: Required<NonFinitePolicy>, options: TrainOptions<Batch>): void {
  const { action, limit, rateFactor } = policy;
  requireKind("nonFinite.action", action, ["stop", "skip", "rollback"]);
  requireWhole("nonFinite.limit", limit, 0);
  if (!(rateFactor > 0 && rateFactor < 1)) {
    throw new RangeError(
      `train: nonFinite.rateFactor is ${rateFactor}; it must be a number above 0 and below 1.`,
    );
  }
  if (action === "rollback" && options.runFolder === undefined) {
    throw new Error(
      'train: nonFinite.action is "rollback", ' +
        'but without a runFolder there is no checkpoint to go back to. Pass one, or use "skip".',
    );
  }
}
