import {
  add,
  affine,
  concatenate,
  crossEntropy,
  linear,
  reshape,
  scope,
  slice,
  square,
  sum,
  type Tensor,
  zeros,
} from "@splitmask/autograd";
import { minimize } from "./lbfgs.js";

/** At most so many logits are in memory at once (64 MiB). */
const LOGITS = 1 << 24;

/** Options of {@link fitLogisticRegression}. */
export interface LogisticRegressionOptions {
  /** Number of classes C. */
  readonly classes: number;
  /** λ of the penalty λ/2·‖W‖²; the bias is free. */
  readonly penalty: number;
  /** A fit to begin from, e.g. that of another penalty; zeros when left out. The optimum does not depend on it. */
  readonly start?: LogisticRegression;
  /** Most iterations of L-BFGS. Default 2000. */
  readonly maximumIterations?: number;
}

/** A fitted linear classifier. */
export interface LogisticRegression {
  /** C×D. */
  readonly weight: Tensor;
  /** C. */
  readonly bias: Tensor;
  /** Mean cross-entropy + λ/2·‖W‖² over all rows. */
  readonly loss: number;
  /** Iterations of L-BFGS. */
  readonly iterations: number;
  /** The largest element of the gradient where it stopped. */
  readonly gradient: number;
  /** Whether that is 1e-6 or less. */
  readonly converged: boolean;
}

/**
 * Multinomial logistic regression: minimizes mean cross-entropy + λ/2·‖W‖² over all rows, by L-BFGS until no element of
 * the gradient is above 1e-6 (scikit-learn, with C = 1/(λN), stops at 1e-4, which with weak penalties leaves some
 * predictions undecided). The problem is convex, so there is one result, and no learning rate to choose.
 *
 * @param features N×D, of about unit scale.
 * @param labels int32 N.
 */
export async function fitLogisticRegression(
  features: Tensor,
  labels: Tensor,
  options: LogisticRegressionOptions,
): Promise<LogisticRegression> {
  const { device } = features;
  const [rows, width] = features.shape as [number, number];
  const { classes, penalty, start, maximumIterations = 2000 } = options;
  const rowsAtOnce = Math.max(1, Math.floor(LOGITS / classes));
  /** Weight and bias are one row for L-BFGS. */
  const views = (point: Tensor) => {
    const flat = reshape(point, [point.size]);
    const weight = reshape(slice(flat, 0, 0, classes * width), [classes, width]);
    return { weight, bias: slice(flat, 0, classes * width) };
  };
  const evaluate = async (point: Tensor) => {
    const { value, gradient } = scope(device, () => {
      const leaf = point.detach();
      leaf.requiresGrad = true;
      let value: Tensor | null = null;
      for (let first = 0; first < rows; first += rowsAtOnce) {
        const last = Math.min(rows, first + rowsAtOnce);
        const { weight, bias } = views(leaf);
        const logits = linear(slice(features, 0, first, last), weight, bias);
        const losses = crossEntropy(logits, slice(labels, 0, first, last), { reduction: "sum" });
        let loss = affine(losses, 1 / rows, 0);
        if (first === 0) loss = add(loss, affine(sum(square(weight)), penalty / 2, 0));
        loss.backward();
        value = value === null ? loss.detach() : add(value, loss.detach());
      }
      return { value: value!, gradient: leaf.grad! };
    });
    const number = await value.item();
    value.dispose();
    return { value: number, gradient };
  };
  const parameters = classes * width + classes;
  const begin = scope(device, () =>
    start === undefined
      ? zeros(device, [1, parameters])
      : reshape(concatenate([reshape(start.weight, [classes * width]), start.bias], 0), [1, parameters]),
  );
  const { converged, gradient, iterations, point, value } = await minimize(begin, evaluate, {
    maximumIterations,
    tolerance: 1e-6,
  });
  const { bias, weight } = scope(device, () => views(point));
  return { weight, bias, loss: value, iterations, gradient, converged };
}
