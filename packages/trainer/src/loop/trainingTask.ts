import type { Tensor } from "@splitmask/autograd";
import type { ForwardContext, Module } from "@splitmask/nn";

/** What a task's loss gives back. */
export interface TaskLoss {
  /** The scalar that is minimized. */
  readonly total: Tensor;
  /**
   * Scalars to report by name, e.g. the loss's summands or an accuracy; no gradient flows from them. Of micro-batches
   * the mean is reported.
   */
  readonly parts: Readonly<Record<string, Tensor>>;
  /**
   * What `afterStep` needs from the batch, by name, e.g. the mean of a teacher's outputs; no gradient flows from it.
   * With micro-batches, `afterStep` gets the mean over them. Default: none.
   */
  readonly statistics?: Readonly<Record<string, Tensor>>;
}

/** Some samples after the forward pass, in a task whose loss compares samples with each other. */
export interface EmbeddedSamples {
  /** What samples are compared by, e.g. each view's features: samples along the first axis. */
  readonly descriptors: readonly Tensor[];
  /**
   * The mean over these samples of what each costs by itself; null where there is no such loss. Called at most once,
   * within the same scope.
   */
  ownLoss(): TaskLoss | null;
}

/**
 * A loss that compares the samples of a batch with each other (InfoNCE), cut where the samples meet: the task's loss is
 * `embed(batch).ownLoss() + loss(embed(batch).descriptors)`. So a batch that does not fit in memory can be gone through
 * in micro-batches and still be compared as a whole (GradCache, Gao et al. 2021, arXiv 2101.06983).
 */
export interface CrossSampleLoss<Batch> {
  /**
   * The forward pass of some samples of a batch, `context.samples`; it has to draw the same whenever it is repeated.
   */
  embed(batch: Batch, context: ForwardContext): EmbeddedSamples;
  /** What the comparison costs, from the descriptors of all samples of the batch. */
  loss(descriptors: readonly Tensor[], context: ForwardContext): TaskLoss;
}

/** A figure that says, below or above a level, that a run may be going wrong. */
export interface HealthAlarm {
  /** Name of the figure, e.g. `"effectiveRank"`. */
  readonly figure: string;
  /** Something is wrong below this value. */
  readonly below?: number;
  /** Something is wrong above this value. */
  readonly above?: number;
  /** What it means, and what to try. */
  readonly advice: string;
}

/**
 * Something that can be trained: a model and its loss on a batch. The loop knows no more of a method than this.
 *
 * @typeParam Batch what the batch source yields, e.g. `ImageBatch` of `@splitmask/data`.
 */
export interface TrainingTask<Batch> {
  /** Names the method in events and checkpoints. */
  readonly name: string;
  /** What is trained and saved. */
  readonly model: Module;
  /**
   * Completes a batch before its step with what cannot be computed within one, e.g. the output of a teacher that runs
   * elsewhere. It has to give the same for the same batch. The batch that it gives is sliced and released as those of
   * the source are; what it leaves out, it has to dispose of itself. Left out: batches are used as they come.
   */
  prepare?(batch: Batch): Promise<Batch>;
  /**
   * The loss of one batch, or of the samples `context.samples` of one. Runs inside a scope, so it must be synchronous,
   * and it must draw all randomness from `context` (seed, step, counted from 0, and the samples' places in the batch):
   * then a resumed run repeats itself bit for bit.
   */
  loss(batch: Batch, context: ForwardContext): TaskLoss;
  /**
   * For a loss that is not a mean over samples: what `accumulate` needs besides. Left out or null: micro-batches are
   * independent.
   */
  readonly crossSampleLoss?: CrossSampleLoss<Batch> | null;
  /**
   * Figures that tell how well training goes, beside the losses, e.g. how much the descriptors of a batch differ:
   * scalars by name. Computed every so many steps after the step, without a graph.
   */
  health?(batch: Batch, context: ForwardContext): Readonly<Record<string, Tensor>>;
  /** When these figures say that something is wrong. They are listened to after a tenth of the steps. */
  readonly alarms?: readonly HealthAlarm[];
  /**
   * Runs on the queue after the optimizer, inside the same scope, e.g. for a teacher's moving average. It may change
   * only parameters of `model` that require no gradient: checkpoints have these, and they are put back when a step is
   * undone.
   *
   * @param context The step's, as `loss` got it.
   * @param statistics The `statistics` of the step's loss.
   */
  afterStep?(context: ForwardContext, statistics: Readonly<Record<string, Tensor>>): void;
}
