import { binaryDerivatives } from "@splitmask/kernels";
import { floatingOf, type Tensor } from "../tensor.js";
import { broadcastNumbers } from "./strided.js";

/**
 * output = gradient · derivative(a, b); a and b are repeated to the output's shape, which is the gradient's. The output
 * may be the gradient.
 */
export function runBinaryBackward(
  output: Tensor,
  name: keyof typeof binaryDerivatives,
  gradient: Tensor,
  a: Tensor,
  b: Tensor,
): Tensor {
  output.device.run("binaryBackward", floatingOf(output), {
    inputGradient: output,
    outputGradient: gradient,
    a,
    b,
    operation: binaryDerivatives[name],
    ...broadcastNumbers(output.shape, { a, b }),
  });
  return output;
}
