import { reduceAxes, runBinary } from "../calls/broadcast.js";
import { checkFloating, checkIntegers, checkRank, checkSameShape } from "../checks.js";
import { isFloating } from "../elements.js";
import { defineOperation } from "../operation.js";
import { perform } from "../perform.js";
import { formatShape } from "../shape.js";
import { empty, floatingOf, type Tensor } from "../tensor.js";

/** Options of `crossEntropy`. */
export interface CrossEntropyOptions {
  /** Label smoothing: this share of the target is spread evenly over all classes. In [0, 1), default 0. */
  readonly smoothing?: number;
  /** `"mean"` and `"sum"` give a scalar, `"none"` one loss per row. Default `"mean"`. */
  readonly reduction?: "mean" | "sum" | "none";
  /**
   * Leaves column r + excludeDiagonal of each row r out of the softmax, so that a sample is not its own negative.
   * Default: none is left out.
   */
  readonly excludeDiagonal?: number | null;
}

interface CrossEntropyAttributes {
  readonly smoothing: number;
  readonly reduction: "mean" | "sum" | "none";
  readonly excludeDiagonal: number;
}

type CrossEntropyInputs = { readonly logits: Tensor; readonly targets: Tensor };

/**
 * Losses, and their gradient with respect to the logits where it is wanted. Without `excludeDiagonal` the targets are
 * distributions.
 */
function forwardLosses(
  { logits, targets }: CrossEntropyInputs,
  { smoothing, reduction }: Omit<CrossEntropyAttributes, "excludeDiagonal">,
  wanted: boolean,
  excludeDiagonal?: number,
): { readonly output: Tensor; readonly gradient: Tensor | null } {
  const [rows, columns] = logits.shape as [number, number];
  const { device, dtype } = logits;
  const losses = empty(device, [rows], dtype);
  const gradient = wanted ? empty(device, logits.shape, dtype) : null;
  const scale = reduction === "mean" ? 1 / rows : 1;
  const given = { losses, gradient, logits, targets, rows, columns, smoothing, gradientScale: scale };
  if (excludeDiagonal === undefined) device.run("softCrossEntropy", floatingOf(logits), given);
  else device.run("crossEntropy", floatingOf(logits), { ...given, excludeDiagonal });
  if (reduction === "none") return { output: losses, gradient };
  const output = reduceAxes(losses, "sum", [true], [], scale);
  losses.dispose();
  return { output, gradient };
}

/** rows · g, in place: g is a scalar, or one number a row. */
function scaleByGradient(rows: Tensor, outputGradient: Tensor): Tensor {
  const perRow =
    outputGradient.rank === 0 ? outputGradient.alias() : outputGradient.alias([outputGradient.size, 1]);
  runBinary(rows, "multiply", rows, perRow);
  perRow.dispose();
  return rows;
}

/**
 * ℓ[r] = ln Σ exp(x[r,:]) − Σ_c q[r,c]·x[r,c], q = (1 − s)·onehot + s/C; ∂ℓ[r]/∂x[r,:] = softmax(x[r,:]) − q[r,:], made
 * in the forward pass,
 * where the softmax is at hand; the backward pass multiplies it by g (g/R for the mean).
 */
export const crossEntropyOperation = defineOperation({
  name: "crossEntropy",
  forward: (inputs: CrossEntropyInputs, attributes: CrossEntropyAttributes, needs) => {
    const { output, gradient } = forwardLosses(inputs, attributes, needs.logits, attributes.excludeDiagonal);
    return { output, saved: { gradient } };
  },
  gradient: ({ outputGradient, saved, needs }) => ({
    logits: needs.logits ? scaleByGradient(saved.gradient!, outputGradient) : null,
    targets: null,
  }),
});

