import type { DType } from "@splitmask/kernels";
import { castTo } from "../calls/cast.js";
import { describeOther } from "../copies.js";
import { gradientDtype, isFloating } from "../elements.js";
import { defineOperation } from "../operation.js";
import { perform } from "../perform.js";
import { Tensor } from "../tensor.js";

/** y = x in another dtype; ∂/∂x = g in x's dtype, or as it is where x is bfloat16, whose gradient is not rounded. */
export const castOperation = defineOperation({
  name: "cast",
  forward: ({ x }: { x: Tensor }, { to }: { from: DType; to: DType }) => ({
    output: castTo(x, to),
    saved: {},
  }),
  gradient: ({ outputGradient: g, attributes: { from }, needs }) => {
    if (!needs.x) return { x: null };
    return { x: from === "bfloat16" || from === g.dtype ? g : castTo(g, from) };
  },
});

/**
 * The elements in another dtype; x itself if it has it already. To bfloat16 they are rounded to the nearest. To int32
 * fractions are cut, numbers beyond the range become its ends and NaN becomes 0; to uint8 the lowest byte of that is
 * taken. The gradient comes back in x's dtype; none flows through integers.
 */
export function cast(x: Tensor, dtype: DType): Tensor {
  if (!(x instanceof Tensor)) throw new TypeError(`cast: x is ${describeOther(x)}.`);
  if (x.dtype === dtype) return x;
  if (!isFloating(gradientDtype(dtype))) return castTo(x, dtype);
  return perform(castOperation, { x }, { from: x.dtype, to: dtype });
}
