import { productPrecisions } from "@splitmask/kernels";
import { reduceAxes, runBinary } from "../calls/broadcast.js";
import type { ProductPrecision } from "../calls/gemm.js";
import { checkFloating, checkIntegers, checkRank, checkSameShape } from "../checks.js";
import { defineOperation } from "../operation.js";
import { perform } from "../perform.js";
import { formatShape } from "../shape.js";
import { empty, floatingOf, type Tensor } from "../tensor.js";
import { checkSmoothing } from "./crossEntropy.js";

/** Options of `linearCrossEntropy`. */
export interface LinearCrossEntropyOptions {
  /** Label smoothing, in [0, 1). Default 0. */
  readonly smoothing?: number;
  /** The format in which the operands are multiplied. Default `"float32"`. */
  readonly precision?: ProductPrecision | undefined;
}

type LinearCrossEntropyInputs = {
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly bias: Tensor | null;
  readonly targets: Tensor;
};

interface LinearCrossEntropyAttributes {
  readonly smoothing: number;
  readonly precision: ProductPrecision;
}

/**
 * ℓ = mean of crossEntropy(x·Wᵀ + b, targets). One kernel computes the losses and, with d = (softmax − q)/R, the
 * gradients that are needed: ∂ℓ/∂x = d·W, ∂ℓ/∂W = dᵀ·x, ∂ℓ/∂b = Σ_rows d. The backward pass multiplies them by g.
 */
export const linearCrossEntropyOperation = defineOperation({
  name: "linearCrossEntropy",
  forward: (
    { x, weight, bias, targets }: LinearCrossEntropyInputs,
    { smoothing, precision }: LinearCrossEntropyAttributes,
    needs,
  ) => {
    const { device, dtype } = x;
    const [rows, inner] = x.shape as [number, number];
    const columns = weight.shape[0]!;
    const losses = empty(device, [rows], dtype);
    const saved = {
      x: needs.x ? empty(device, x.shape, dtype) : null,
      weight: needs.weight ? empty(device, weight.shape, dtype) : null,
      bias: needs.bias ? empty(device, [columns], dtype) : null,
    };
    device.run("linearCrossEntropy", floatingOf(x), {
      losses,
      xGradient: saved.x,
      weightGradient: saved.weight,
      biasGradient: saved.bias,
      x,
      weight,
      bias,
      targets,
      rows,
      columns,
      inner,
      precision: productPrecisions[precision],
      smoothing,
      gradientScale: 1 / rows,
    });
    const output = reduceAxes(losses, "sum", [true], [], 1 / rows);
    losses.dispose();
    return { output, saved };
  },
  gradient: ({ outputGradient, saved }) => {
    const scaled = (gradient: Tensor | null) =>
      gradient === null ? null : runBinary(gradient, "multiply", gradient, outputGradient);
    return { x: scaled(saved.x), weight: scaled(saved.weight), bias: scaled(saved.bias), targets: null };
  },
});

/**
 * The mean cross-entropy of a linear layer's outputs, for large vocabularies: only a slice of the outputs is in memory
 * at a time. Equal to `crossEntropy(linear(x, weight, bias), targets)`.
 *
 * @param x R×D.
 * @param weight V×D.
 * @param bias V, or null.
 * @param targets int32 R. A target of −1 gives its row a loss of NaN; any other target outside 0 … V − 1 is reported at
 * the next `await`.
 * @throws RangeError If the shapes do not fit.
 */
export function linearCrossEntropy(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  targets: Tensor,
  options: LinearCrossEntropyOptions = {},
): Tensor {
  checkFloating("linearCrossEntropy", { x, weight, bias });
  checkIntegers("linearCrossEntropy", "targets", targets);
  checkRank("linearCrossEntropy", "x", x, [2], "R×D (reshape leading axes together)");
  checkRank("linearCrossEntropy", "weight", weight, [2], "V×D");
  const [rows, inner] = x.shape as [number, number];
  const [columns, expected] = weight.shape as [number, number];
  if (inner !== expected) {
    throw new RangeError(
      `linearCrossEntropy: x is ${formatShape(x.shape)} and weight is ${formatShape(weight.shape)} (V×D): ` +
        `the widths ${inner} and ${expected} differ.`,
    );
  }
  if (rows === 0 || columns === 0) {
    throw new RangeError(
      `linearCrossEntropy: x is ${formatShape(x.shape)} and weight is ${formatShape(weight.shape)}; ` +
        "there is nothing to average.",
    );
  }
  if (bias !== null)
    checkSameShape("linearCrossEntropy", "bias", bias, [columns], "one number for each row of weight");
  checkSameShape("linearCrossEntropy", "targets", targets, [rows], "one class for each row of x");
  const { smoothing = 0, precision = "float32" } = options;
  checkSmoothing("linearCrossEntropy", smoothing);
  return perform(linearCrossEntropyOperation, { x, weight, bias, targets }, { smoothing, precision });
}
