import { sumToShape } from "./calls/broadcast.js";
import { checkFloating } from "./checks.js";
import { full } from "./creation.js";
import { isFloating } from "./elements.js";
import type { DifferentiableOperation, GradientStep, SavedTensors } from "./operation.js";
import { perform } from "./perform.js";
import { broadcastShapes, formatShape, type Shape } from "./shape.js";
import { describe, Tensor } from "./tensor.js";

/** The inputs of an operation of two operands that are repeated to a common shape. */
export type Pair = { readonly a: Tensor; readonly b: Tensor };

/**
 * The shape to which operands are repeated.
 *
 * @throws RangeError If their shapes do not broadcast.
 */
export function commonShape(operation: string, operands: Readonly<Record<string, Tensor>>): Shape {
  const given = Object.entries(operands);
  let shape: Shape | null = [];
  for (const [, { shape: next }] of given) shape &&= broadcastShapes(shape, next);
  if (shape !== null) return shape;
  const texts = given.map(([name, tensor]) => `${name} is ${formatShape(tensor.shape)}`);
  throw new RangeError(
    `${operation}: ${texts.slice(0, -1).join(", ")} and ${texts.at(-1)}; ` +
      "aligned at the last axis, extents have to be equal or 1. " +
      "Reshape one of them, e.g. to put an axis of extent 1 where it repeats.",
  );
}

/**
 * A number as a scalar tensor of another operand's dtype, so that it is rounded as PyTorch rounds it.
 *
 * @throws RangeError If the dtype has integers and the number is none.
 */
export function scalarLike(operation: string, other: Tensor, value: number): Tensor {
  if (!isFloating(other.dtype) && other.dtype !== "bfloat16" && !Number.isInteger(value)) {
    throw new RangeError(
      `${operation}: ${value} beside ${describe(other)}; expected a whole number. ` +
        'Make the tensor floating first: cast(x, "float32").',
    );
  }
  return full(other.device, [], value, { dtype: other.dtype });
}

/**
 * Calls a function with two operands of which one may be a plain number.
 *
 * @throws TypeError If both are numbers.
 */
export function withOperands(
  operation: string,
  a: Tensor | number,
  b: Tensor | number,
  compute: (a: Tensor, b: Tensor) => Tensor,
): Tensor {
  if (a instanceof Tensor && typeof b === "number") {
    const scalar = scalarLike(operation, a, b);
    const result = compute(a, scalar);
    scalar.dispose();
    return result;
  }
  if (typeof a === "number" && b instanceof Tensor) {
    const scalar = scalarLike(operation, b, a);
    const result = compute(scalar, b);
    scalar.dispose();
    return result;
  }
  if (typeof a === "number" && typeof b === "number")
    throw new TypeError(`${operation}: a and b are numbers; expected at least one tensor.`);
  return compute(a as Tensor, b as Tensor);
}

/** Runs an operation of two floating operands, one of which may be a plain number. */
export function performPair<S extends SavedTensors>(
  operation: DifferentiableOperation<Pair, null, S>,
  a: Tensor | number,
  b: Tensor | number,
): Tensor {
  const { name } = operation;
  for (const [operand, value] of Object.entries({ a, b }))
    if (typeof value !== "number") checkFloating(name, { [operand]: value });
  return withOperands(name, a, b, (first, second) => {
    checkFloating(name, { a: first, b: second });
    commonShape(name, { a: first, b: second });
    return perform(operation, { a: first, b: second }, null);
  });
}

/**
 * The gradient summed over the axes along which its input was repeated; a fresh tensor of the full shape is given back
 * at once.
 */
export function reduced<S extends SavedTensors>(
  gradient: Tensor,
  step: GradientStep<Pair, null, S>,
  input: "a" | "b",
): Tensor {
  const result = sumToShape(gradient, step.shapes[input]!);
  if (result !== gradient && gradient !== step.outputGradient) gradient.dispose();
  return result;
}
