import { permuteNumbers } from "../calls/strided.js";
import { bytesPerElement } from "../elements.js";
import { defineOperation } from "../operation.js";
import { perform } from "../perform.js";
import { formatShape, stridesOf } from "../shape.js";
import { describe, empty, type Tensor } from "../tensor.js";

/** A fresh tensor whose axis i is the axis order[i] of the input. */
function permuted(input: Tensor, order: readonly number[]): Tensor {
  const strides = stridesOf(input.shape);
  const shape = order.map((axis) => input.shape[axis]!);
  const output = empty(input.device, shape, input.dtype);
  // The kernel moves elements of 4 or 8 bytes, whatever they mean.
  input.device.run("permute", bytesPerElement(input.dtype) === 8 ? "float64" : "float32", {
    output,
    input,
    ...permuteNumbers(
      shape,
      order.map((axis) => strides[axis]!),
    ),
  });
  return output;
}

/** Axis i of y is axis order[i] of x; ∂/∂x = g with the inverse order. */
export const permuteOperation = defineOperation({
  name: "permute",
  forward: ({ x }: { x: Tensor }, { order }: { order: readonly number[] }) => ({
    output: permuted(x, order),
    saved: {},
  }),
  gradient: ({ outputGradient, attributes: { order }, needs }) => ({
    x: needs.x
      ? permuted(
          outputGradient,
          order.map((_, axis) => order.indexOf(axis)),
        )
      : null,
  }),
});

/**
 * Reorders the axes, e.g. `permute(x, [0, 2, 1])`; the elements are copied, because tensors are always contiguous.
 *
 * @throws RangeError If `order` does not name each axis once.
 */
export function permute(x: Tensor, order: readonly number[]): Tensor {
  const resolved = order.map((axis) => (axis < 0 ? axis + x.rank : axis));
  if (resolved.length !== x.rank || x.shape.some((_, axis) => !resolved.includes(axis))) {
    throw new RangeError(
      `permute: the order [${order.join(", ")}] does not fit x, ${formatShape(x.shape)}; ` +
        `name each axis from 0 to ${x.rank - 1} once.`,
    );
  }
  if (bytesPerElement(x.dtype) < 4) {
    throw new TypeError(`permute: x is ${describe(x)}; expected float32, float64 or int32.`);
  }
  return perform(permuteOperation, { x }, { order: resolved });
}

/**
 * Swaps the last two axes: …×M×N → …×N×M. In a product `matmul(a, b, { transposeB: true })` does the same without a
 * copy.
 *
 * @throws RangeError If there are fewer than two axes.
 */
export function transpose(x: Tensor): Tensor {
  if (x.rank < 2) {
    throw new RangeError(`transpose: x is ${formatShape(x.shape)}; expected at least two axes.`);
  }
  const order = x.shape.map((_, axis) => axis);
  return permute(x, [...order.slice(0, -2), x.rank - 1, x.rank - 2]);
}
