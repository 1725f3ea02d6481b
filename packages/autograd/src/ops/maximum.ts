import { runBinaryBackward } from "../calls/binaryBackward.js";
import { runBinary } from "../calls/broadcast.js";
import { type Pair, performPair, reduced } from "../operands.js";
import { defineOperation } from "../operation.js";
import { broadcastShapes } from "../shape.js";
import { empty, type Tensor } from "../tensor.js";

/** The larger or smaller of both; ∂/∂a = g where a is chosen, g/2 where both are equal, else 0; likewise for b. */
function defineExtreme(name: "maximum" | "minimum") {
  return defineOperation({
    name,
    forward: ({ a, b }: Pair, _: null) => {
      const shape = broadcastShapes(a.shape, b.shape)!;
      return { output: runBinary(empty(a.device, shape, a.dtype), name, a, b), saved: { a, b } };
    },
    gradient: (step) => {
      const { outputGradient: g, saved, needs } = step;
      const b = needs.b
        ? reduced(runBinaryBackward(empty(g.device, g.shape, g.dtype), name, g, saved.b, saved.a), step, "b")
        : null;
      const a = needs.a
        ? reduced(runBinaryBackward(step.writableGradient(), name, g, saved.a, saved.b), step, "a")
        : null;
      return { a, b };
    },
  });
}

/** ∂/∂a = g where a > b or one is NaN, g/2 where both are equal, else 0. */
export const maximumOperation = defineExtreme("maximum");
/** ∂/∂a = g where a < b or one is NaN, g/2 where both are equal, else 0. */
export const minimumOperation = defineExtreme("minimum");

/**
 * The larger of a and b element by element, with broadcasting; either may be a plain number. NaN where one is NaN.
 * Where both are equal, each gets half of the gradient. For the largest element of a tensor see `max`.
 *
 * @throws RangeError If the shapes do not broadcast.
 */
export function maximum(a: Tensor | number, b: Tensor | number): Tensor {
  return performPair(maximumOperation, a, b);
}

/**
 * The smaller of a and b element by element, with broadcasting; either may be a plain number. NaN where one is NaN.
 * Where both are equal, each gets half of the gradient. For the smallest element of a tensor see `min`.
 *
 * @throws RangeError If the shapes do not broadcast.
 */
export function minimum(a: Tensor | number, b: Tensor | number): Tensor {
  return performPair(minimumOperation, a, b);
}
