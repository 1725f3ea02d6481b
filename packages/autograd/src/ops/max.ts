import { reduceAxes, runBinary } from "../calls/broadcast.js";
import { castTo } from "../calls/cast.js";
import { clone } from "../calls/copies.js";
import { checkFloating } from "../checks.js";
import { defineOperation } from "../operation.js";
import { perform } from "../perform.js";
import { type ReducedAxes, type ReductionOptions, reducedAxes } from "../reducedAxes.js";
import { formatShape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { equal } from "./compare.js";

/** y = the largest or smallest x along the marked axes; ∂/∂x = g / how many are equal to it, at these, else 0. */
function defineExtremeAlong(name: "max" | "min", reduction: "maximum" | "minimum") {
  return defineOperation({
    name,
    forward: ({ x }: { x: Tensor }, { marked, outputShape }: ReducedAxes) => {
      const output = marked.includes(true) ? reduceAxes(x, reduction, marked, outputShape, 1) : clone(x);
      return { output, saved: { x, output } };
    },
    gradient: ({ outputGradient, saved, attributes: { marked }, needs }) => {
      if (!needs.x) return { x: null };
      const { x } = saved;
      if (!marked.includes(true)) return { x: outputGradient };
      const kept = x.shape.map((extent, axis) => (marked[axis] ? 1 : extent));
      const chosen = castTo(equal(x, saved.output.alias(kept)), x.dtype);
      const share = reduceAxes(chosen, "sum", marked, kept, 1);
      runBinary(share, "divide", outputGradient.alias(kept), share);
      return { x: runBinary(chosen, "multiply", chosen, share) };
    },
  });
}

/** ∂/∂x = g / how many are the largest, at these. */
export const maxOperation = defineExtremeAlong("max", "maximum");
/** ∂/∂x = g / how many are the smallest, at these. */
export const minOperation = defineExtremeAlong("min", "minimum");

function attributesOf(operation: string, x: Tensor, options: ReductionOptions): ReducedAxes {
  checkFloating(operation, { x });
  const attributes = reducedAxes(operation, x, options);
  if (attributes.count === 0) {
    throw new RangeError(
      `${operation}: there is no element along axes of extent 0 in ${formatShape(x.shape)}.`,
    );
  }
  return attributes;
}

/**
 * The largest element over some axes (default all, giving a scalar): PyTorch's `amax`. NaN if there is one. Elements
 * that are equally large share the gradient. `argmax` gives the place, `maximum` compares two tensors.
 *
 * @throws RangeError If there is no element.
 */
export function max(x: Tensor, options: ReductionOptions = {}): Tensor {
  return perform(maxOperation, { x }, attributesOf("max", x, options));
}

/**
 * The smallest element over some axes (default all, giving a scalar): PyTorch's `amin`. NaN if there is one. Elements
 * that are equally small share the gradient.
 *
 * @throws RangeError If there is no element.
 */
export function min(x: Tensor, options: ReductionOptions = {}): Tensor {
  return perform(minOperation, { x }, attributesOf("min", x, options));
}
