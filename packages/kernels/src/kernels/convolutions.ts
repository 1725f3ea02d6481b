import { convolutionActivations } from "./codes.js";
import { defineKernel, type NumbersOf } from "./defineKernel.js";

/** Sizes of a convolution: from batch×channels×height×width to batch×outputChannels×outputHeight×outputWidth. */
const sizes = [
  "batch",
  "channels",
  "height",
  "width",
  "outputChannels",
  "outputHeight",
  "outputWidth",
  "kernelHeight",
  "kernelWidth",
  "stride",
  "padding",
] as const;
type Sizes = NumbersOf<(typeof sizes)[number]>;

const inputs = (n: Sizes): number => n.batch * n.channels * n.height * n.width;
const outputs = (n: NumbersOf<"batch" | "outputChannels" | "outputHeight" | "outputWidth">): number =>
  n.batch * n.outputChannels * n.outputHeight * n.outputWidth;
const weights = (n: Sizes): number => n.outputChannels * n.channels * n.kernelHeight * n.kernelWidth;
const products = (n: Sizes): number => 2 * outputs(n) * n.channels * n.kernelHeight * n.kernelWidth;

/**
 * Two-dimensional convolutions and their gradients. The weight is outputChannels×channels×kernelHeight×kernelWidth;
 * outside of the input are zeros.
 */
export const convolutions = {
  /**
   * output[b,o,y,x] = activation(bias[o] + Σ_c,i,j weight[o,c,i,j] · input[b,c,y·stride + i − padding,
   * x·stride + j − padding]).
   */
  convolution: defineKernel({
    integers: [...sizes, "activation"],
    codes: { activation: convolutionActivations },
    buffers: {
      output: { output: true, extent: outputs },
      input: { extent: inputs },
      weight: { extent: weights },
      bias: { optional: true, extent: (n) => n.outputChannels },
    },
    operations: products,
  }),
  /**
   * The gradient of a convolution with respect to its input, and with bias and activation the forward pass of a
   * transposed convolution: inputGradient[b,c,y,x] = activation(bias[c] + Σ_o,i,j weight[o,c,i,j] ·
   * outputGradient[b,o,(y + padding − i)/stride, (x + padding − j)/stride]) over the whole places among these.
   */
  convolutionBackwardInput: defineKernel({
    integers: [...sizes, "activation"],
    codes: { activation: convolutionActivations },
    buffers: {
      inputGradient: { output: true, extent: inputs },
      outputGradient: { extent: outputs },
      weight: { extent: weights },
      bias: { optional: true, extent: (n) => n.channels },
    },
    operations: products,
  }),
  /** weightGradient[o,c,i,j] = Σ_b,y,x outputGradient[b,o,y,x] · input[b,c,y·stride + i − padding, …]. */
  convolutionBackwardWeight: defineKernel({
    integers: sizes,
    buffers: {
      weightGradient: { output: true, extent: weights },
      outputGradient: { extent: outputs },
      input: { extent: inputs },
    },
    operations: products,
  }),
  /**
   * The gradient before ReLU and the bias: sumsGradient is outputGradient where the output of ReLU is above 0, else 0
   * (in place on outputGradient). Without an output it is outputGradient, and not written. biasGradient[o] = Σ_b,y,x of
   * it.
   */
  convolutionBackwardBias: defineKernel({
    integers: ["batch", "outputChannels", "outputHeight", "outputWidth"],
    buffers: {
      sumsGradient: { output: true, optional: true, extent: outputs },
      biasGradient: { output: true, optional: true, extent: (n) => n.outputChannels },
      outputGradient: { extent: outputs },
      output: { optional: true, extent: outputs },
    },
    operations: outputs,
  }),
};
