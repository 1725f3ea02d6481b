import { placeAlongAxis, sliceAxis } from "../calls/blocks.js";
import { defineOperation } from "../operation.js";
import { perform } from "../perform.js";
import { equalShapes, formatShape, resolveAxis } from "../shape.js";
import { describe, empty, type Tensor } from "../tensor.js";

/** y holds the inputs one behind the other along an axis; the gradient of each is its own piece of g. */
export const concatenateOperation = defineOperation({
  name: "concatenate",
  forward: (inputs: readonly Tensor[], { axis }: { axis: number }) => {
    const first = inputs[0]!;
    const total = inputs.reduce((length, input) => length + input.shape[axis]!, 0);
    const output = empty(
      first.device,
      first.shape.map((extent, index) => (index === axis ? total : extent)),
      first.dtype,
    );
    let start = 0;
    for (const input of inputs) {
      placeAlongAxis(output, input, axis, start);
      start += input.shape[axis]!;
    }
    return { output, saved: {} };
  },
  gradient: ({ outputGradient, attributes: { axis }, needs, shapes }) => {
    let start = 0;
    return shapes.map((shape, index) => {
      const from = start;
      start += shape[axis]!;
      return needs[index] ? sliceAxis(outputGradient, axis, from, start) : null;
    });
  },
});

/**
 * Joins tensors along an axis, one after the other; all other axes must agree.
 *
 * @param axis Negative: counted from the end.
 * @throws RangeError If no tensor is given or the shapes differ elsewhere.
 */
export function concatenate(tensors: readonly Tensor[], axis: number): Tensor {
  const first = tensors[0];
  if (first === undefined)
    throw new RangeError("concatenate: the list is empty; expected at least one tensor.");
  const along = resolveAxis("concatenate", axis, first.rank);
  for (const [index, other] of tensors.entries()) {
    const expected = other.shape.map((extent, position) =>
      position === along ? first.shape[along]! : extent,
    );
    if (!equalShapes(expected, first.shape)) {
      throw new RangeError(
        `concatenate: tensor 0 is ${formatShape(first.shape)} and tensor ${index} is ` +
          `${formatShape(other.shape)}; along axis ${axis} they can only be joined if all other axes agree.`,
      );
    }
    if (other.dtype !== first.dtype) {
      throw new TypeError(
        `concatenate: tensor 0 is ${describe(first)} and tensor ${index} is ` +
          `${describe(other)}; all need the same dtype.`,
      );
    }
  }
  return perform(concatenateOperation, tensors, { axis: along });
}
