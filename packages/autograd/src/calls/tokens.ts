import { empty, floatingOf, type Tensor } from "../tensor.js";
import { zerosLike } from "./blocks.js";

/** output[b,k,:] = input[b,indices[b,k],:]; an input of rank 2 is one table for all samples. */
export function gather(input: Tensor, indices: Tensor): Tensor {
  const [batch, outputTokens] = indices.shape as [number, number];
  const [inputTokens, width] = input.shape.slice(-2) as [number, number];
  const output = empty(input.device, [batch, outputTokens, width], input.dtype);
  input.device.run("gatherTokens", floatingOf(input), {
    output,
    input,
    indices,
    batch,
    inputTokens,
    outputTokens,
    width,
    inputBatchStride: input.rank === 3 ? inputTokens * width : 0,
  });
  return output;
}

/** Zeros of `shape` (B×N×D, or N×D for one table), then output[b,indices[b,k],:] += input[b,k,:]. */
export function scatter(input: Tensor, indices: Tensor, shape: readonly number[]): Tensor {
  const [batch, inputTokens] = indices.shape as [number, number];
  const [outputTokens, width] = shape.slice(-2) as [number, number];
  const output = zerosLike(input, shape);
  input.device.run("scatterAddTokens", floatingOf(input), {
    output,
    input,
    indices,
    batch,
    outputTokens,
    inputTokens,
    width,
    outputBatchStride: shape.length === 3 ? outputTokens * width : 0,
  });
  return output;
}
