import {
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
import type { Conv2dOptions } from "./conv2d.js";
import { convolutionOperation } from "./convolutionOperation.js";

/** Options of `convTranspose2d`. */
export interface ConvTranspose2dOptions extends Omit<Conv2dOptions, "padding"> {
  /** Rows and columns that the output is smaller on each side, as the padding of the convolution. Default 0. */
  readonly padding?: number;
  /** Rows and columns that are added below and to the right of the output; less than the stride. Default 0. */
  readonly outputPadding?: number;
}

/**
 * y[o] = f(Σ_c the transposed correlation of x[c] with W[c,o] + b[o]): the gradient of a convolution with respect to
 * its input. With h = g∘f′, f′ = 1 where y > 0: ∂/∂x[c] = Σ_o h[o] ∗ W[c,o], ∂/∂W[c,o] = Σ_samples the correlation of
 * h[o] with x[c] (whose places are a stride apart), ∂/∂b[o] = Σ h[o].
 */
export const convTranspose2dOperation = convolutionOperation(
  "convTranspose2d",
  convolutionBackwardInput,
  convolution,
  convolutionBackwardWeight,
);

/**
 * The two-dimensional transposed convolution of PyTorch's `conv_transpose2d`, with bias and ReLU in the same kernel:
 * B×C×H×W → B×O×H′×W′, H′ = (H − 1)·stride − 2·padding + kH + outputPadding and so W′.
 *
 * @param input B×C×H×W.
 * @param weight C×O×kH×kW.
 * @param bias O, or null.
 * @throws RangeError If the shapes do not fit, or the output would be empty.
 * @throws TypeError If the dtypes differ.
 */
export function convTranspose2d(
  input: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  options: ConvTranspose2dOptions = {},
): Tensor {
  const { stride = 1, padding = 0, outputPadding = 0, activation = "none" } = options;
  checkWhole("convTranspose2d", { stride }, 1);
  checkWhole("convTranspose2d", { padding, outputPadding }, 0);
  if (outputPadding >= stride) {
    throw new RangeError(
      `convTranspose2d: outputPadding is ${outputPadding} and stride is ${stride}; expected less than the stride.`,
    );
  }
  checkConvolution("convTranspose2d", { input, weight, bias }, "C×O×kH×kW", 0);
  const sizes = sizesOf(input, weight, { stride, padding, outputPadding });
  return perform(convTranspose2dOperation, { input, weight, bias }, { sizes, activation });
}

/** The sizes of the convolution whose gradient it is: from the transposed one's output to its input. */
function sizesOf(
  input: Tensor,
  weight: Tensor,
  { stride, padding, outputPadding }: Required<Omit<ConvTranspose2dOptions, "activation">>,
): ConvolutionSizes {
  const [batch, outputChannels, outputHeight, outputWidth] = input.shape as [number, number, number, number];
  const [, channels, kernelHeight, kernelWidth] = weight.shape as [number, number, number, number];
  const height = (outputHeight - 1) * stride - 2 * padding + kernelHeight + outputPadding;
  const width = (outputWidth - 1) * stride - 2 * padding + kernelWidth + outputPadding;
  if (Math.min(outputHeight, outputWidth, kernelHeight, kernelWidth, height, width) < 1) {
    throw new RangeError(
      `convTranspose2d: input is ${formatShape(input.shape)}, weight is ${formatShape(weight.shape)} and padding is ` +
        `${padding}: the output would be ${height}×${width}; expected at least 1×1. Use a smaller padding.`,
    );
  }
  return {
    ...{ batch, channels, height, width, outputChannels, outputHeight, outputWidth },
    ...{ kernelHeight, kernelWidth, stride, padding },
  };
}
