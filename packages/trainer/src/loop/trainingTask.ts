import type { Tensor } from "@splitmask/autograd";
import type { ForwardContext, Module } from "@splitmask/nn";

/** What a task's loss gives back. */
export interface TaskLoss {
  /** The scalar that is minimised. */
  readonly total: Tensor;
  /** Scalars to report by name, e.g. the loss's summands or an accuracy; no gradient flows from them. */
  readonly parts: Readonly<Record<string, Tensor>>;
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
   * The loss of one batch. Runs inside a scope, so it must be synchronous, and it must draw all randomness from
   * `context` (seed and step, counted from 0): then a resumed run repeats itself bit for bit.
   */
  loss(batch: Batch, context: ForwardContext): TaskLoss;
  /** Runs on the queue after the optimizer, e.g. a teacher's moving average. Inside the same scope. */
  afterStep?(context: ForwardContext): void;
}
