import type { KernelName } from "./kernelArguments.js";
import type { kernelTable } from "./kernelTable.js";

/**
 * How many elements each kernel reaches in each of its buffers, from its numbers: `device.run` refuses a buffer that is too small, because a kernel that
 * writes beyond its memory is the hardest of faults to find.
 */

/** A buffer's name without the mark that it may be null. */
export type Bare<Name extends string> = Name extends `${infer Base}?` ? Base : Name;
/** An entry of the kernel table, or of its `each`. */
export type Entry = { readonly buffers: readonly string[]; readonly numbers: readonly string[] };

/** A part of an output that checkFinite looks at: rows of `columns` elements, `leading` elements apart, from element `offset` on. */
export interface CheckedPart {
  readonly offset: number;
  readonly rows: number;
  readonly columns: number;
  readonly leading: number;
}

/** What is known of the buffers of one entry of the kernel table. */
export interface BufferExtents<Table extends Entry> {
  /** Elements reached in each buffer, counted from its byteOffset; `items` is the length of the call's `each`; of an item, `call` has the numbers of the whole call. */
  readonly elements: (
    numbers: Readonly<Record<Table["numbers"][number], number>>,
    items: number,
    call: Readonly<Record<string, number>>,
  ) => Readonly<Record<Bare<Table["buffers"][number]>, number>>;
  /** Buffers whose elements are not of the call's dtype. */
  readonly types?: Readonly<Partial<Record<Bare<Table["buffers"][number]>, "int32" | "uint8" | "float64">>>;
  /** The outputs in the call's dtype that checkFinite looks at. */
  readonly outputs: readonly Bare<Table["buffers"][number]>[];
  /** Where an output is not dense: what of it the kernel writes. */
  readonly parts?: (numbers: Readonly<Record<Table["numbers"][number], number>>) => readonly CheckedPart[];
}

type ExtentsTable = {
  readonly [Name in KernelName]: BufferExtents<(typeof kernelTable)[Name]> &
    ((typeof kernelTable)[Name] extends { each: infer Each extends Entry }
      ? { readonly each: BufferExtents<Each> }
      : unknown);
};

/** The furthest element of an array with 8 dimensions and strides, plus one; 0 when it is empty. */
function strided(dimensions: readonly number[], strides: readonly number[]): number {
  let last = 0;
  for (let axis = 0; axis < dimensions.length; axis += 1) {
    if (dimensions[axis] === 0) return 0;
    last += (dimensions[axis]! - 1) * strides[axis]!;
  }
  return last + 1;
}

/** The numbers that name eight dimensions. */
export type EightDimensions = Readonly<Record<`dimension${0 | 1 | 2 | 3 | 4 | 5 | 6 | 7}`, number>>;

/** The eight dimensions of a kernel that has them as numbers. */
export function dimensionsOf(n: EightDimensions): number[] {
  const first = [n.dimension0, n.dimension1, n.dimension2, n.dimension3];
  return [...first, n.dimension4, n.dimension5, n.dimension6, n.dimension7];
}

/** The furthest element of `batch` matrices of rows×columns, plus one. */
function matrices(
  rows: number,
  columns: number,
  leading: number,
  batch: number,
  batchStride: number,
): number {
  if (rows === 0 || columns === 0 || batch === 0) return 0;
  return (batch - 1) * batchStride + (rows - 1) * leading + columns;
}

const blocks = (outer: number, inner: number, stride: number, offset: number): number =>
  outer === 0 || inner === 0 ? 0 : offset + (outer - 1) * stride + inner;

