import { bytesPerElement } from "../elements.js";
import { empty, floatingOf, type Tensor } from "../tensor.js";
import { splitAround } from "./strided.js";

/** Elements `start` … `end` − 1 of an axis: a view where they lie together in memory, else a copy. */
export function sliceAxis(input: Tensor, axis: number, start: number, end: number): Tensor {
  const { outer, middle, inner } = splitAround(input.shape, axis, axis);
  const shape = input.shape.map((extent, index) => (index === axis ? end - start : extent));
  if (outer === 1) return input.alias(shape, start * inner);
  const output = empty(input.device, shape, input.dtype);
  const width = (end - start) * inner;
  copyBlocks(output, input, {
    outer,
    width,
    outputStride: width,
    inputStride: middle * inner,
    inputOffset: start * inner,
  });
  return output;
}

/** Writes `part` to the places from `start` on along an axis of `whole`. */
export function placeAlongAxis(whole: Tensor, part: Tensor, axis: number, start: number): void {
  const { outer, middle, inner } = splitAround(whole.shape, axis, axis);
  const width = part.shape[axis]! * inner;
  copyBlocks(whole, part, {
    outer,
    width,
    outputStride: middle * inner,
    outputOffset: start * inner,
    inputStride: width,
  });
}

function copyBlocks(
  output: Tensor,
  input: Tensor,
  layout: {
    outer: number;
    width: number;
    outputStride: number;
    outputOffset?: number;
    inputStride: number;
    inputOffset?: number;
  },
): void {
  if (bytesPerElement(input.dtype) < 4) {
    throw new TypeError(
      `slices and concatenations along an inner axis need elements of 4 or 8 bytes, not ${input.dtype}.`,
    );
  }
  output.device.run("copyBlocks", bytesPerElement(input.dtype) === 8 ? "float64" : "float32", {
    output,
    input,
    outer: layout.outer,
    inner: layout.width,
    outputStride: layout.outputStride,
    outputOffset: layout.outputOffset ?? 0,
    inputStride: layout.inputStride,
    inputOffset: layout.inputOffset ?? 0,
  });
}

/** A fresh floating tensor of zeros, for gradients that are filled in part. */
export function zerosLike(like: Tensor, shape: readonly number[]): Tensor {
  const output = empty(like.device, shape, like.dtype);
  output.device.run("fill", floatingOf(output), { output, size: output.size, value: 0 });
  return output;
}
