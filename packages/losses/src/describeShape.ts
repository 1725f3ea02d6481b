import type { Tensor } from "@splitmask/autograd";

/** `4×196×384`, for error texts. */
export function describeShape(tensor: Tensor): string {
  return tensor.shape.length === 0 ? "a scalar" : tensor.shape.join("×");
}
