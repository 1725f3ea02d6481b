import { reduceAxes, repeatTo } from "../calls/broadcast.js";
import { checkFloating } from "../checks.js";
import { defineOperation } from "../operation.js";
import { perform } from "../perform.js";
import { type ReducedAxes, type ReductionOptions, reducedAxes } from "../reducedAxes.js";
import { empty, floatingOf, type Tensor } from "../tensor.js";

interface SumAttributes extends ReducedAxes {
  readonly scale: number;
}

/** y = scale·Σ x over the marked axes, in a fixed order; ∂/∂x = scale·g, repeated along those axes. */
export const sumOperation = defineOperation({
  name: "sum",
  forward: ({ x }: { x: Tensor }, { marked, outputShape, scale }: SumAttributes) => {
    if (marked.includes(true)) return { output: reduceAxes(x, "sum", marked, outputShape, scale), saved: {} };
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
  const along = reducedAxes(operation, x, options);
  if (average && along.count === 0) {
    throw new RangeError(
      `${operation}: there is nothing to average along axes of extent 0 in ${x.shape.join("×")}.`,
    );
  }
  return perform(sumOperation, { x }, { ...along, scale: average ? 1 / along.count : 1 });
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
