import { unaryOperations } from "@splitmask/kernels";
import { reduceAxes, runBinary } from "../calls/broadcast.js";
import { sumRows } from "../calls/gemm.js";
import { checkFloating, checkRank, checkSameShape } from "../checks.js";
import { defineOperation } from "../operation.js";
import { perform } from "../perform.js";
import { formatShape } from "../shape.js";
import { empty, floatingOf, type Tensor } from "../tensor.js";

/** Mean and variance of each column. */
export interface ColumnStatistics {
  /** C. */
  readonly mean: Tensor;
  /** C: the biased variance (divisor R). */
  readonly variance: Tensor;
}

/** Options of `batchNorm`. */
export interface BatchNormOptions {
  /** Added to the variance. Default 1e-5, PyTorch's. */
  readonly epsilon?: number;
  /**
   * Whether the statistics are those of x itself (`columnStatistics(x)`), as in training: then the gradient flows
   * through them, too. Default false: they are constants, such as running statistics.
   */
  readonly ofBatch?: boolean;
}

type BatchNormInputs = {
  readonly x: Tensor;
  readonly mean: Tensor;
  readonly variance: Tensor;
  readonly weight: Tensor | null;
  readonly bias: Tensor | null;
};

/**
 * y = x̂·w + b, x̂ = (x − μ)·r by columns, r = 1/√(σ² + ε). With h = g·w: ∂/∂x = r·h for fixed statistics, and
 * r·(h − mean(h) − x̂·mean(h·x̂)) for those of x, with means over the rows; ∂/∂w = Σ_rows g·x̂, ∂/∂b = Σ_rows g.
 */
export const batchNormOperation = defineOperation({
  name: "batchNorm",
  forward: (
    { x, mean: center, variance, weight, bias }: BatchNormInputs,
    { epsilon }: { readonly epsilon: number; readonly ofBatch: boolean },
  ) => {
    const rstd = scaled(variance, 1, epsilon);
    const { size } = rstd;
    const dtype = floatingOf(rstd);
    x.device.run("unary", dtype, { output: rstd, input: rstd, operation: unaryOperations.rsqrt, size });
    const normalized = runBinary(empty(x.device, x.shape, x.dtype), "subtract", x, center);
    runBinary(normalized, "multiply", normalized, rstd);
    const saved = { normalized, rstd, weight };
    let output = normalized;
    const into = () => (output === normalized ? empty(x.device, x.shape, x.dtype) : output);
    if (weight !== null) output = runBinary(into(), "multiply", output, weight);
    if (bias !== null) output = runBinary(into(), "add", output, bias);
    return { output, saved };
  },
  gradient: ({ outputGradient: g, saved, attributes: { ofBatch }, needs, shapes }) => {
    const { normalized, rstd, weight } = saved;
    const { device, dtype } = g;
    const [rows, columns] = shapes.x as [number, number];
    const through = needs.x && ofBatch;
    const products = needs.x || needs.weight ? empty(device, g.shape, dtype) : null;
    const along =
      needs.weight || through
        ? reduceAxes(runBinary(products!, "multiply", g, normalized), "sum", [true, false], [columns], 1)
        : null;
    const total = needs.bias || through ? sumRows(empty(device, [columns], dtype), g, columns) : null;
    let x: Tensor | null = null;
    if (needs.x) {
      const factor = empty(device, [columns], dtype);
      x = products!;
      if (through) {
        runBinary(x, "multiply", normalized, scaled(along!, 1 / rows, 0));
        runBinary(x, "subtract", g, x);
        runBinary(x, "subtract", x, scaled(total!, 1 / rows, 0));
      }
      const scale = weight === null ? rstd : runBinary(factor, "multiply", rstd, weight);
      runBinary(x, "multiply", through ? x : g, scale);
    }
    return {
      ...{ x, mean: null, variance: null },
      weight: needs.weight ? along : null,
      bias: needs.bias ? total : null,
    };
  },
});

/** scale·x + offset, without a graph. */
function scaled(x: Tensor, scale: number, offset: number): Tensor {
  const output = empty(x.device, x.shape, x.dtype);
  x.device.run("affine", floatingOf(x), { output, input: x, size: x.size, scale, offset });
  return output;
}

/**
 * Mean and biased variance of each column, over the rows. Records no graph.
 *
 * @param x R×C.
 * @throws RangeError If there is no row.
 */
export function columnStatistics(x: Tensor): ColumnStatistics {
  checkFloating("columnStatistics", { x });
  checkRank("columnStatistics", "x", x, [2], "R×C");
  const [rows, columns] = x.shape as [number, number];
  if (rows === 0) {
    throw new RangeError(
      `columnStatistics: x is ${formatShape(x.shape)}; there is no row to take a mean of.`,
    );
  }
  const overRows = (each: Tensor) => reduceAxes(each, "sum", [true, false], [columns], 1 / rows);
  const center = overRows(x);
  const squares = runBinary(empty(x.device, x.shape, x.dtype), "subtract", x, center);
  runBinary(squares, "multiply", squares, squares);
  const variance = overRows(squares);
  squares.dispose();
  return { mean: center, variance };
}

/**
 * Batch normalization (Ioffe and Szegedy 2015): normalizes each column by a mean and a variance, then scales and shifts
 * it.
 *
 * @param x R×C.
 * @param statistics C numbers each: those of the batch, in training, or running ones.
 * @param weight C, or null for 1.
 * @param bias C, or null for 0.
 * @returns R×C.
 * @throws RangeError If the shapes do not fit, or `ofBatch` is true and x has fewer than two rows.
 */
export function batchNorm(
  x: Tensor,
  statistics: ColumnStatistics,
  weight: Tensor | null = null,
  bias: Tensor | null = null,
  options: BatchNormOptions = {},
): Tensor {
  const { epsilon = 1e-5, ofBatch = false } = options;
  const { mean: center, variance } = statistics;
  checkFloating("batchNorm", { x, mean: center, variance, weight, bias });
  checkRank("batchNorm", "x", x, [2], "R×C");
  const [rows, columns] = x.shape as [number, number];
  for (const [name, given] of Object.entries({ mean: center, variance, weight, bias }))
    if (given !== null)
      checkSameShape("batchNorm", name, given, [columns], "one number for each column of x");
  if (ofBatch && rows < 2) {
    throw new RangeError(
      `batchNorm: x is ${formatShape(x.shape)}; one row alone has no variance. ` +
        "Use at least two, or running statistics.",
    );
  }
  return perform(batchNormOperation, { x, mean: center, variance, weight, bias }, { epsilon, ofBatch });
}
