import { checkFloating } from "../checks.js";
import { defineOperation } from "../operation.js";
import { perform } from "../perform.js";
import { empty, floatingOf, type Tensor } from "../tensor.js";

/** y = scale·x + offset, any shape; ∂/∂x = scale·g. */
export const affineOperation = defineOperation({
  name: "affine",
  forward: ({ x }: { x: Tensor }, { scale, offset }: { scale: number; offset: number }) => {
    const output = empty(x.device, x.shape, x.dtype);
    x.device.run("affine", floatingOf(x), { output, input: x, size: x.size, scale, offset });
    return { output, saved: {} };
  },
  gradient: ({ outputGradient, attributes, needs, writableGradient }) => {
    if (!needs.x) return { x: null };
    const x = writableGradient();
    x.device.run("affine", floatingOf(x), {
      output: x,
      input: outputGradient,
      size: x.size,
      scale: attributes.scale,
      offset: 0,
    });
    return { x };
  },
});

/** scale·x + offset with two plain numbers, e.g. `affine(x, 2, -1)` maps [0, 1] to [−1, 1]. */
export function affine(x: Tensor, scale: number, offset = 0): Tensor {
  checkFloating("affine", { x });
  return perform(affineOperation, { x }, { scale, offset });
}
