import { type Bare, bufferExtents, dimensionsOf, type EightDimensions, type Entry } from "./bufferExtents.js";
import type { KernelName } from "./kernelArguments.js";
import type { kernelTable } from "./kernelTable.js";
import type { ProfiledArguments, ProfiledKernel } from "./profile.js";

/** What a call costs, whatever runs it. */
export interface KernelCost {
  /** Floating-point operations; a multiply-add is two, an elementary function (eˣ, √, …) one. */
  readonly operations: number;
  /** Bytes that must be read plus bytes that must be written: each operand once, what is changed in place twice. */
  readonly bytes: number;
}

type Numbers<Table extends Entry> = Readonly<Record<Table["numbers"][number], number>>;

/** What is known of the cost of one entry of the kernel table. */
interface CostEntry<Table extends Entry> {
  /** Floating-point operations. */
  readonly operations: (numbers: Numbers<Table>, items: number) => number;
  /** Elements read plus elements written, for the buffers where that is not the extent that `bufferExtents` has. */
  readonly traffic?: (
    numbers: Numbers<Table>,
    items: number,
    call: Readonly<Record<string, number>>,
  ) => Readonly<Partial<Record<Bare<Table["buffers"][number]>, number>>>;
}

type CostTable = {
  readonly [Name in KernelName]: CostEntry<(typeof kernelTable)[Name]> &
    ((typeof kernelTable)[Name] extends { each: infer Each extends Entry }
      ? { readonly each: CostEntry<Each> }
      : unknown);
};

const none = () => 0;

/** Elements of an array whose axes of stride 0 are one element repeated. */
function distinct(n: EightDimensions, prefix: string): number {
  const strides = n as unknown as Readonly<Record<string, number>>;
  return dimensionsOf(n).reduce(
    (all, size, axis) => (strides[`${prefix}${axis}`] === 0 && size > 0 ? all : all * size),
    1,
  );
}

/** An output that is added to is also read. */
const changed = (accumulate: number, elements: number): number =>
  accumulate === 0 ? elements : 2 * elements;

const perElement = (operations: number) => (n: { readonly rows: number; readonly columns: number }) =>
  operations * n.rows * n.columns;

/** One of the two products over all pairs of tokens. */
const pairs = (n: Readonly<Record<"batch" | "tokens" | "heads" | "headWidth", number>>): number =>
  2 * n.batch * n.heads * n.tokens * n.tokens * n.headWidth;

