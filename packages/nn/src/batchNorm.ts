import { affine, batchNorm, columnStatistics, ones, type Tensor, zeros } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import type { ForwardContext } from "./forwardContext.js";
import { Module } from "./module.js";
import { Parameter } from "./parameter.js";

/** Sizes of a `BatchNorm1d`. */
export interface BatchNormLayerOptions {
  /** C, the number of columns: PyTorch's `num_features`. */
  readonly width: number;
  /** Added to the variance. Default 1e-5. */
  readonly epsilon?: number;
  /** Whether columns are scaled and shifted by learned numbers. Default true. */
  readonly affine?: boolean;
}

/** The statistics of a batch, which running statistics are updated with. */
export interface BatchStatistics {
  /** C. */
  readonly mean: Tensor;
  /** C: the unbiased variance (divisor R − 1). */
  readonly variance: Tensor;
}

/**
 * Normalizes each column over the rows, then scales and shifts it: R×C → R×C. In training by the batch's own mean and
 * variance, else by the running ones. Parameters: `weight` (ones), `bias` (zeros), and without gradients `running_mean`
 * (zeros) and `running_var` (ones), C numbers each; PyTorch's `num_batches_tracked` is not kept.
 *
 * Unlike in PyTorch, a forward pass does not update the running statistics: do so after the step, from the statistics
 * that `observe` gets, with `updateAverages` of `@splitmask/optim`.
 */
export class BatchNorm1d extends Module {
  /** C, or null. */
  readonly weight: Parameter | null;
  /** C, or null. */
  readonly bias: Parameter | null;
  /** C. */
  readonly running_mean: Parameter;
  /** C. */
  readonly running_var: Parameter;
  /** Added to the variance. */
  readonly epsilon: number;

  /** Starts with weight 1, bias 0, running mean 0 and running variance 1. */
  constructor(device: Device, options: BatchNormLayerOptions) {
    super();
    const { affine: isAffine = true, epsilon = 1e-5, width } = options;
    const begin = (make: typeof ones) => Parameter.begin(device, () => make(device, [width]));
    this.weight = isAffine ? begin(ones) : null;
    this.bias = isAffine ? begin(zeros) : null;
    this.running_mean = begin(zeros);
    this.running_var = begin(ones);
    this.running_mean.requiresGrad = false;
    this.running_var.requiresGrad = false;
    this.epsilon = epsilon;
  }

  /**
   * @param x R×C; in training R ≥ 2.
   * @param context Whether it is training.
   * @param observe In training, is called with the statistics of the batch.
   * @returns R×C.
   */
  forward(
    x: Tensor,
    { training }: Pick<ForwardContext, "training">,
    observe?: (statistics: BatchStatistics) => void,
  ): Tensor {
    const { bias, epsilon, running_mean: mean, running_var: variance, weight } = this;
    if (!training) return batchNorm(x, { mean, variance }, weight, bias, { epsilon });
    const own = columnStatistics(x);
    const rows = x.shape[0]!;
    observe?.({ mean: own.mean, variance: affine(own.variance, rows / (rows - 1), 0) });
    return batchNorm(x, own, weight, bias, { epsilon, ofBatch: true });
  }
}
