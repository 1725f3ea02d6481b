import { placeAlongAxis, sliceAxis, zerosLike } from "../calls/blocks.js";
import { defineOperation } from "../operation.js";
import { perform } from "../perform.js";
import { formatShape, resolveAxis } from "../shape.js";
import type { Tensor } from "../tensor.js";

/** y = x[…, start:end, …]; ∂/∂x = g at these places, 0 elsewhere. */
export const sliceOperation = defineOperation({
  name: "slice",
  forward: ({ x }: { x: Tensor }, { axis, start, end }: { axis: number; start: number; end: number }) => ({
    output: sliceAxis(x, axis, start, end),
    saved: {},
  }),
  gradient: ({ outputGradient, attributes: { axis, start }, needs, shapes }) => {
    if (!needs.x) return { x: null };
    const x = zerosLike(outputGradient, shapes.x);
    placeAlongAxis(x, outputGradient, axis, start);
    return { x };
  },
});

/**
 * Elements `start` … `end` − 1 of one axis. A slice of the outermost axis shares the buffer, any other is a copy.
 *
 * @param axis Negative: counted from the end.
 * @param start Negative: counted from the end.
 * @param end Not included. Negative: counted from the end. Default: the end of the axis.
 * @throws RangeError If the range does not lie in the axis.
 */
export function slice(x: Tensor, axis: number, start: number, end?: number): Tensor {
  const along = resolveAxis("slice", axis, x.rank);
  const extent = x.shape[along]!;
  const last = end ?? extent;
  const from = start < 0 ? start + extent : start;
  const to = last < 0 ? last + extent : last;
  if (!Number.isInteger(from) || !Number.isInteger(to) || from < 0 || to > extent || from > to) {
    throw new RangeError(
      `slice: the range ${start} … ${last} does not lie in axis ${axis} of x, ${formatShape(x.shape)}; ` +
        `expected 0 ≤ start ≤ end ≤ ${extent}.`,
    );
  }
  return perform(sliceOperation, { x }, { axis: along, start: from, end: to });
}

/**
 * Cuts an axis into pieces of the given lengths, e.g. 2×10 along axis 1 by [3, 7] → 2×3 and 2×7; a number cuts into
 * pieces of that length, the last of which may be shorter. The pieces' gradients come together in x.
 *
 * @throws RangeError If the lengths do not add up to the axis.
 */
export function split(x: Tensor, lengths: number | readonly number[], axis = 0): Tensor[] {
  const extent = x.shape[resolveAxis("split", axis, x.rank)]!;
  if (typeof lengths === "number" && !(Number.isInteger(lengths) && lengths > 0)) {
    throw new RangeError(`split: the length is ${lengths}; expected a whole number ≥ 1.`);
  }
  const pieces =
    typeof lengths === "number"
      ? Array.from({ length: Math.ceil(extent / lengths) }, (_, i) => Math.min(lengths, extent - i * lengths))
      : lengths;
  const total = pieces.reduce((sum, length) => sum + length, 0);
  if (total !== extent) {
    throw new RangeError(
      `split: the lengths [${pieces.join(", ")}] are ${total} together, and axis ${axis} of x, ` +
        `${formatShape(x.shape)}, has ${extent}.`,
    );
  }
  let start = 0;
  return pieces.map((length) => {
    start += length;
    return slice(x, axis, start - length, start);
  });
}
