import { repeatTo, sumToShape } from "../calls/broadcast.js";
import { checkFloating } from "../checks.js";
import { defineOperation } from "../operation.js";
import { perform } from "../perform.js";
import { broadcastShapes, checkShape, equalShapes, formatShape, type Shape } from "../shape.js";
import type { Tensor } from "../tensor.js";

/** y = x repeated to a shape; ∂/∂x = the sum of g over what is repeated. */
export const expandOperation = defineOperation({
  name: "expand",
  forward: ({ x }: { x: Tensor }, { shape }: { shape: Shape }) => ({
    output: repeatTo(shape, x, 1),
    saved: {},
  }),
  gradient: ({ outputGradient, needs, shapes }) => ({
    x: needs.x ? sumToShape(outputGradient, shapes.x) : null,
  }),
});

/**
 * x repeated along axes of extent 1, and along new axes in front: 3×1 → 2×3×4. It is copied, because tensors are always
 * contiguous; operations with broadcasting repeat without a copy.
 *
 * @throws RangeError If x does not broadcast to the shape.
 */
export function expand(x: Tensor, shape: Shape): Tensor {
  checkFloating("expand", { x });
  checkShape("expand", shape);
  const common = broadcastShapes(x.shape, shape);
  if (common === null || !equalShapes(common, shape)) {
    throw new RangeError(
      `expand: x is ${formatShape(x.shape)} and cannot become ${formatShape(shape)}: aligned at the last axis, its ` +
        "extents have to be those of the shape, or 1.",
    );
  }
  return perform(expandOperation, { x }, { shape });
}
