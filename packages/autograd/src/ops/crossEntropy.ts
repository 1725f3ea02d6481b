import { runBinary, sumAxes } from "../calls/broadcast.js";
import { checkFloating, checkIntegers, checkRank, checkSameShape } from "../checks.js";
import { defineOperation, perform } from "../operation.js";
import { formatShape } from "../shape.js";
import { empty, floatingOf, type Tensor } from "../tensor.js";

/** Options of `crossEntropy`. */
export interface CrossEntropyOptions {
  /** Label smoothing: this share of the target is spread evenly over all classes. In [0, 1), default 0. */
  readonly smoothing?: number;
  /** `"mean"` and `"sum"` give a scalar, `"none"` one loss a row. Default mean. */
  readonly reduction?: "mean" | "sum" | "none";
  /** Leaves column r + excludeDiagonal of each row r out of the softmax: a sample is not its own negative. Default none. */
  readonly excludeDiagonal?: number | null;
}

interface CrossEntropyAttributes {
  readonly smoothing: number;
  readonly reduction: "mean" | "sum" | "none";
  readonly excludeDiagonal: number;
}

type CrossEntropyInputs = { readonly logits: Tensor; readonly targets: Tensor };

/**
 * ℓ[r] = ln Σ exp(x[r,:]) − Σ_c q[r,c]·x[r,c], q = (1 − s)·onehot + s/C; ∂ℓ[r]/∂x[r,:] = softmax(x[r,:]) − q[r,:], made in the forward pass,
 * where the softmax is at hand; the backward pass multiplies it by g (g/R for the mean).
 */
export const crossEntropyOperation = defineOperation({
  name: "crossEntropy",
  forward: ({ logits, targets }: CrossEntropyInputs, attributes: CrossEntropyAttributes, needs) => {
    const { smoothing, reduction, excludeDiagonal } = attributes;
    const [rows, columns] = logits.shape as [number, number];
    const { device, dtype } = logits;
    const losses = empty(device, [rows], dtype);
    const gradient = needs.logits ? empty(device, logits.shape, dtype) : null;
    const scale = reduction === "mean" ? 1 / rows : 1;
    device.run("crossEntropy", floatingOf(logits), {
      losses,
      gradient,
      logits,
      targets,
      rows,
      columns,
      smoothing,
      gradientScale: scale,
      excludeDiagonal,
    });
    if (reduction === "none") return { output: losses, saved: { gradient } };
    const output = sumAxes(losses, [true], [], scale);
    losses.dispose();
    return { output, saved: { gradient } };
  },
  gradient: ({ outputGradient, saved, needs }) => {
    if (!needs.logits) return { logits: null, targets: null };
    const gradient = saved.gradient!;
    const perRow =
      outputGradient.rank === 0 ? outputGradient.alias() : outputGradient.alias([outputGradient.size, 1]);
    runBinary(gradient, "multiply", gradient, perRow);
    perRow.dispose();
    return { logits: gradient, targets: null };
  },
});

/** Throws unless smoothing is in [0, 1). */
export function checkSmoothing(operation: string, smoothing: number): void {
  if (!(smoothing >= 0 && smoothing < 1)) {
    throw new RangeError(`${operation}: smoothing is ${smoothing}; expected a number in [0, 1).`);
  }
}

/**
 * The cross-entropy between rows of logits and the classes they should have: R×C and int32 R → scalar (R with reduction `"none"`).
 * A target outside 0 … C − 1 is reported at the next `await`.
 *
 * @throws RangeError If the shapes do not fit.
 */
export function crossEntropy(logits: Tensor, targets: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const { smoothing = 0, reduction = "mean", excludeDiagonal = null } = options;
  checkFloating("crossEntropy", { logits });
  checkIntegers("crossEntropy", "targets", targets);
  checkRank("crossEntropy", "logits", logits, [2], "R×C (reshape leading axes together)");
  checkSameShape("crossEntropy", "targets", targets, [logits.shape[0]!], "one class for each row of logits");
  checkSmoothing("crossEntropy", smoothing);
  if (logits.size === 0) {
    throw new RangeError(
      `crossEntropy: logits is ${formatShape(logits.shape)}; there is nothing to average.`,
    );
  }
  return perform(
    crossEntropyOperation,
    { logits, targets },
    { smoothing, reduction, excludeDiagonal: excludeDiagonal ?? -1 },
  );
}
