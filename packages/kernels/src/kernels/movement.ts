import { defineKernel, dimensions, strides } from "./defineKernel.js";
import { dense, distinct, matrices, none, size, strided } from "./extents.js";

const blocks = (outer: number, inner: number, stride: number, offset: number): number =>
  outer === 0 || inner === 0 ? 0 : offset + (outer - 1) * stride + inner;

/** Kernels that move elements. */
export const movement = {
  /** output[i] = value. */
  fill: defineKernel({
    integers: ["size"],
    values: ["value"],
    buffers: { output: { output: true, extent: size, checked: false } },
    operations: none,
  }),
  /** Copies `bytes` bytes, whatever they are. */
  copyBytes: defineKernel({
    integers: ["bytes"],
    buffers: {
      output: { output: true, type: "uint8", extent: (n) => n.bytes },
      input: { type: "uint8", extent: (n) => n.bytes },
    },
    operations: none,
  }),
  /**
   * Copies `outer` blocks of `inner` elements: output[o·outputStride + outputOffset + i] = input[o·inputStride +
   * inputOffset + i]; slices and concatenation along any axis.
   */
  copyBlocks: defineKernel({
    integers: ["outer", "inner", "outputStride", "outputOffset", "inputStride", "inputOffset"],
    buffers: {
      output: {
        output: true,
        extent: (n) => blocks(n.outer, n.inner, n.outputStride, n.outputOffset),
        traffic: (n) => n.outer * n.inner,
        checked: (n) => [
          { offset: n.outputOffset, rows: n.outer, columns: n.inner, leading: n.outputStride },
        ],
      },
      input: {
        extent: (n) => blocks(n.outer, n.inner, n.inputStride, n.inputOffset),
        traffic: (n) => n.outer * n.inner,
      },
    },
    operations: none,
  }),
  /** output = input with its axes permuted: the dimensions are the output's, the strides the input's in that order. */
  permute: defineKernel({
    integers: [...dimensions(), ...strides("input")],
    buffers: {
      output: { output: true, extent: dense },
      input: { extent: strided("input"), traffic: distinct("input") },
    },
    operations: none,
  }),
  /**
   * Tokens by index: output[b,k,:] = input[b,indices[b,k],:], B×K×D. inputBatchStride in elements (0: one table for all
   * samples). indices B×K; out of range is a device error.
   */
  gatherTokens: defineKernel({
    integers: ["batch", "inputTokens", "outputTokens", "width", "inputBatchStride"],
    buffers: {
      output: { output: true, extent: (n) => n.batch * n.outputTokens * n.width },
      input: {
        extent: (n) => matrices(n.inputTokens, n.width, n.width, n.batch, n.inputBatchStride),
        traffic: (n) => {
          const rows = n.batch * n.outputTokens;
          return (n.inputBatchStride === 0 ? Math.min(rows, n.inputTokens) : rows) * n.width;
        },
      },
      indices: { type: "int32", extent: (n) => n.batch * n.outputTokens },
    },
    operations: none,
  }),
  /**
   * The gradient of gatherTokens: output[b,indices[b,k],:] += input[b,k,:] (output holds `outputTokens` rows a sample;
   * outputBatchStride 0: all samples add to one table, in order of b then k). Caller zero-fills.
   */
  scatterAddTokens: defineKernel({
    integers: ["batch", "outputTokens", "inputTokens", "width", "outputBatchStride"],
    buffers: {
      output: {
        output: true,
        extent: (n) => matrices(n.outputTokens, n.width, n.width, n.batch, n.outputBatchStride),
        traffic: (n) => {
          const rows = n.batch * n.inputTokens;
          return 2 * (n.outputBatchStride === 0 ? Math.min(rows, n.outputTokens) : rows) * n.width;
        },
      },
      input: { extent: (n) => n.batch * n.inputTokens * n.width },
      indices: { type: "int32", extent: (n) => n.batch * n.inputTokens },
    },
    operations: (n) => n.batch * n.inputTokens * n.width,
  }),
  /** Whole numbers by index, by rows: output[b,k] = input[b,indices[b,k]]. */
  gatherIntegers: defineKernel({
    integers: ["batch", "inputColumns", "outputColumns"],
    buffers: {
      output: { output: true, type: "int32", extent: (n) => n.batch * n.outputColumns },
      input: {
        type: "int32",
        extent: (n) => n.batch * n.inputColumns,
        traffic: (n) => n.batch * n.outputColumns,
      },
      indices: { type: "int32", extent: (n) => n.batch * n.outputColumns },
    },
    operations: none,
  }),
};