/** The cost of every kernel. */
const kernelCosts: CostTable = {
  fill: { operations: none },
  copyBytes: { operations: none },
  copyBlocks: {
    operations: (n) => n.accumulate * n.outer * n.inner,
    traffic: (n) => ({ output: changed(n.accumulate, n.outer * n.inner), input: n.outer * n.inner }),
  },
  permute: { operations: none, traffic: (n) => ({ input: distinct(n, "stride") }) },
  gatherTokens: {
    operations: none,
    traffic: (n) => {
      const rows = n.batch * n.outputTokens;
      return { input: (n.inputBatchStride === 0 ? Math.min(rows, n.inputTokens) : rows) * n.width };
    },
  },
  scatterAddTokens: {
    operations: (n) => n.batch * n.inputTokens * n.width,
    traffic: (n) => {
      const rows = n.batch * n.inputTokens;
      return { output: 2 * (n.outputBatchStride === 0 ? Math.min(rows, n.outputTokens) : rows) * n.width };
    },
  },
  gatherIntegers: { operations: none, traffic: (n) => ({ input: n.batch * n.outputColumns }) },
  binary: {
    operations: (n) => dimensionsOf(n).reduce((a, b) => a * b),
    traffic: (n) => ({ a: distinct(n, "aStride"), b: distinct(n, "bStride") }),
  },
  unary: { operations: ({ size }) => size },
  unaryBackward: { operations: ({ size }) => 2 * size },
  affine: { operations: ({ size }) => 2 * size },
  scaleRows: { operations: perElement(2) },
  scaleColumns: { operations: perElement(2) },
  reduce: {
    operations: (n) => n.outer * n.reduced * n.inner,
    traffic: (n) => ({ output: changed(n.accumulate, n.outer * n.inner) }),
  },
  reduceRows: {
    operations: perElement(2),
    traffic: (n) => ({ output: changed(n.accumulate, n.columns) }),
  },
  dotRows: { operations: perElement(2) },
  argmaxRows: { operations: perElement(1) },
  topK: { operations: perElement(1) },
  binCount: { operations: ({ size }) => size, traffic: ({ bins }) => ({ counts: 2 * bins }) },
  equalShare: { operations: ({ size }) => size },
  gemm: {
    operations: (n) => 2 * n.batch * n.m * n.n * n.k,
    traffic: (n) => {
      const output = n.batch * n.m * n.n;
      return {
        output: changed(n.beta, output),
        a: (n.aBatchStride === 0 ? 1 : n.batch) * n.m * n.k,
        b: (n.bBatchStride === 0 ? 1 : n.batch) * n.k * n.n,
        residual: output,
        preActivation: output,
      };
    },
  },
  gemmArgmax: { operations: (n) => 2 * n.m * n.n * n.k },
  attention: { operations: (n) => 2 * pairs(n) },
  // The probabilities again, their gradient, and the gradients of queries, keys and values.
  attentionBackward: { operations: (n) => 5 * pairs(n) },
  attentionProbabilities: { operations: pairs },
  layerNorm: { operations: perElement(8) },
  layerNormBackward: { operations: perElement(13) },
  l2Normalize: { operations: perElement(3) },
  l2NormalizeBackward: { operations: perElement(5) },
  softmax: { operations: perElement(5) },
  softmaxBackward: { operations: perElement(4) },
  crossEntropy: { operations: perElement(6) },
  softCrossEntropy: { operations: perElement(9) },
  random: { operations: none },
  splitMasks: { operations: none },
  gradientNorm: { operations: none, each: { operations: ({ size }) => 2 * size } },
  adamW: {
    operations: none,
    each: {
      operations: ({ size }) => 14 * size,
      traffic: ({ size }) => ({ parameter: 2 * size, firstMoment: 2 * size, secondMoment: 2 * size }),
    },
  },
  sgd: {
    operations: none,
    each: {
      operations: ({ size }) => 6 * size,
      traffic: ({ size }) => ({ parameter: 2 * size, momentumBuffer: 2 * size }),
    },
  },
  lars: {
    operations: none,
    each: {
      operations: ({ size }) => 11 * size,
      // The norms have to be known before the first number is changed.
      traffic: ({ size }) => ({ parameter: 3 * size, gradient: 2 * size, momentumBuffer: 2 * size }),
    },
  },
  clipGradients: { operations: none, each: { operations: ({ size }) => 2 * size } },
  moveAverages: {
    operations: none,
    each: { operations: ({ size }) => 3 * size, traffic: ({ size }) => ({ average: 2 * size }) },
  },
  augmentImages: {
    operations: none,
    each: {
      operations: none,
      traffic: (n, _, { channels }) => ({
        picture: channels! * Math.min(n.cropHeight, n.height) * Math.min(n.cropWidth, n.width),
      }),
    },
  },
  mixImages: {
    operations: ({ channels, height, width }, items) => 3 * items * channels * height * width,
    each: { operations: none },
  },
  mixTargets: { operations: ({ classes }, items) => 3 * items * classes, each: { operations: none } },
  channelMoments: {
    operations: none,
    traffic: ({ channels }) => ({ output: 4 * channels }),
    each: { operations: ({ height, width }) => 12 * height * width },
  },
  interpolationMatrix: { operations: none },
  multiplyAdds: { operations: ({ tasks, steps }) => 512 * tasks * steps },
  bfloat16Dots: { operations: ({ tasks, steps }) => 1024 * tasks * steps },
  segmentSums: {
    operations: ({ points, width }) => points * width,
    traffic: (n) => ({
      sums: changed(n.accumulate, n.segments * n.width),
      counts: changed(n.accumulate, n.segments),
    }),
  },
  kMeansSeed: {
    operations: (n) => 3 * (n.to - n.from) * n.points * n.width,
    traffic: (n) => ({ centroids: (n.to - n.from) * n.width, distances: 2 * n.points }),
  },
  kMeansUpdate: {
    operations: ({ segments, width }) => 4 * segments * width,
    traffic: ({ segments, width }) => ({ centroids: 2 * segments * width }),
  },
  neighbourVotes: { operations: ({ rows, k }) => 3 * rows * k },
};

/** The tables without their names' types. */
interface AnyCost {
  readonly operations: (numbers: object, items: number) => number;
  readonly traffic?: (numbers: object, items: number, call: object) => Readonly<Record<string, number>>;
  readonly each?: AnyCost;
}
interface AnyExtents {
  readonly elements: (numbers: object, items: number, call: object) => Readonly<Record<string, number>>;
  readonly types?: Readonly<Record<string, keyof typeof elementBytes>>;
  readonly each?: AnyExtents;
}

const elementBytes = { float32: 4, float64: 8, int32: 4, uint8: 1 } as const;

/**
 * What a call costs: computed from its numbers alone, so it is the same for every implementation of the kernel.
 *
 * @param call - a call of a profile, or anything that names a kernel, its dtype, its numbers and the buffers that are given
 */
export function kernelCost(
  call: Pick<ProfiledKernel, "kernel" | "dtype" | "numbers" | "buffers" | "each">,
): KernelCost {
  const cost = kernelCosts[call.kernel] as unknown as AnyCost;
  const extents = bufferExtents[call.kernel] as unknown as AnyExtents;
  const own = partCost(call, cost, extents, call.dtype, call.each.length, call.numbers);
  if (cost.each === undefined || extents.each === undefined) return own;
  let { operations, bytes } = own;
  for (const item of call.each) {
    const part = partCost(item, cost.each, extents.each, call.dtype, 0, call.numbers);
    operations += part.operations;
    bytes += part.bytes;
  }
  return { operations, bytes };
}

function partCost(
  { numbers, buffers }: ProfiledArguments,
  cost: AnyCost,
  extents: AnyExtents,
  dtype: "float32" | "float64",
  items: number,
  callNumbers: Readonly<Record<string, number>>,
): KernelCost {
  const elements = extents.elements(numbers, items, callNumbers);
  const traffic = cost.traffic?.(numbers, items, callNumbers) ?? {};
  let bytes = 0;
  for (const name of buffers)
    bytes += (traffic[name] ?? elements[name]!) * elementBytes[extents.types?.[name] ?? dtype];
  return { operations: cost.operations(numbers, items), bytes };
}
