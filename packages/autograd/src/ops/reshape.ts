import { defineOperation } from "../operation.js";
import { perform } from "../perform.js";
import { formatShape, type Shape, sizeOf } from "../shape.js";
import type { Tensor } from "../tensor.js";

/** y shares the elements of x under another shape; ∂/∂x = g under the shape of x. */
export const reshapeOperation = defineOperation({
  name: "reshape",
  forward: ({ x }: { x: Tensor }, { shape }: { shape: Shape }) => ({ output: x.alias(shape), saved: {} }),
  gradient: ({ outputGradient, needs, shapes }) => ({ x: needs.x ? outputGradient.alias(shapes.x) : null }),
});

/**
 * The same elements under another shape, without copying. One extent may be −1: it is computed from the others.
 *
 * @throws RangeError If the number of elements differs.
 */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const free = shape.indexOf(-1);
  let target = shape;
  if (free !== -1) {
    const known = sizeOf(shape.filter((_, axis) => axis !== free));
    target = shape.map((extent, axis) => (axis === free ? (known === 0 ? 0 : x.size / known) : extent));
  }
  if (sizeOf(target) !== x.size || target.some((extent) => !Number.isInteger(extent) || extent < 0)) {
    throw new RangeError(
      `reshape: x is ${formatShape(x.shape)} with ${x.size} elements and cannot become ` +
        `[${shape.join(", ")}]; the number of elements has to stay the same.`,
    );
  }
  return perform(reshapeOperation, { x }, { shape: target });
}
