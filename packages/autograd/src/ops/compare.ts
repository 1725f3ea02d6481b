import { anyElementTypes, comparisons } from "@splitmask/kernels";
import { broadcastNumbers } from "../calls/strided.js";
import { describeOther } from "../copies.js";
import { commonShape, withOperands } from "../operands.js";
import { describe, empty, floatingOf, Tensor } from "../tensor.js";

// Comparisons have no gradient. Their result is a condition: uint8 of 1 (true) and 0 (false), as `where` takes it.

function compare(name: keyof typeof comparisons, a: Tensor | number, b: Tensor | number): Tensor {
  return withOperands(name, a, b, (first, second) => {
    for (const [operand, value] of Object.entries({ a: first, b: second }))
      if (!(value instanceof Tensor)) throw new TypeError(`${name}: ${operand} is ${describeOther(value)}.`);
    if (first.dtype !== second.dtype) {
      throw new TypeError(
        `${name}: a is ${describe(first)} and b is ${describe(second)}; both need the same dtype. ` +
          `Cast one of them, e.g. cast(b, "${first.dtype}").`,
      );
    }
    const output = empty(first.device, commonShape(name, { a: first, b: second }), "uint8");
    const { dtype } = first;
    const isDtype = dtype === "float32" || dtype === "float64";
    first.device.run("compare", isDtype ? floatingOf(first) : "float32", {
      output,
      a: first,
      b: second,
      operation: comparisons[name],
      operandType: anyElementTypes[isDtype ? "dtype" : dtype],
      ...broadcastNumbers(output.shape, { a: first, b: second }),
    });
    return output;
  });
}

/**
 * Where a = b: a condition of the shape to which both broadcast, uint8 of 1 and 0. Operands of any one dtype, either a
 * plain number. NaN equals nothing. No gradient.
 *
 * @throws RangeError If the shapes do not broadcast.
 */
export function equal(a: Tensor | number, b: Tensor | number): Tensor {
  return compare("equal", a, b);
}

/** Where a ≠ b, as `equal`; `notEqual(x, x)` is where x is NaN. */
export function notEqual(a: Tensor | number, b: Tensor | number): Tensor {
  return compare("notEqual", a, b);
}

/** Where a < b, as `equal`. */
export function less(a: Tensor | number, b: Tensor | number): Tensor {
  return compare("less", a, b);
}

/** Where a ≤ b, as `equal`. */
export function lessEqual(a: Tensor | number, b: Tensor | number): Tensor {
  return compare("lessEqual", a, b);
}

/** Where a > b, as `equal`. */
export function greater(a: Tensor | number, b: Tensor | number): Tensor {
  return compare("greater", a, b);
}

/** Where a ≥ b, as `equal`. */
export function greaterEqual(a: Tensor | number, b: Tensor | number): Tensor {
  return compare("greaterEqual", a, b);
}
