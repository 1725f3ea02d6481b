import { sumToShape } from "../calls/broadcast.js";
import { broadcastNumbers } from "../calls/strided.js";
import { describeOther } from "../copies.js";
import { full } from "../creation.js";
import { bytesPerElement } from "../elements.js";
import { commonShape, scalarLike } from "../operands.js";
import { defineOperation } from "../operation.js";
import { perform } from "../perform.js";
import type { Shape } from "../shape.js";
import { describe, empty, Tensor } from "../tensor.js";

type WhereInputs = { readonly condition: Tensor; readonly input: Tensor; readonly other: Tensor };

/** condition ? a : b in a fresh tensor of the given shape, to which all are repeated. */
function choose(shape: Shape, condition: Tensor, a: Tensor, b: Tensor): Tensor {
  const output = empty(a.device, shape, a.dtype);
  a.device.run("where", bytesPerElement(a.dtype) === 8 ? "float64" : "float32", {
    output,
    condition,
    a,
    b,
    ...broadcastNumbers(shape, { condition, a, b }),
  });
  return output;
}

/** y = input where the condition is true, else other; ∂/∂input = g where it is true, ∂/∂other = g where it is not. */
export const whereOperation = defineOperation({
  name: "where",
  forward: ({ condition, input, other }: WhereInputs, _: null) => ({
    output: choose(commonShape("where", { condition, input, other }), condition, input, other),
    saved: { condition },
  }),
  gradient: ({ outputGradient: g, saved: { condition }, needs, shapes }) => {
    const zero = full(g.device, [], 0, { dtype: g.dtype });
    return {
      condition: null,
      input: needs.input ? sumToShape(choose(g.shape, condition, g, zero), shapes.input) : null,
      other: needs.other ? sumToShape(choose(g.shape, condition, zero, g), shapes.other) : null,
    };
  },
});

/**
 * `input` where the condition is true, `other` elsewhere, with broadcasting. Chosen, not multiplied: a NaN that is not
 * chosen does not show, nor its gradient.
 *
 * @param condition uint8, true where it is not 0: the result of `greater`, `equal` and the like.
 * @param input A tensor or a number.
 * @param other A tensor of the same dtype (float32, float64 or int32), or a number. Two numbers give float32.
 * @throws TypeError If the condition is not uint8, or the dtypes differ.
 * @throws RangeError If the shapes do not broadcast.
 */
export function where(condition: Tensor, input: Tensor | number, other: Tensor | number): Tensor {
  if (!(condition instanceof Tensor)) throw new TypeError(`where: condition is ${describeOther(condition)}.`);
  if (condition.dtype !== "uint8") {
    throw new TypeError(
      `where: condition is ${describe(condition)}; expected uint8, as comparisons give it, e.g. greater(x, 0).`,
    );
  }
  const like = input instanceof Tensor ? input : other instanceof Tensor ? other : null;
  const made: Tensor[] = [];
  const operand = (value: Tensor | number): Tensor => {
    if (typeof value !== "number") return value;
    made.push(like === null ? full(condition.device, [], value) : scalarLike("where", like, value));
    return made.at(-1)!;
  };
  const operands = { condition, input: operand(input), other: operand(other) };
  for (const [name, value] of Object.entries(operands))
    if (!(value instanceof Tensor)) throw new TypeError(`where: ${name} is ${describeOther(value)}.`);
  if (operands.input.dtype !== operands.other.dtype || bytesPerElement(operands.input.dtype) < 4) {
    throw new TypeError(
      `where: input is ${describe(operands.input)} and other is ${describe(operands.other)}; ` +
        'expected one dtype: float32, float64 or int32. Cast one of them, e.g. cast(other, "float32").',
    );
  }
  commonShape("where", operands);
  const result = perform(whereOperation, operands, null);
  for (const scalar of made) scalar.dispose();
  return result;
}
