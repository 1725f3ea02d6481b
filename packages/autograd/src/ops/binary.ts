import { runBinary } from "../calls/broadcast.js";
import { type Pair, performPair, reduced } from "../operands.js";
import { defineOperation } from "../operation.js";
import { broadcastShapes } from "../shape.js";
import { empty, floatingOf, type Tensor } from "../tensor.js";

/** a ∘ b in a fresh tensor of the broadcast shape. */
function combine(name: "add" | "subtract" | "multiply" | "divide", a: Tensor, b: Tensor): Tensor {
  return runBinary(empty(a.device, broadcastShapes(a.shape, b.shape)!, a.dtype), name, a, b);
}

function negated(gradient: Tensor): Tensor {
  const output = empty(gradient.device, gradient.shape, gradient.dtype);
  gradient.device.run("affine", floatingOf(gradient), {
    output,
    input: gradient,
    size: gradient.size,
    scale: -1,
    offset: 0,
  });
  return output;
}

/** ∂/∂a = g, ∂/∂b = g. */
export const addOperation = defineOperation({
  name: "add",
  forward: ({ a, b }: Pair, _: null) => ({ output: combine("add", a, b), saved: { a: null, b: null } }),
  gradient: (step) => ({
    a: step.needs.a ? reduced(step.outputGradient, step, "a") : null,
    b: step.needs.b ? reduced(step.outputGradient, step, "b") : null,
  }),
});

/** ∂/∂a = g, ∂/∂b = −g. */
export const subtractOperation = defineOperation({
  name: "subtract",
  forward: ({ a, b }: Pair, _: null) => ({ output: combine("subtract", a, b), saved: { a: null, b: null } }),
  gradient: (step) => ({
    a: step.needs.a ? reduced(step.outputGradient, step, "a") : null,
    b: step.needs.b ? reduced(negated(step.outputGradient), step, "b") : null,
  }),
});

/** ∂/∂a = g·b, ∂/∂b = g·a. */
export const multiplyOperation = defineOperation({
  name: "multiply",
  forward: ({ a, b }: Pair, _: null, needs) => ({
    output: combine("multiply", a, b),
    saved: { a: needs.b ? a : null, b: needs.a ? b : null },
  }),
  gradient: (step) => ({
    a: step.needs.a ? reduced(combine("multiply", step.outputGradient, step.saved.b!), step, "a") : null,
    b: step.needs.b ? reduced(combine("multiply", step.outputGradient, step.saved.a!), step, "b") : null,
  }),
});

/** ∂/∂a = g / b, ∂/∂b = −g·a / b². */
export const divideOperation = defineOperation({
  name: "divide",
  forward: ({ a, b }: Pair, _: null, needs) => ({
    output: combine("divide", a, b),
    saved: { a: needs.b ? a : null, b: needs.a || needs.b ? b : null },
  }),
  gradient: (step) => {
    const perB = combine("divide", step.outputGradient, step.saved.b!);
    let b: Tensor | null = null;
    if (step.needs.b) {
      const full = negated(perB);
      runBinary(full, "multiply", full, step.saved.a!);
      runBinary(full, "divide", full, step.saved.b!);
      b = reduced(full, step, "b");
    }
    if (step.needs.a) return { a: reduced(perB, step, "a"), b };
    perB.dispose();
    return { a: null, b };
  },
});

/**
 * a + b, with broadcasting as in NumPy: either is repeated along axes of extent 1, and may be a plain number.
 *
 * @throws RangeError If the shapes do not broadcast.
 */
export function add(a: Tensor | number, b: Tensor | number): Tensor {
  return performPair(addOperation, a, b);
}

/**
 * a − b, with broadcasting; either may be a plain number.
 *
 * @throws RangeError If the shapes do not broadcast.
 */
export function subtract(a: Tensor | number, b: Tensor | number): Tensor {
  return performPair(subtractOperation, a, b);
}

/**
 * a · b element by element, with broadcasting; either may be a plain number.
 *
 * @throws RangeError If the shapes do not broadcast.
 */
export function multiply(a: Tensor | number, b: Tensor | number): Tensor {
  return performPair(multiplyOperation, a, b);
}

/**
 * a / b element by element, with broadcasting; either may be a plain number.
 *
 * @throws RangeError If the shapes do not broadcast.
 */
export function divide(a: Tensor | number, b: Tensor | number): Tensor {
  return performPair(divideOperation, a, b);
}
