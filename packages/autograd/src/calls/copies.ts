import { empty, type Tensor } from "../tensor.js";

/** A new tensor with the same elements in a buffer of its own, without the graph. */
export function clone(source: Tensor): Tensor {
  const copy = empty(source.device, source.shape, source.dtype);
  source.device.run("copyBytes", "float32", { output: copy, input: source, bytes: source.bytes });
  return copy;
}
