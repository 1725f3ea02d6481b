import { binaryOperations, reductions } from "@splitmask/kernels";
import { equalShapes, type Shape } from "../shape.js";
import { empty, floatingOf, type Tensor } from "../tensor.js";
import { broadcastNumbers, splitAround } from "./strided.js";

/** Names of the kernel's elementwise operations of two inputs. */
export type BinaryName = keyof typeof binaryOperations;

/**
 * output = a ∘ b; a and b are repeated to the output's shape. The output may be a or b where that one is not repeated.
 */
export function runBinary(output: Tensor, name: BinaryName, a: Tensor, b: Tensor): Tensor {
  output.device.run("binary", floatingOf(output), {
    output,
    a,
    b,
    operation: binaryOperations[name],
    ...broadcastNumbers(output.shape, { a, b }),
  });
  return output;
}

/** output = scale · input repeated to the output's shape. */
export function repeatTo(shape: Shape, input: Tensor, scale: number): Tensor {
  const output = empty(input.device, shape, input.dtype);
  const factor = empty(input.device, [], input.dtype);
  input.device.run("fill", floatingOf(input), { output: factor, size: 1, value: scale });
  runBinary(output, "multiply", input, factor);
  factor.dispose();
  return output;
}

/** Runs of neighboring axes among those marked, from the last to the first. */
function runsOf(marked: readonly boolean[]): { first: number; last: number }[] {
  const runs: { first: number; last: number }[] = [];
  for (let axis = marked.length - 1; axis >= 0; axis--) {
    if (!marked[axis]) continue;
    const run = runs[runs.length - 1];
    if (run !== undefined && run.first === axis + 1) run.first = axis;
    else runs.push({ first: axis, last: axis });
  }
  return runs;
}

/**
 * scale · the sum, maximum or minimum of `input` over the marked axes, of which there is at least one; the result has
 * the shape `outputShape` (those axes of extent 1 or gone).
 */
export function reduceAxes(
  input: Tensor,
  operation: keyof typeof reductions,
  marked: readonly boolean[],
  outputShape: Shape,
  scale: number,
): Tensor {
  const runs = runsOf(marked);
  let current = input;
  let shape = [...input.shape];
  for (const [index, run] of runs.entries()) {
    const { outer, middle, inner } = splitAround(shape, run.first, run.last);
    shape = shape.map((extent, axis) => (axis >= run.first && axis <= run.last ? 1 : extent));
    const last = index === runs.length - 1;
    const output = empty(input.device, last ? outputShape : shape, input.dtype);
    input.device.run("reduce", floatingOf(input), {
      output,
      input: current,
      operation: reductions[operation],
      outer,
      reduced: middle,
      inner,
      scale: last ? scale : 1,
    });
    if (current !== input) current.dispose();
    current = output;
  }
  return current;
}

/**
 * The gradient of a repeated input: the sum of `gradient` over the axes along which a tensor of `shape` was repeated.
 * The gradient itself where none was.
 */
export function sumToShape(gradient: Tensor, shape: Shape): Tensor {
  if (equalShapes(gradient.shape, shape)) return gradient;
  const missing = gradient.rank - shape.length;
  const marked = gradient.shape.map(
    (extent, axis) => axis < missing || (shape[axis - missing] === 1 && extent !== 1),
  );
  return marked.includes(true) ? reduceAxes(gradient, "sum", marked, shape, 1) : gradient.alias(shape);
}
