import { checkFloating, checkRank, checkWhole } from "../checks.js";
import { defineOperation } from "../operation.js";
import { perform } from "../perform.js";
import { empty, floatingOf, type Tensor } from "../tensor.js";

/** y has each pixel of x factor×factor times; ∂/∂x = the sum of g over these. */
export const upsampleNearestOperation = defineOperation({
  name: "upsampleNearest",
  forward: ({ input }: { input: Tensor }, { factor }: { readonly factor: number }) => {
    const [batch, channels, height, width] = input.shape as [number, number, number, number];
    const shape = [batch, channels, height * factor, width * factor];
    const output = empty(input.device, shape, input.dtype);
    const planes = batch * channels;
    input.device.run("upsampleNearest", floatingOf(input), {
      ...{ output, input, planes, height, width, size: factor },
    });
    return { output, saved: {} };
  },
  gradient: ({ outputGradient, attributes: { factor }, needs, shapes }) => {
    if (!needs.input) return { input: null };
    const [batch, channels, height, width] = shapes.input as [number, number, number, number];
    const inputGradient = empty(outputGradient.device, shapes.input, outputGradient.dtype);
    const planes = batch * channels;
    outputGradient.device.run("upsampleNearestBackward", floatingOf(outputGradient), {
      ...{ inputGradient, outputGradient, planes, height, width, size: factor },
    });
    return { input: inputGradient };
  },
});

/**
 * Repeats each pixel factor×factor times, as PyTorch's `interpolate` in mode `"nearest"`:
 * B×C×H×W → B×C×(H·factor)×(W·factor).
 *
 * @param input B×C×H×W.
 * @param factor A whole number ≥ 1.
 * @throws RangeError If the input is not of that rank, or the factor is no such number.
 */
export function upsampleNearest(input: Tensor, factor: number): Tensor {
  checkFloating("upsampleNearest", { input });
  checkRank("upsampleNearest", "input", input, [4], "B×C×H×W");
  checkWhole("upsampleNearest", { factor }, 1);
  return perform(upsampleNearestOperation, { input }, { factor });
}
