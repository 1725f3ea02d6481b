import type { ProductPrecision } from "@splitmask/autograd";
import type { PackedParameters } from "./packedParameters.js";

/** Which samples of a step's batch a forward pass is given. */
export interface SampleRange {
  /** The place of the first one in the batch, from 0. */
  readonly first: number;
  /** How many there are. */
  readonly count: number;
  /** How many the whole batch has. */
  readonly total: number;
}

/** What a forward pass depends on besides its inputs: handed down through every layer, never a global. */
export interface ForwardContext {
  /** Whether layers that behave differently in training (drop path) do so. */
  readonly training: boolean;
  /** The run's seed. */
  readonly seed: number;
  /** The training step; what is drawn differs from step to step. */
  readonly step: number;
  /** Share of the run's steps that come before this one, from 0 to 1: for a method's own schedules. Default 0. */
  readonly progress?: number | undefined;
  /**
   * Which samples these are, where they are not the whole batch (a micro-batch): they draw what they would draw within
   * it. Default: the whole batch.
   */
  readonly samples?: SampleRange | undefined;
  /**
   * In which number format the large matrix products and attention multiply. With `"bfloat16"`, what only products read
   * (a block's normalized tokens, the hidden layer of its MLP) is kept in bfloat16. Default `"float32"`.
   */
  readonly precision?: ProductPrecision | undefined;
  /**
   * The model's weights, packed for inference: linear layers multiply with them, in their format, instead of with their
   * own weights. Only where no gradient is recorded. Default: none.
   */
  readonly packed?: PackedParameters | undefined;
  /**
   * Transformer blocks keep nothing but their input and run once more in the backward pass (Chen et al. 2016): about a
   * third more time for a small part of the memory, with the same bits. Default false.
   */
  readonly recompute?: boolean | undefined;
}

/** The dtype of activations that only matrix products read; undefined: that of the layer's input. */
export function productDtype({ precision, packed }: ForwardContext): "bfloat16" | undefined {
  return precision === "bfloat16" && packed === undefined ? precision : undefined;
}

/** The context for inference: nothing is drawn. */
export const inference: ForwardContext = { training: false, seed: 0, step: 0 };