/**
 * ℓ[r] = −Σ_c q[r,c]·ln softmax(x[r,:])[c], q = (1 − s)·t + s/C; ∂ℓ[r]/∂x[r,:] = (Σ_c q[r,c])·softmax(x[r,:]) − q[r,:],
 * made in the forward pass as above;
 * ∂ℓ[r]/∂t[r,:] = −(1 − s)·ln softmax(x[r,:]).
 */
export const softCrossEntropyOperation = defineOperation({
  name: "softCrossEntropy",
  forward: (
    inputs: CrossEntropyInputs,
    attributes: Omit<CrossEntropyAttributes, "excludeDiagonal">,
    needs,
  ) => {
    const { output, gradient } = forwardLosses(inputs, attributes, needs.logits);
    return { output, saved: { gradient, logits: needs.targets ? inputs.logits : null } };
  },
  gradient: ({ outputGradient, saved, attributes, needs }) => {
    const { smoothing, reduction } = attributes;
    let targets: Tensor | null = null;
    if (needs.targets) {
      const logits = saved.logits!;
      const [rows, columns] = logits.shape as [number, number];
      targets = empty(logits.device, logits.shape, logits.dtype);
      const dtype = floatingOf(logits);
      logits.device.run("softmax", dtype, { output: targets, input: logits, rows, columns, logarithm: 1 });
      const scale = (smoothing - 1) / (reduction === "mean" ? rows : 1);
      logits.device.run("affine", dtype, {
        output: targets,
        input: targets,
        size: targets.size,
        scale,
        offset: 0,
      });
      scaleByGradient(targets, outputGradient);
    }
    return { logits: needs.logits ? scaleByGradient(saved.gradient!, outputGradient) : null, targets };
  },
});

/** Throws unless smoothing is in [0, 1). */
export function checkSmoothing(operation: string, smoothing: number): void {
  if (!(smoothing >= 0 && smoothing < 1)) {
    throw new RangeError(`${operation}: smoothing is ${smoothing}; expected a number in [0, 1).`);
  }
}

/**
 * The cross-entropy between rows of logits and their targets, as PyTorch's `cross_entropy`: logits R×C, and one class
 * per row (int32 R) or one distribution over the classes per row (R×C, from mixup or a teacher) → scalar (R with
 * reduction `"none"`). A class of −1 (none, see `argmax`) gives its row a loss and a gradient of NaN; any other class
 * outside 0 … C − 1 is reported at the next `await`.
 *
 * @throws RangeError If the shapes do not fit, or `excludeDiagonal` is given with distributions.
 */
export function crossEntropy(logits: Tensor, targets: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const { smoothing = 0, reduction = "mean", excludeDiagonal = null } = options;
  const soft = isFloating(targets.dtype);
  checkFloating("crossEntropy", soft ? { logits, targets } : { logits });
  if (!soft) checkIntegers("crossEntropy", "targets", targets);
  checkRank("crossEntropy", "logits", logits, [2], "R×C (reshape leading axes together)");
  if (soft)
    checkSameShape(
      "crossEntropy",
      "targets",
      targets,
      logits.shape,
      "one distribution over the classes for each row of logits",
    );
  else
    checkSameShape(
      "crossEntropy",
      "targets",
      targets,
      [logits.shape[0]!],
      "one class for each row of logits",
    );
  checkSmoothing("crossEntropy", smoothing);
  if (logits.size === 0) {
    throw new RangeError(
      `crossEntropy: logits is ${formatShape(logits.shape)}; there is nothing to average.`,
    );
  }
  if (!soft) {
    return perform(
      crossEntropyOperation,
      { logits, targets },
      { smoothing, reduction, excludeDiagonal: excludeDiagonal ?? -1 },
    );
  }
  if (excludeDiagonal !== null) {
    throw new RangeError(
      `crossEntropy: excludeDiagonal is ${excludeDiagonal}, ` +
        "but targets are distributions over all classes; give one class a row (int32), or leave it out.",
    );
  }
  return perform(softCrossEntropyOperation, { logits, targets }, { smoothing, reduction });
}
