import type { ProductPrecision } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import type { ExponentialMovingAverage, ExponentialMovingAverageOptions } from "@splitmask/optim";
import type { BestCheckpoint } from "../checkpoint/checkpointFolder.js";
import type { CheckpointFileSystem } from "../checkpoint/fileSystem.js";
import type { RunFolder } from "../runFolder/runFolder.js";
import type { BatchSource } from "./batchSource.js";
import type { TrainingEvaluation } from "./evaluation.js";
import type { TrainingEvent } from "./events.js";
import type { MetricsLogger } from "./metricsLogger.js";
import type { PlanHistory } from "./planPosition.js";
import type { NonFinitePolicy } from "./recovery.js";
import type { TimeLimit } from "./timeBudget.js";
import type { TrainingOptimizer } from "./trainingOptimizer.js";
import type { StepCount, TrainingSchedule } from "./trainingSchedule.js";
import type { TrainingTask } from "./trainingTask.js";

/**
 * How long to train: a number of steps or epochs, or a time. A time is turned into a number of steps by timing a few,
 * and again while the run goes on, where the machine is slower or faster than it was: then the schedules are stretched
 * or shortened from where they are, so that they end with the run. A run that is to be repeated to the bit has a number
 * of steps or epochs, or the plan of the one that it repeats.
 */
export type TrainingLength =
  | {
      /** Number of steps, those before a resume included. */
      readonly steps: number;
    }
  | {
      /** Times that every sample comes, on average; rounded to whole steps, at least one. */
      readonly epochs: number;
    }
  | {
      /** What a timed run's plan became: `time` in the `state.json` of its last checkpoint. */
      readonly plan: PlanHistory;
    }
  | TimeLimit;

/** A moving average of the weights beside the run. */
export type TrainingAverage = Pick<ExponentialMovingAverageOptions, "decay" | "warmup">;

/** Options of {@link train}. */
export interface TrainOptions<Batch> {
  /** The device of the model and the batches. */
  readonly device: Device;
  /** What is trained. */
  readonly task: TrainingTask<Batch>;
  /** Where the batches come from. */
  readonly batches: BatchSource<Batch>;
  /**
   * How long. A resumed run with a time limit goes on with the plan of its checkpoint and has the time that was left
   * then.
   */
  readonly length: TrainingLength;
  /** The learning rate: a cosine, a line, stairs or a constant, after a warm-up. */
  readonly schedule: TrainingSchedule;
  /** AdamW (default), SGD or LARS, with weight decay and layer-wise decay. */
  readonly optimizer?: TrainingOptimizer;
  /** Largest gradient norm; 0: no clipping. Default 3. */
  readonly clipNorm?: number;
  /**
   * `"global"`: the norm of all gradients together; `"tensor"`: each parameter's gradient is clipped by itself. Default
   * `"global"`.
   */
  readonly clipMode?: "global" | "tensor";
  /**
   * In how many equal micro-batches a batch is gone through, for less memory. The step is that of the whole batch: also
   * a loss that compares samples with each other (`crossSampleLoss`)
   * sees all of them, at the price of one more forward pass. Default 1.
   */
  readonly accumulate?: number | undefined;
  /** Keep a moving average of the weights; `TrainResult.average` has it, and checkpoints save it. Default: none. */
  readonly ema?: TrainingAverage | null | undefined;
  /**
   * Parameters that stay as they are, by names in which `*` stands for any characters, e.g.
   * `["encoder.patch_embed.*"]`. They require gradients again when the call ends. Default none.
   */
  readonly freeze?: readonly string[];
  /** Seed of all randomness in the task. Default 0. */
  readonly seed?: number;
  /** In which number format the large products are formed. Default `"float32"`. */
  readonly precision?: ProductPrecision | undefined;
  /**
   * Transformer blocks keep only their input and run once more in the backward pass: a third more time, a fraction of
   * the memory, the same bits. Default false.
   */
  readonly recompute?: boolean | undefined;
  /** Where metrics and checkpoints go; without one the run leaves nothing on the disk. The caller closes it. */
  readonly runFolder?: RunFolder;
  /** Continue after the latest checkpoint of `runFolder`, if there is one. Default `false`. */
  readonly resume?: boolean;
  /**
   * Steps between checkpoints; there is always one after the last step. As a function of the number of steps, they keep
   * their share of a run with a time limit. Default 500.
   */
  readonly checkpointEvery?: StepCount;
  /** How many of the latest checkpoints stay. Default 2. */
  readonly keepCheckpoints?: number;
  /**
   * Which one stays besides: `{ loss: "total" }` or `{ figure: "knnAccuracy", better: "higher" }`; with a figure there
   * is a checkpoint after each evaluation. null: none. Default `{ loss: "total" }`.
   */
  readonly keepBest?: BestCheckpoint | null;
  /** Measures the model every so many steps and after the last one. Default: never. */
  readonly evaluation?: TrainingEvaluation | null | undefined;
  /** What checkpoints are written with. Default the machine's file system. */
  readonly fileSystem?: CheckpointFileSystem;
  /** Steps between two looks at the task's health figures; 0: none. Default 50. */
  readonly healthEvery?: number;
  /** What happens when a loss or a gradient is not finite. */
  readonly nonFinite?: NonFinitePolicy;
  /**
   * Keep a copy of the parameters from before each step in flight (two), so that a loss that is not finite can be
   * traced to the operation that made it, and the model is left as it was before. To skip steps it is always kept, with
   * the optimizer's state. Default `true`.
   */
  readonly traceNonFinite?: boolean;
  /** Where the figures go besides the run's folder. They are closed when the run ends. */
  readonly loggers?: readonly MetricsLogger[];
  /** Aborting it ends the run after the step at hand, with a checkpoint. */
  readonly signal?: AbortSignal;
  /** The clock of a time limit, in milliseconds. Default `performance.now()`. */
  readonly clock?: () => number;
  /** Hears of everything that happens, in order. */
  readonly onEvent?: (event: TrainingEvent) => void;
}

/** What {@link train} returns. */
export interface TrainResult {
  /** `"interrupted"`: the abort signal ended the run before its last step. */
  readonly reason: "done" | "interrupted";
  /** Number of steps done, those before a resume included. */
  readonly step: number;
  /** Number of steps of the whole run. */
  readonly steps: number;
  /** Losses of the first step of this call; null if it did none. */
  readonly firstLosses: Readonly<Record<string, number>> | null;
  /** Losses of the last step; null if this call did none. */
  readonly lastLosses: Readonly<Record<string, number>> | null;
  /** Figures of the last evaluation; null where this call did none. */
  readonly lastEvaluation: Readonly<Record<string, number>> | null;
  /** Median over the last steps; null for fewer than three steps. */
  readonly imagesPerSecond: number | null;
  /**
   * Share of the time from the third step on, 0 to 1, that the device had nothing to do because a batch was not ready;
   * null for fewer than three steps.
   */
  readonly waitingShare: number | null;
  /** Time that this call took, in seconds. */
  readonly seconds: number;
  /** Folder of the last checkpoint; null without a run folder. */
  readonly checkpoint: string | null;
  /** The moving average of the weights: `average.withAverages(…)` evaluates with it; null without `ema`. */
  readonly average: ExponentialMovingAverage | null;
  /** Folder of the best one by `keepBest`; null where none is kept. */
  readonly bestCheckpoint: string | null;
}