/** The extents of every kernel. */
export const bufferExtents: ExtentsTable = {
  fill: { outputs: [], elements: ({ size }) => ({ output: size }) },
  copyBytes: {
    outputs: [],
    types: { output: "uint8", input: "uint8" },
    elements: ({ bytes }) => ({ output: bytes, input: bytes }),
  },
  copyBlocks: {
    outputs: ["output"],
    elements: (n) => ({
      output: blocks(n.outer, n.inner, n.outputStride, n.outputOffset),
      input: blocks(n.outer, n.inner, n.inputStride, n.inputOffset),
    }),
    parts: (n) => [{ offset: n.outputOffset, rows: n.outer, columns: n.inner, leading: n.outputStride }],
  },
  permute: {
    outputs: ["output"],
    elements: (n) => {
      const dimensions = dimensionsOf(n);
      const strides = [
        n.stride0,
        n.stride1,
        n.stride2,
        n.stride3,
        n.stride4,
        n.stride5,
        n.stride6,
        n.stride7,
      ];
      return { output: dimensions.reduce((a, b) => a * b), input: strided(dimensions, strides) };
    },
  },
  gatherTokens: {
    outputs: ["output"],
    types: { indices: "int32" },
    elements: (n) => ({
      output: n.batch * n.outputTokens * n.width,
      input: matrices(n.inputTokens, n.width, n.width, n.batch, n.inputBatchStride),
      indices: n.batch * n.outputTokens,
    }),
  },
  scatterAddTokens: {
    outputs: ["output"],
    types: { indices: "int32" },
    elements: (n) => ({
      output: matrices(n.outputTokens, n.width, n.width, n.batch, n.outputBatchStride),
      input: n.batch * n.inputTokens * n.width,
      indices: n.batch * n.inputTokens,
    }),
  },
  gatherIntegers: {
    outputs: [],
    types: { output: "int32", input: "int32", indices: "int32" },
    elements: (n) => ({
      output: n.batch * n.outputColumns,
      input: n.batch * n.inputColumns,
      indices: n.batch * n.outputColumns,
    }),
  },
  binary: {
    outputs: ["output"],
    elements: (n) => {
      const dimensions = dimensionsOf(n);
      const a = [
        n.aStride0,
        n.aStride1,
        n.aStride2,
        n.aStride3,
        n.aStride4,
        n.aStride5,
        n.aStride6,
        n.aStride7,
      ];
      const b = [
        n.bStride0,
        n.bStride1,
        n.bStride2,
        n.bStride3,
        n.bStride4,
        n.bStride5,
        n.bStride6,
        n.bStride7,
      ];
      return {
        output: dimensions.reduce((x, y) => x * y),
        a: strided(dimensions, a),
        b: strided(dimensions, b),
      };
    },
  },
  unary: { outputs: ["output"], elements: ({ size }) => ({ output: size, input: size }) },
  unaryBackward: {
    outputs: ["inputGradient"],
    elements: ({ size }) => ({ inputGradient: size, outputGradient: size, input: size }),
  },
  affine: { outputs: ["output"], elements: ({ size }) => ({ output: size, input: size }) },
  scaleRows: {
    outputs: ["output"],
    elements: ({ rows, columns }) => {
      const all = rows * columns;
      return { output: all, input: all, rowScale: rows, residual: all };
    },
  },
  scaleColumns: {
    outputs: ["output"],
    elements: ({ rows, columns }) => {
      const all = rows * columns;
      return { output: all, input: all, columnScale: columns, residual: all };
    },
  },
  reduce: {
    outputs: ["output"],
    elements: ({ outer, reduced, inner }) => ({ output: outer * inner, input: outer * reduced * inner }),
  },
  reduceRows: {
    outputs: ["output"],
    elements: ({ rows, columns }) => ({ output: columns, a: rows * columns, b: rows * columns }),
  },
  dotRows: {
    outputs: ["output"],
    elements: ({ rows, columns }) => ({ output: rows, a: rows * columns, b: rows * columns }),
  },
  argmaxRows: {
    outputs: [],
    types: { output: "int32" },
    elements: ({ rows, columns }) => ({ output: rows, input: rows * columns }),
  },
  topK: {
    outputs: ["values"],
    types: { indices: "int32" },
    elements: ({ rows, columns, k }) => ({ values: rows * k, indices: rows * k, input: rows * columns }),
  },
  binCount: {
    outputs: ["counts"],
    types: { input: "int32" },
    elements: ({ size, bins }) => ({ counts: bins, input: size }),
  },
  equalShare: {
    outputs: ["output"],
    types: { a: "int32", b: "int32" },
    elements: ({ size }) => ({ output: 1, a: size, b: size }),
  },
  gemm: {
    outputs: ["output"],
    elements: (n) => {
      const output = matrices(n.m, n.n, n.outputLeading, n.batch, n.outputBatchStride);
      return {
        output,
        a: n.transposeA
          ? matrices(n.k, n.m, n.aLeading, n.batch, n.aBatchStride)
          : matrices(n.m, n.k, n.aLeading, n.batch, n.aBatchStride),
        b: n.transposeB
          ? matrices(n.n, n.k, n.bLeading, n.batch, n.bBatchStride)
          : matrices(n.k, n.n, n.bLeading, n.batch, n.bBatchStride),
        bias: n.n,
        residual: output,
        preActivation: output,
      };
    },
    parts: (n) =>
      n.outputBatchStride === n.m * n.outputLeading || n.batch === 1
        ? [{ offset: 0, rows: n.batch * n.m, columns: n.n, leading: n.outputLeading }]
        : Array.from({ length: n.batch }, (_, z) => ({
            offset: z * n.outputBatchStride,
            rows: n.m,
            columns: n.n,
            leading: n.outputLeading,
          })),
  },
  gemmArgmax: {
    outputs: ["best"],
    types: { output: "int32" },
    elements: ({ m, n, k }) => ({ output: m, best: m, a: m * k, b: n * k, bias: n }),
  },
  attention: {
    outputs: ["output", "logSumExp"],
    elements: (n) => {
      const all = n.batch * n.tokens * n.heads * n.headWidth;
      return { output: all, logSumExp: n.batch * n.heads * n.tokens, qkv: 3 * all };
    },
  },
  attentionBackward: {
    outputs: ["qkvGradient"],
    elements: (n) => {
      const all = n.batch * n.tokens * n.heads * n.headWidth;
      return {
        qkvGradient: 3 * all,
        outputGradient: all,
        qkv: 3 * all,
        logSumExp: n.batch * n.heads * n.tokens,
      };
    },
  },
  attentionProbabilities: {
    outputs: ["probabilities"],
    elements: (n) => ({
      probabilities: n.batch * n.heads * n.tokens * n.tokens,
      qkv: 3 * n.batch * n.tokens * n.heads * n.headWidth,
    }),
  },
  layerNorm: {
    outputs: ["output", "mean", "rstd"],
    elements: ({ rows, columns }) => ({
      output: rows * columns,
      mean: rows,
      rstd: rows,
      input: rows * columns,
      weight: columns,
      bias: columns,
    }),
  },
  layerNormBackward: {
    outputs: ["inputGradient", "weightGradient", "biasGradient"],
    elements: ({ rows, columns }) => ({
      inputGradient: rows * columns,
      weightGradient: columns,
      biasGradient: columns,
      outputGradient: rows * columns,
      input: rows * columns,
      mean: rows,
      rstd: rows,
      weight: columns,
    }),
  },
  l2Normalize: {
    outputs: ["output", "norms"],
    elements: ({ rows, columns }) => ({ output: rows * columns, norms: rows, input: rows * columns }),
  },
  l2NormalizeBackward: {
    outputs: ["inputGradient"],
    elements: ({ rows, columns }) => ({
      inputGradient: rows * columns,
      outputGradient: rows * columns,
      output: rows * columns,
      norms: rows,
    }),
  },
  softmax: {
    outputs: ["output"],
    elements: ({ rows, columns }) => ({ output: rows * columns, input: rows * columns }),
  },
  softmaxBackward: {
    outputs: ["inputGradient"],
    elements: ({ rows, columns }) => ({
      inputGradient: rows * columns,
      outputGradient: rows * columns,
      output: rows * columns,
    }),
  },
  crossEntropy: {
    outputs: ["losses", "gradient"],
    types: { targets: "int32" },
    elements: ({ rows, columns }) => ({
      losses: rows,
      gradient: rows * columns,
      logits: rows * columns,
      targets: rows,
    }),
  },
  softCrossEntropy: {
    outputs: ["losses", "gradient"],
    elements: ({ rows, columns }) => ({
      losses: rows,
      gradient: rows * columns,
      logits: rows * columns,
      targets: rows * columns,
    }),
  },
  random: { outputs: ["output"], elements: ({ size }) => ({ output: size }) },
  splitMasks: {
    outputs: [],
    types: { first: "int32", second: "int32", firstHidden: "int32", secondHidden: "int32" },
    elements: ({ batch, rows, columns, visible }) => {
      const hidden = batch * (rows * columns - visible);
      return { first: batch * visible, second: batch * visible, firstHidden: hidden, secondHidden: hidden };
    },
  },
  gradientNorm: {
    outputs: ["output"],
    elements: () => ({ output: 2 }),
    each: { outputs: [], elements: ({ size }) => ({ gradient: size }) },
  },
  adamW: {
    outputs: [],
    elements: () => ({ scale: 1 }),
    each: {
      outputs: ["parameter", "firstMoment", "secondMoment"],
      elements: ({ size }) => ({ parameter: size, gradient: size, firstMoment: size, secondMoment: size }),
    },
  },
  sgd: {
    outputs: [],
    elements: () => ({ scale: 1 }),
    each: {
      outputs: ["parameter", "momentumBuffer"],
      elements: ({ size }) => ({ parameter: size, gradient: size, momentumBuffer: size }),
    },
  },
  lars: {
    outputs: [],
    elements: () => ({ scale: 1 }),
    each: {
      outputs: ["parameter", "momentumBuffer"],
      elements: ({ size }) => ({ parameter: size, gradient: size, momentumBuffer: size }),
    },
  },
  clipGradients: {
    outputs: ["output"],
    elements: () => ({ output: 1 }),
    each: { outputs: ["gradient"], elements: ({ size }) => ({ gradient: size }) },
  },
  moveAverages: {
    outputs: [],
    elements: () => ({}),
    each: { outputs: ["average"], elements: ({ size }) => ({ average: size, value: size }) },
  },
  augmentImages: {
    outputs: ["output"],
    types: { normalization: "float64", operations: "float64" },
    elements: ({ outputHeight, outputWidth, channels, operationRows }, items) => ({
      output: items * channels * outputHeight * outputWidth,
      normalization: 2 * channels,
      operations: 16 * operationRows,
    }),
    each: {
      outputs: [],
      types: { picture: "uint8" },
      elements: ({ height, width }, _, { channels }) => ({ picture: height * width * channels! }),
    },
  },
  mixImages: {
    outputs: ["output"],
    elements: ({ channels, height, width }, items) => ({
      output: items * channels * height * width,
      input: items * channels * height * width,
    }),
    each: { outputs: [], elements: () => ({}) },
  },
  mixTargets: {
    outputs: ["output"],
    types: { labels: "int32" },
    elements: ({ classes }, items) => ({ output: items * classes, labels: items }),
    each: { outputs: [], elements: () => ({}) },
  },
  channelMoments: {
    outputs: [],
    types: { output: "float64" },
    elements: ({ channels }) => ({ output: 2 * channels }),
    each: {
      outputs: [],
      types: { picture: "uint8" },
      elements: ({ height, width }, _, { channels }) => ({ picture: height * width * channels! }),
    },
  },
  interpolationMatrix: {
    outputs: ["output"],
    elements: ({ outputSize, inputSize }) => ({ output: outputSize * inputSize }),
  },
  multiplyAdds: { outputs: ["output"], elements: ({ tasks }) => ({ output: tasks }) },
  bfloat16Dots: { outputs: ["output"], elements: ({ tasks }) => ({ output: tasks }) },
  segmentSums: {
    outputs: ["sums", "counts"],
    types: { assignments: "int32" },
    elements: ({ points, width, segments }) => ({
      sums: segments * width,
      counts: segments,
      pointsArray: points * width,
      assignments: points,
    }),
  },
  kMeansSeed: {
    outputs: [],
    elements: ({ points, width, to }) => ({
      centroids: to * width,
      distances: points,
      pointsArray: points * width,
    }),
  },
  kMeansUpdate: {
    outputs: ["centroids", "shift"],
    elements: ({ segments, width }) => ({
      centroids: segments * width,
      shift: 1,
      sums: segments * width,
      counts: segments,
    }),
  },
  neighbourVotes: {
    outputs: ["scores"],
    types: { indices: "int32", labels: "int32" },
    elements: ({ rows, k, classes, labelCount }) => ({
      scores: rows * classes,
      values: rows * k,
      indices: rows * k,
      labels: labelCount,
    }),
  },
};
