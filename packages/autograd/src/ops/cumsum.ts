import { splitAround } from "../calls/strided.js";
import { checkFloating } from "../checks.js";
import { defineOperation } from "../operation.js";
import { perform } from "../perform.js";
import { resolveAxis } from "../shape.js";
import { empty, floatingOf, type Tensor } from "../tensor.js";

function runSums(output: Tensor, input: Tensor, axis: number, reverse: boolean): Tensor {
  const { outer, middle, inner } = splitAround(input.shape, axis, axis);
  output.device.run("cumulativeSum", floatingOf(output), {
    output,
    input,
    outer,
    length: middle,
    inner,
    reverse: reverse ? 1 : 0,
  });
  return output;
}

/** y = the sums of x from the beginning of an axis to each place; ∂/∂x = those of g from the end. */
export const cumsumOperation = defineOperation({
  name: "cumsum",
  forward: ({ x }: { x: Tensor }, { axis }: { axis: number }) => ({
    output: runSums(empty(x.device, x.shape, x.dtype), x, axis, false),
    saved: {},
  }),
  gradient: ({ outputGradient, attributes: { axis }, needs, writableGradient }) => ({
    x: needs.x ? runSums(writableGradient(), outputGradient, axis, true) : null,
  }),
});

/**
 * The cumulative sum along an axis, of the shape of x. Sums are held in float64.
 *
 * @param axis Negative: counted from the end.
 */
export function cumsum(x: Tensor, axis: number): Tensor {
  checkFloating("cumsum", { x });
  return perform(cumsumOperation, { x }, { axis: resolveAxis("cumsum", axis, x.rank) });
}
