import {
  type ConvolutionActivation,
  type ConvolutionSizes,
  checkConvolution,
  convolution,
  convolutionBackwardInput,
  convolutionBackwardWeight,
} from "../calls/convolution.js";
import { checkWhole } from "../checks.js";
import { perform } from "../perform.js";
import { formatShape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { convolutionOperation } from "./convolutionOperation.js";

/** Options of `conv2d`. */
export interface Conv2dOptions {
  /** Rows and columns from one place of the kernel to the next. Default 1. */
  readonly stride?: number;
  /** Rows and columns of zeros on each side of the input. Default 0. */
  readonly padding?: number;
  /** What is applied to the sums, in the same kernel. Default `"none"`. */
  readonly activation?: ConvolutionActivation;
}

/**
 * y[o] = f(Σ_c x[c] ∗ W[o,c] + b[o]), f ReLU or nothing, ∗ the correlation in strides. With h = g∘f′, f′ = 1 where
 * y > 0: ∂/∂x[c] = Σ_o the transposed correlation of h[o] with W[o,c], ∂/∂W[o,c] = Σ_samples the correlation of x[c]
 * with h[o] (whose places are a stride apart), ∂/∂b[o] = Σ h[o].
 */
export const conv2dOperation = convolutionOperation(
  "conv2d",
  convolution,
  convolutionBackwardInput,
  (sums, input, sizes) => convolutionBackwardWeight(input, sums, sizes),
);

/**
 * The two-dimensional convolution of PyTorch's `conv2d` (a correlation: the kernel is not flipped), with bias and ReLU
 * in the same kernel: B×C×H×W → B×O×H′×W′, H′ = ⌊(H + 2·padding − kH)/stride⌋ + 1 and so W′.
 *
 * @param input B×C×H×W.
 * @param weight O×C×kH×kW.
 * @param bias O, or null.
 * @throws RangeError If the shapes do not fit, or the kernel is larger than the padded input.
 * @throws TypeError If the dtypes differ.
 */
export function conv2d(
  input: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  options: Conv2dOptions = {},
): Tensor {
  const { stride = 1, padding = 0, activation = "none" } = options;
  checkWhole("conv2d", { stride }, 1);
  checkWhole("conv2d", { padding }, 0);
  checkConvolution("conv2d", { input, weight, bias }, "O×C×kH×kW", 1);
  const sizes = sizesOf(input, weight, stride, padding);
  return perform(conv2dOperation, { input, weight, bias }, { sizes, activation });
}

function sizesOf(input: Tensor, weight: Tensor, stride: number, padding: number): ConvolutionSizes {
  const [batch, channels, height, width] = input.shape as [number, number, number, number];
  const [outputChannels, , kernelHeight, kernelWidth] = weight.shape as [number, number, number, number];
  const outputHeight = Math.floor((height + 2 * padding - kernelHeight) / stride) + 1;
  const outputWidth = Math.floor((width + 2 * padding - kernelWidth) / stride) + 1;
  if (outputHeight < 1 || outputWidth < 1 || kernelHeight < 1 || kernelWidth < 1) {
    throw new RangeError(
      `conv2d: input is ${formatShape(input.shape)}, weight is ${formatShape(weight.shape)} and padding is ` +
        `${padding}; expected a kernel of at least 1×1 that fits in the padded input.`,
    );
  }
  return {
    ...{ batch, channels, height, width, outputChannels, outputHeight, outputWidth },
    ...{ kernelHeight, kernelWidth, stride, padding },
  };
}
