import { checkFloating, checkRank, checkWhole } from "../checks.js";
import { defineOperation } from "../operation.js";
import { perform } from "../perform.js";
import { formatShape, type Shape } from "../shape.js";
import { empty, floatingOf, type Tensor } from "../tensor.js";

/** Options of `maxPool2d`. */
export interface MaxPool2dOptions {
  /** Rows and columns of a window; windows do not overlap. */
  readonly kernelSize: number;
}

const sizesOf = ([batch, channels, height, width]: Shape, size: number) => ({
  planes: batch! * channels!,
  height: height!,
  width: width!,
  size,
});

/** y = max over each window; ∂/∂x = g at the first place of the largest, else 0. */
export const maxPool2dOperation = defineOperation({
  name: "maxPool2d",
  forward: ({ input }: { input: Tensor }, { kernelSize }: MaxPool2dOptions) => {
    const sizes = sizesOf(input.shape, kernelSize);
    const [batch, channels, height, width] = input.shape as [number, number, number, number];
    const shape = [batch, channels, Math.floor(height / kernelSize), Math.floor(width / kernelSize)];
    const output = empty(input.device, shape, input.dtype);
    input.device.run("maxPool", floatingOf(input), { output, input, ...sizes });
    return { output, saved: { input } };
  },
  gradient: ({ outputGradient, saved: { input }, attributes: { kernelSize }, needs }) => {
    if (!needs.input) return { input: null };
    const inputGradient = empty(input.device, input.shape, input.dtype);
    const sizes = sizesOf(input.shape, kernelSize);
    input.device.run("maxPoolBackward", floatingOf(input), {
      ...{ inputGradient, outputGradient, input, ...sizes },
    });
    return { input: inputGradient };
  },
});

/**
 * The largest of each window of k×k pixels, as PyTorch's `max_pool2d` without overlap and padding:
 * B×C×H×W → B×C×⌊H/k⌋×⌊W/k⌋. Rows and columns that fill no window are left out.
 *
 * @param input B×C×H×W.
 * @throws RangeError If the input is not of that rank or smaller than a window.
 */
export function maxPool2d(input: Tensor, { kernelSize }: MaxPool2dOptions): Tensor {
  checkFloating("maxPool2d", { input });
  checkRank("maxPool2d", "input", input, [4], "B×C×H×W");
  checkWhole("maxPool2d", { kernelSize }, 1);
  if (Math.min(input.shape[2]!, input.shape[3]!) < kernelSize) {
    throw new RangeError(
      `maxPool2d: input is ${formatShape(input.shape)} and kernelSize is ${kernelSize}; ` +
        "expected H and W of at least the kernel size.",
    );
  }
  return perform(maxPool2dOperation, { input }, { kernelSize });
}
