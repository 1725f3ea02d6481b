import type { ProductPrecision } from "@splitmask/autograd";
import type { BestCheckpoint, CheckpointSettings } from "../checkpoint/checkpointFolder.js";
import { type CheckpointFileSystem, nodeFileSystem } from "../checkpoint/fileSystem.js";
import type { TrainingEvaluation } from "./evaluation.js";
import type { NonFinitePolicy } from "./recovery.js";
import type { TrainingAverage, TrainOptions } from "./trainOptions.js";

/** The options with their defaults, checked. */
export interface ResolvedSettings {
  /** Decay rates of the moments. */
  readonly betas: readonly [number, number];
  /** AdamW's ε. */
  readonly epsilon: number;
  /** Decoupled weight decay. */
  readonly weightDecay: number;
  /** Learning rate at the last step. */
  readonly minimum: number;
  /** The weight decay at the last step; null: it stays. */
  readonly weightDecayEnd: number | null;
  /** Layer-wise decay of the learning rate. */
  readonly layerDecay: number;
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
  readonly checkpointEvery: number;
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
  const { length, schedule, optimizer = {} } = options;
  if ("steps" in length) requireWhole("length.steps", length.steps, 1);
  else requireAtLeast("length.seconds", length.seconds, 1);
  requireAtLeast("schedule.base", schedule.base, 0);
  if (options.resume && options.runFolder === undefined) {
    throw new Error("train: resume is true but there is no runFolder. Open the run's folder and pass it.");
  }
  const settings: ResolvedSettings = {
    betas: optimizer.betas ?? [0.9, 0.999],
    epsilon: optimizer.epsilon ?? 1e-8,
    weightDecay: optimizer.weightDecay ?? 0.05,
    minimum: schedule.minimum ?? 0,
    weightDecayEnd: optimizer.weightDecayEnd ?? null,
    layerDecay: optimizer.layerDecay ?? 1,
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
  requireAtLeast("schedule.minimum", settings.minimum, 0);
  requireAtLeast("clipNorm", settings.clipNorm, 0);
  if (settings.clipMode !== "global" && settings.clipMode !== "tensor") {
    throw new RangeError(
      `train: clipMode is ${JSON.stringify(settings.clipMode)}; it must be "global" or "tensor".`,
    );
  }
  if (settings.weightDecayEnd !== null) {
    requireAtLeast("optimizer.weightDecayEnd", settings.weightDecayEnd, 0);
    if (settings.weightDecay === 0) {
      throw new RangeError(
        `train: optimizer.weightDecayEnd is ${settings.weightDecayEnd}, but optimizer.weightDecay is 0, which nothing is decayed with. Begin with a small number, e.g. 1e-6.`,
      );
    }
  }
  requireWhole("accumulate", settings.accumulate, 1);
  requireWhole("seed", settings.seed, 0);
  if (settings.precision !== "float32" && settings.precision !== "bfloat16") {
    throw new RangeError(
      `train: precision is ${JSON.stringify(settings.precision)}; it must be "float32" or "bfloat16".`,
    );
  }
  requireWhole("checkpointEvery", settings.checkpointEvery, 1);
  requireWhole("keepCheckpoints", settings.keepCheckpoints, 1);
  requireWhole("healthEvery", settings.healthEvery, 0);
  if (settings.evaluation !== null) requireWhole("evaluation.every", settings.evaluation.every, 1);
  checkBest(settings);
  checkNonFinite(settings.nonFinite, options);
  return settings;
}

function checkBest({ evaluation, keepBest }: ResolvedSettings): void {
  if (keepBest === null || "loss" in keepBest) return;
  if (keepBest.better !== "lower" && keepBest.better !== "higher") {
    throw new RangeError(
      `train: keepBest.better is ${JSON.stringify(keepBest.better)}; it must be "lower" or "higher".`,
    );
  }
  if (evaluation === null) {
    throw new Error(
      `train: keepBest names the figure ${JSON.stringify(keepBest.figure)}, but without an evaluation there are no figures. Pass one, or name a loss: { loss: "total" }.`,
    );
  }
}

function checkNonFinite<Batch>(policy: Required<NonFinitePolicy>, options: TrainOptions<Batch>): void {
  const { action, limit, rateFactor } = policy;
  if (!["stop", "skip", "rollback"].includes(action)) {
    throw new RangeError(
      `train: nonFinite.action is ${JSON.stringify(action)}; it must be "stop", "skip" or "rollback".`,
    );
  }
  requireWhole("nonFinite.limit", limit, 0);
  if (!(rateFactor > 0 && rateFactor < 1)) {
    throw new RangeError(
      `train: nonFinite.rateFactor is ${rateFactor}; it must be a number above 0 and below 1.`,
    );
  }
  if (action === "rollback" && options.runFolder === undefined) {
    throw new Error(
      'train: nonFinite.action is "rollback", but without a runFolder there is no checkpoint to go back to. Pass one, or use "skip".',
    );
  }
  if (action !== "stop" && options.task.afterStep !== undefined) {
    throw new Error(
      `train: nonFinite.action is "${action}", but what afterStep of task ${options.task.name} keeps cannot be put back. Use "stop".`,
    );
  }
}

function requireWhole(name: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw new RangeError(`train: ${name} is ${value}; it must be a whole number of at least ${least}.`);
}

function requireAtLeast(name: string, value: number, least: number): void {
  if (Number.isFinite(value) && value >= least) return;
  throw new RangeError(`train: ${name} is ${value}; it must be a number of at least ${least}.`);
}

/** What the checkpoints of a run of so many steps say that it was made with: only what changes its numbers. */
export function checkpointSettings<Batch>(
  { schedule, task }: TrainOptions<Batch>,
  settings: ResolvedSettings,
  steps: number,
): CheckpointSettings {
  const { accumulate, betas, clipMode, clipNorm, ema, epsilon, freeze } = settings;
  const { layerDecay, minimum, precision, seed, weightDecay, weightDecayEnd } = settings;
  const { base, warmupSteps: warmup = 0 } = schedule;
  const wanted = typeof warmup === "function" ? Math.round(warmup(steps)) : warmup;
  const warmupSteps = Math.max(0, Math.min(wanted, steps - 1));
  return {
    ...{ task: task.name, seed, base, minimum, warmupSteps, betas, epsilon, weightDecay, weightDecayEnd },
    ...{ layerDecay, clipNorm, clipMode, accumulate, ema, freeze, precision },
  };
}
