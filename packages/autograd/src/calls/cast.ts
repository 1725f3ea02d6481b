import { anyElementTypes, type DType } from "@splitmask/kernels";
import { empty, type Tensor } from "../tensor.js";

/** The elements in another dtype, in a fresh tensor without a graph. */
export function castTo(x: Tensor, dtype: DType): Tensor {
  const output = empty(x.device, x.shape, dtype);
  const isDouble = x.dtype === "float64" || dtype === "float64";
  const typeOf = (type: DType) => anyElementTypes[type === "float64" ? "dtype" : type];
  x.device.run("cast", isDouble ? "float64" : "float32", {
    output,
    input: x,
    size: x.size,
    inputType: typeOf(x.dtype),
    outputType: typeOf(dtype),
  });
  return output;
}
