import {
  type ConvolutionAttributes,
  type ConvolutionInputs,
  type ConvolutionSizes,
  gradientsOfSums,
} from "../calls/convolution.js";
import { defineOperation } from "../operation.js";
import type { Tensor } from "../tensor.js";

/** Computes one direction of a convolution without a graph. */
type Direction = (inputs: ConvolutionInputs, attributes: ConvolutionAttributes) => Tensor;

/**
 * A convolution in either direction: its forward pass is the gradient of the other with respect to the input.
 *
 * @param name Names it in errors and traces.
 * @param forward Its own direction.
 * @param backward The other one.
 * @param weightGradient The gradient of the weight, from the gradient of the sums and the input.
 */
export function convolutionOperation(
  name: string,
  forward: Direction,
  backward: Direction,
  weightGradient: (sums: Tensor, input: Tensor, sizes: ConvolutionSizes) => Tensor,
) {
  return defineOperation({
    name,
    forward: (inputs: ConvolutionInputs, attributes: ConvolutionAttributes, needs) => {
      const output = forward(inputs, attributes);
      const saved = {
        input: needs.weight ? inputs.input : null,
        weight: needs.input ? inputs.weight : null,
        output: attributes.activation === "relu" ? output : null,
      };
      return { output, saved };
    },
    gradient: (step) => {
      const { saved, attributes, needs } = step;
      const { sizes } = attributes;
      const { sums, bias } = gradientsOfSums(step);
      const inputs = { input: sums, weight: saved.weight!, bias: null };
      return {
        input: needs.input ? backward(inputs, { sizes, activation: "none" }) : null,
        weight: needs.weight ? weightGradient(sums, saved.input!, sizes) : null,
        bias,
      };
    },
  });
}
