import { runBinaryBackward } from "../calls/binaryBackward.js";
import { runBinary } from "../calls/broadcast.js";
import { type Pair, performPair, reduced } from "../operands.js";
import { defineOperation } from "../operation.js";
import { broadcastShapes } from "../shape.js";
import { empty, type Tensor } from "../tensor.js";
import { reciprocal, rsqrt, sqrt, square } from "./unary.js";

/** y = aᵇ; ∂/∂a = g·b·aᵇ⁻¹ (0 where b is 0), ∂/∂b = g·aᵇ·ln a (0 where a is 0 and b ≥ 0). */
export const powOperation = defineOperation({
  name: "pow",
  forward: ({ a, b }: Pair, _: null) => {
    const shape = broadcastShapes(a.shape, b.shape)!;
    return { output: runBinary(empty(a.device, shape, a.dtype), "power", a, b), saved: { a, b } };
  },
  gradient: (step) => {
    const { outputGradient: g, saved, needs } = step;
    const b = needs.b
      ? reduced(
          runBinaryBackward(empty(g.device, g.shape, g.dtype), "exponent", g, saved.a, saved.b),
          step,
          "b",
        )
      : null;
    const a = needs.a
      ? reduced(runBinaryBackward(step.writableGradient(), "base", g, saved.a, saved.b), step, "a")
      : null;
    return { a, b };
  },
});

/** Exponents that have an operation of their own, as in PyTorch. */
const simpler = new Map<number, (x: Tensor) => Tensor>([
  [2, square],
  [0.5, sqrt],
  [-0.5, rsqrt],
  [-1, reciprocal],
]);

/**
 * a to the power of b element by element, with broadcasting; either may be a plain number. Zeros, infinities and NaN as
 * in C: 1 where b is 0, NaN where a is negative and b no whole number.
 *
 * @throws RangeError If the shapes do not broadcast.
 */
export function pow(a: Tensor | number, b: Tensor | number): Tensor {
  const special = typeof b === "number" && typeof a !== "number" ? simpler.get(b) : undefined;
  return special === undefined ? performPair(powOperation, a, b) : special(a as Tensor);
}
