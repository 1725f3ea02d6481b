import { checkFloating, rowsAndColumns } from "../checks.js";
import { defineOperation } from "../operation.js";
import { perform } from "../perform.js";
import { empty, floatingOf, type Tensor } from "../tensor.js";

function defineSoftmax<Name extends "softmax" | "logSoftmax">(name: Name) {
  const logarithm = name === "logSoftmax" ? 1 : 0;
  return defineOperation({
    name,
    forward: ({ x }: { x: Tensor }, _: null) => {
      const output = empty(x.device, x.shape, x.dtype);
      x.device.run("softmax", floatingOf(x), {
        output,
        input: x,
        ...rowsAndColumns(name, "x", x),
        logarithm,
      });
      return { output, saved: { output } };
    },
    gradient: ({ outputGradient, saved, needs, writableGradient }) => {
      if (!needs.x) return { x: null };
      const inputGradient = writableGradient();
      outputGradient.device.run("softmaxBackward", floatingOf(outputGradient), {
        inputGradient,
        outputGradient,
        output: saved.output,
        ...rowsAndColumns(name, "x", saved.output),
        logarithm,
      });
      return { x: inputGradient };
    },
  });
}

/** y = eˣ / Σ eˣ over the last axis; ∂/∂x = y·(g − Σ g·y). */
export const softmaxOperation = defineSoftmax("softmax");

/** y = x − ln Σ eˣ over the last axis; ∂/∂x = g − eʸ·Σ g. */
export const logSoftmaxOperation = defineSoftmax("logSoftmax");

/** Softmax over the last axis, stable for large inputs: …×C → …×C. */
export function softmax(x: Tensor): Tensor {
  checkFloating("softmax", { x });
  rowsAndColumns("softmax", "x", x);
  return perform(softmaxOperation, { x }, null);
}

/** The logarithm of the softmax over the last axis, stable for large inputs: …×C → …×C. */
export function logSoftmax(x: Tensor): Tensor {
  checkFloating("logSoftmax", { x });
  rowsAndColumns("logSoftmax", "x", x);
  return perform(logSoftmaxOperation, { x }, null);
}
