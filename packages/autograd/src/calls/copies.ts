import { empty, type Tensor } from "../tensor.js";

/** A copy of the elements in a new buffer, without the graph. */
export function clone(source: Tensor): Tensor {
  const copy = empty(source.device, source.shape, source.dtype);
  source.device.run("copyBytes", "float32", { output: copy, input: source, bytes: source.bytes });
  return copy;
}
