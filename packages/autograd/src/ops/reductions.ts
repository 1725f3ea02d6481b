import { repeatTo, sumAxes } from "../calls/broadcast.js";
import { checkFloating } from "../checks.js";
import { defineOperation } from "../operation.js";
import { perform } from "../perform.js";
import { resolveAxis, type Shape, sizeOf } from "../shape.js";
import { empty, floatingOf, type Tensor } from "../tensor.js";

/** Options of `sum` and `mean`. */
export interface ReductionOptions {
  /** The axes to reduce, negative ones counted from the end; default all. */
  readonly axes?: number | readonly number[];
  /** Whether the reduced axes stay, with extent 1. Default false. */
  readonly keepDimensions?: boolean;
}

interface ReductionAttributes {
  readonly marked: readonly boolean[];
  readonly outputShape: Shape;
  readonly scale: number;
}

/** y = scale·Σ x over the marked axes, in a fixed order; ∂/∂x = scale·g, repeated along those axes. */
export const sumOperation = defineOperation({
  name: "sum",
  forward: ({ x }: { x: Tensor }, { marked, outputShape, scale }: ReductionAttributes) => {
    if (marked.includes(true)) return { output: sumAxes(x, marked, outputShape, scale), saved: {} };
    const output = empty(x.device, outputShape, x.dtype);
    x.device.run("affine", floatingOf(x), { output, input: x, size: x.size, scale, offset: 0 });
    return { output, saved: {} };
  },
  gradient: ({ outputGradient, attributes, needs, shapes }) => {
    if (!needs.x) return { x: null };
    const aligned = outputGradient.alias(
      shapes.x.map((extent, axis) => (attributes.marked[axis] ? 1 : extent)),
    );
    const x = repeatTo(shapes.x, aligned, attributes.scale);
    aligned.dispose();
    return { x };
  },
});

function reduce(operation: string, x: Tensor, options: ReductionOptions, average: boolean): Tensor {
  checkFloating(operation, { x });
  const { axes = x.shape.map((_, axis) => axis), keepDimensions = false } = options;
  const marked = new Array<boolean>(x.rank).fill(false);
  for (const axis of typeof axes === "number" ? [axes] : axes)
    marked[resolveAxis(operation, axis, x.rank)] = true;
  const outputShape = keepDimensions
    ? x.shape.map((extent, axis) => (marked[axis] ? 1 : extent))
    : x.shape.filter((_, axis) => !marked[axis]);
  const count = sizeOf(x.shape.filter((_, axis) => marked[axis]));
  if (average && count === 0) {
    throw new RangeError(
      `${operation}: there is nothing to average along axes of extent 0 in ${x.shape.join("×")}.`,
    );
  }
  return perform(sumOperation, { x }, { marked, outputShape, scale: average ? 1 / count : 1 });
}

/** The sum over some axes (default all, giving a scalar), e.g. `sum(x, { axes: [0, -1] })`. */
export function sum(x: Tensor, options: ReductionOptions = {}): Tensor {
  return reduce("sum", x, options, false);
}

/**
 * The mean over some axes (default all, giving a scalar).
 *
 * @throws RangeError If there is nothing to average.
 */
export function mean(x: Tensor, options: ReductionOptions = {}): Tensor {
  return reduce("mean", x, options, true);
}
