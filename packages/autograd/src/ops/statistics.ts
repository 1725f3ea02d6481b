import { checkFloating } from "../checks.js";
import { type ReductionOptions, reducedAxes } from "../reducedAxes.js";
import { noGrad } from "../scope.js";
import { formatShape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { affine } from "./affine.js";
import { add, subtract } from "./binary.js";
import { clamp } from "./clamp.js";
import { max } from "./max.js";
import { mean, sum } from "./reductions.js";
import { reshape } from "./reshape.js";
import { exp, log, sqrt, square } from "./unary.js";

/** Options of `variance` and `standardDeviation`. */
export interface VarianceOptions extends ReductionOptions {
  /** What is taken from the number of elements before it divides. Default 1, as in PyTorch; 0: the mean of squares. */
  readonly correction?: number;
}

/**
 * The variance over some axes (default all): Σ(x − mean)² / (n − correction).
 *
 * @throws RangeError If n is not above the correction.
 */
export function variance(x: Tensor, { correction = 1, ...options }: VarianceOptions = {}): Tensor {
  checkFloating("variance", { x });
  const { count } = reducedAxes("variance", x, options);
  if (!(count > correction)) {
    throw new RangeError(
      `variance: ${count} elements of ${formatShape(x.shape)} with the correction ${correction}; ` +
        "expected more elements than that. Give { correction: 0 } for the mean of squares.",
    );
  }
  const centered = subtract(x, mean(x, { ...options, keepDimensions: true }));
  return affine(mean(square(centered), options), count / (count - correction));
}

/** The square root of `variance`. */
export function standardDeviation(x: Tensor, options: VarianceOptions = {}): Tensor {
  return sqrt(variance(x, options));
}

/** ln Σ eˣ over some axes (default all), without overflow. */
export function logSumExp(x: Tensor, options: ReductionOptions = {}): Tensor {
  // Finite, so that rows of infinities stay what they are.
  const largest = noGrad(x.device, () =>
    clamp(max(x, { ...options, keepDimensions: true }), { min: -3e38, max: 3e38 }),
  );
  const rest = log(sum(exp(subtract(x, largest)), options));
  return add(rest, reshape(largest, rest.shape));
}
