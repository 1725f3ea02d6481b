import { zerosLike } from "../calls/blocks.js";
import { runBinary, sumAxes } from "../calls/broadcast.js";
import { gemm, type ProductPrecision, sumRows } from "../calls/gemm.js";
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
  /** How many rows of logits are in memory at once. Default: as many as fit in 16 MiB, at least 64. */
  readonly sliceRows?: number;
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
  readonly sliceRows: number;
  readonly precision: ProductPrecision;
}

/**
 * ℓ = mean of crossEntropy(x·Wᵀ + b, targets). Slice by slice of rows: logits, losses, and in their place d = (softmax
 * − q)/R; then
 * ∂ℓ/∂x = d·W, ∂ℓ/∂W += dᵀ·x, ∂ℓ/∂b += Σ_rows d. The logits of one slice are all that is ever held; the backward pass
 * multiplies by g.
 */
export const linearCrossEntropyOperation = defineOperation({
  name: "linearCrossEntropy",
  forward: (
    { x, weight, bias, targets }: LinearCrossEntropyInputs,
    { smoothing, sliceRows, precision }: LinearCrossEntropyAttributes,
    needs,
  ) => {
    const { device, dtype } = x;
    const [rows, inner] = x.shape as [number, number];
    const columns = weight.shape[0]!;
    const losses = empty(device, [rows], dtype);
    const saved = {
      x: needs.x ? empty(device, x.shape, dtype) : null,
      weight: needs.weight ? zerosLike(x, weight.shape) : null,
      bias: needs.bias ? zerosLike(x, [columns]) : null,
    };
    const wanted = needs.x || needs.weight || needs.bias;
    const block = empty(device, [Math.min(sliceRows, rows), columns], dtype);
    for (let start = 0; start < rows; start += sliceRows) {
      const count = Math.min(sliceRows, rows - start);
      const logits = block.alias([count, columns]);
      const xSlice = x.alias([count, inner], start * inner);
      gemm({
        output: logits,
        a: xSlice,
        b: weight,
        bias,
        m: count,
        n: columns,
        k: inner,
        transposeB: true,
        precision,
      });
      const lossSlice = losses.alias([count], start);
      const targetSlice = targets.alias([count], start);
      device.run("crossEntropy", floatingOf(x), {
        losses: lossSlice,
        gradient: wanted ? logits : null,
        logits,
        targets: targetSlice,
        rows: count,
        columns,
        smoothing,
        gradientScale: 1 / rows,
        excludeDiagonal: -1,
      });
      if (saved.x !== null) {
        const xGradient = saved.x.alias([count, inner], start * inner);
        gemm({ output: xGradient, a: logits, b: weight, m: count, n: inner, k: columns, precision });
        xGradient.dispose();
      }
      if (saved.weight !== null) {
        gemm({
          output: saved.weight,
          a: logits,
          b: xSlice,
          m: columns,
          n: inner,
          k: count,
          transposeA: true,
          beta: 1,
          precision,
        });
      }
      if (saved.bias !== null) sumRows(saved.bias, logits, columns, true);
      for (const view of [logits, xSlice, lossSlice, targetSlice]) view.dispose();
    }
    block.dispose();
    const output = sumAxes(losses, [true], [], 1 / rows);
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
 * The mean cross-entropy of a linear layer's outputs, which are never all in memory at once. For large vocabularies.
 * Equal to `crossEntropy(linear(x, weight, bias), targets)`.
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
  const { sliceRows = Math.max(64, Math.floor((16 << 20) / (4 * columns))) } = options;
  checkSmoothing("linearCrossEntropy", smoothing);
  if (!Number.isInteger(sliceRows) || sliceRows < 1) {
    throw new RangeError(`linearCrossEntropy: sliceRows is ${sliceRows}; expected a whole number ≥ 1.`);
  }
  return perform(
    linearCrossEntropyOperation,
    { x, weight, bias, targets },
    { smoothing, sliceRows, precision },
  );
}
