import { checkFloating } from "../checks.js";
import { defineOperation } from "../operation.js";
import { perform } from "../perform.js";
import { empty, floatingOf, type Tensor } from "../tensor.js";
import { maximum, minimum } from "./maximum.js";

interface Bounds {
  /** NaN: none. */
  readonly low: number;
  /** NaN: none. */
  readonly high: number;
}

/** y = min(max(x, low), high), any shape; ∂/∂x = g where low < x < high, else 0. */
export const clampOperation = defineOperation({
  name: "clamp",
  forward: ({ x }: { x: Tensor }, bounds: Bounds) => {
    const output = empty(x.device, x.shape, x.dtype);
    x.device.run("clamp", floatingOf(x), { output, input: x, size: x.size, ...bounds });
    return { output, saved: { x } };
  },
  gradient: ({ outputGradient, saved, attributes, needs, writableGradient }) => {
    if (!needs.x) return { x: null };
    const x = writableGradient();
    x.device.run("clampBackward", floatingOf(x), {
      inputGradient: x,
      outputGradient,
      input: saved.x,
      size: x.size,
      ...attributes,
    });
    return { x };
  },
});

/** Options of `clamp`; at least one. */
export interface ClampOptions {
  /** What no element may be below: a number, or a tensor of a shape that broadcasts. Default: nothing. */
  readonly min?: Tensor | number;
  /** What no element may be above. Default: nothing. */
  readonly max?: Tensor | number;
}

/**
 * Each element moved into the range from `min` to `max`, e.g. `clamp(x, { min: 0, max: 1 })`; NaN stays. Where `min` is
 * above `max`, the result is `max`. At a number as bound and beyond it, the gradient is 0, as in PyTorch 2.15; a tensor
 * as bound shares it as `maximum` and `minimum` do.
 *
 * @throws TypeError If neither bound is given.
 * @throws RangeError If a bound is NaN, or the shapes do not broadcast.
 */
export function clamp(x: Tensor, { min, max }: ClampOptions): Tensor {
  checkFloating("clamp", { x });
  if (min === undefined && max === undefined) {
    throw new TypeError(
      "clamp: neither min nor max is given; expected one or both, e.g. clamp(x, { min: 0 }).",
    );
  }
  for (const [name, bound] of Object.entries({ min, max })) {
    if (Number.isNaN(bound))
      throw new RangeError(`clamp: ${name} is NaN; expected a number, or leave it out.`);
  }
  if (typeof min !== "object" && typeof max !== "object") {
    return perform(clampOperation, { x }, { low: min ?? Number.NaN, high: max ?? Number.NaN });
  }
  const raised = min === undefined ? x : maximum(x, min);
  return max === undefined ? raised : minimum(raised, max);
}
