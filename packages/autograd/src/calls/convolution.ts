import { convolutionActivations } from "@splitmask/kernels";
import { checkFloating, checkRank, checkSameShape } from "../checks.js";
import type { GradientStep } from "../operation.js";
import { formatShape } from "../shape.js";
import { empty, floatingOf, type Tensor } from "../tensor.js";

/** What is applied to the sums of a convolution, in the same kernel. */
export type ConvolutionActivation = keyof typeof convolutionActivations;

/** The sizes of a convolution, B×C×H×W → B×O×H′×W′. */
export interface ConvolutionSizes {
  /** B. */
  readonly batch: number;
  /** C. */
  readonly channels: number;
  /** H. */
  readonly height: number;
  /** W. */
  readonly width: number;
  /** O. */
  readonly outputChannels: number;
  /** H′. */
  readonly outputHeight: number;
  /** W′. */
  readonly outputWidth: number;
  /** Rows of the kernel. */
  readonly kernelHeight: number;
  /** Columns of the kernel. */
  readonly kernelWidth: number;
  /** Rows and columns from one place of the kernel to the next. */
  readonly stride: number;
  /** Zeros on each side of the input. */
  readonly padding: number;
}

/** What both directions of a convolution have besides their factors. */
export interface ConvolutionAttributes {
  /** The sizes; those of a transposed convolution are the sizes of the convolution whose gradient it is. */
  readonly sizes: ConvolutionSizes;
  /** What is applied to the sums. */
  readonly activation: ConvolutionActivation;
}

/** The inputs of both. */
export type ConvolutionInputs = {
  /** B×C×H×W. */
  readonly input: Tensor;
  /** O×C×kH×kW, or C×O×kH×kW where it is transposed. */
  readonly weight: Tensor;
  /** O. */
  readonly bias: Tensor | null;
};

/** activation(input ∗ weight + bias), B×O×H′×W′, without a graph. */
export function convolution(
  { input, weight, bias }: ConvolutionInputs,
  { sizes, activation }: ConvolutionAttributes,
): Tensor {
  const { batch, outputChannels, outputHeight, outputWidth } = sizes;
  const shape = [batch, outputChannels, outputHeight, outputWidth];
  const output = empty(input.device, shape, input.dtype);
  input.device.run("convolution", floatingOf(input), {
    ...{ output, input, weight, bias, ...sizes },
    activation: convolutionActivations[activation],
  });
  return output;
}

/** activation(inputGradient of the convolution + bias), B×C×H×W, without a graph; `input` is the output's gradient. */
export function convolutionBackwardInput(
  { input, weight, bias }: ConvolutionInputs,
  { sizes, activation }: ConvolutionAttributes,
): Tensor {
  const { batch, channels, height, width } = sizes;
  const inputGradient = empty(input.device, [batch, channels, height, width], input.dtype);
  input.device.run("convolutionBackwardInput", floatingOf(input), {
    ...{ inputGradient, outputGradient: input, weight, bias, ...sizes },
    activation: convolutionActivations[activation],
  });
  return inputGradient;
}

/** The gradient of the weight of a convolution of `input`, without a graph. */
export function convolutionBackwardWeight(
  input: Tensor,
  outputGradient: Tensor,
  sizes: ConvolutionSizes,
): Tensor {
  const { outputChannels, channels, kernelHeight, kernelWidth } = sizes;
  const shape = [outputChannels, channels, kernelHeight, kernelWidth];
  const weightGradient = empty(input.device, shape, input.dtype);
  input.device.run("convolutionBackwardWeight", floatingOf(input), {
    ...{ weightGradient, outputGradient, input, ...sizes },
  });
  return weightGradient;
}

/** The gradients of the sums and of the bias that was added to them. */
export interface SumsGradients {
  /** B×O×H′×W′. */
  readonly sums: Tensor;
  /** O, or null where nobody needs it. */
  readonly bias: Tensor | null;
}

/**
 * The gradients before the activation: ReLU passes the gradient where its output is above 0, and the bias gets the sum
 * over samples and places.
 */
export function gradientsOfSums({
  outputGradient,
  saved: { output },
  needs,
  writableGradient,
}: GradientStep<ConvolutionInputs, ConvolutionAttributes, { output: Tensor | null }>): SumsGradients {
  const { device, shape, dtype } = outputGradient;
  const [batch, outputChannels, outputHeight, outputWidth] = shape as [number, number, number, number];
  const bias = needs.bias ? empty(device, [outputChannels], dtype) : null;
  const sums = output === null ? outputGradient : writableGradient();
  if (output !== null || bias !== null) {
    device.run("convolutionBackwardBias", floatingOf(outputGradient), {
      ...{ sumsGradient: output === null ? null : sums, biasGradient: bias, outputGradient, output },
      ...{ batch, outputChannels, outputHeight, outputWidth },
    });
  }
  return { sums, bias };
}

/**
 * Throws unless input, weight and bias fit each other.
 *
 * @param layout What the axes of the weight are, e.g. `O×C×kH×kW`.
 * @param inputAxis The axis of the weight that has the input's channels; the output's are the other of the first two.
 */
export function checkConvolution(
  operation: string,
  { input, weight, bias }: ConvolutionInputs,
  layout: string,
  inputAxis: 0 | 1,
): void {
  checkFloating(operation, { input, weight, bias });
  checkRank(operation, "input", input, [4], "B×C×H×W");
  checkRank(operation, "weight", weight, [4], layout);
  if (input.shape[1] !== weight.shape[inputAxis]) {
    throw new RangeError(
      `${operation}: input is ${formatShape(input.shape)} and weight is ${formatShape(weight.shape)} ` +
        `(${layout}): the input has ${input.shape[1]} channels, expected ${weight.shape[inputAxis]}.`,
    );
  }
  if (bias === null) return;
  const channels = weight.shape[1 - inputAxis]!;
  checkSameShape(operation, "bias", bias, [channels], "one number for each channel of the output");
}
