import { checkSameShape } from "../checks.js";
import { resolveAxis } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { concatenate } from "./concatenate.js";
import { reshape } from "./reshape.js";

/**
 * Joins tensors of one shape along a new axis: k tensors M×N become k×M×N with axis 0, M×N×k with axis −1.
 *
 * @param axis The new axis in the result. Negative: counted from the end.
 * @throws RangeError If no tensor is given or the shapes differ.
 */
export function stack(tensors: readonly Tensor[], axis = 0): Tensor {
  const first = tensors[0];
  if (first === undefined) throw new RangeError("stack: the list is empty; expected at least one tensor.");
  const along = resolveAxis("stack", axis, first.rank + 1);
  for (const [index, other] of tensors.entries())
    checkSameShape("stack", `tensor ${index}`, other, first.shape, "the shape of tensor 0");
  const widened = tensors.map((tensor) =>
    reshape(tensor, [...tensor.shape.slice(0, along), 1, ...tensor.shape.slice(along)]),
  );
  return concatenate(widened, along);
}
