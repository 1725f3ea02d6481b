import { checkFloating, rowsAndColumns } from "../checks.js";
import { defineOperation } from "../operation.js";
import { perform } from "../perform.js";
import { empty, floatingOf, type Tensor } from "../tensor.js";

/** y = x / n with n = max(‖x‖, ε) by rows; ∂/∂x = (g − y·Σ g·y) / n (g / ε where the norm is below ε). */
export const l2NormalizeOperation = defineOperation({
  name: "l2Normalize",
  forward: ({ x }: { x: Tensor }, { epsilon }: { epsilon: number }) => {
    const { rows, columns } = rowsAndColumns("l2Normalize", "x", x);
    const output = empty(x.device, x.shape, x.dtype);
    const norms = empty(x.device, [rows], x.dtype);
    x.device.run("l2Normalize", floatingOf(x), { output, norms, input: x, rows, columns, epsilon });
    return { output, saved: { output, norms } };
  },
  gradient: ({ outputGradient, saved, attributes, needs, shapes }) => {
    if (!needs.x) return { x: null };
    const x = empty(outputGradient.device, shapes.x, outputGradient.dtype);
    outputGradient.device.run("l2NormalizeBackward", floatingOf(outputGradient), {
      inputGradient: x,
      outputGradient,
      output: saved.output,
      norms: saved.norms,
      ...rowsAndColumns("l2Normalize", "x", outputGradient),
      epsilon: attributes.epsilon,
    });
    return { x };
  },
});

/** Divides each row of the last axis by its length, or by `epsilon` where it is shorter than that: …×D → …×D. */
export function l2Normalize(x: Tensor, options: { readonly epsilon?: number } = {}): Tensor {
  checkFloating("l2Normalize", { x });
  rowsAndColumns("l2Normalize", "x", x);
  return perform(l2NormalizeOperation, { x }, { epsilon: options.epsilon ?? 1e-12 });
}
