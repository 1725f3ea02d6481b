import {
  absolute,
  add,
  affine,
  attention,
  batchNorm,
  cast,
  ceil,
  checkpoint,
  clamp,
  columnStatistics,
  concatenate,
  conv2d,
  convTranspose2d,
  cos,
  crossEntropy,
  cumsum,
  divide,
  dropout,
  embedding,
  erf,
  exp,
  expand,
  expm1,
  floor,
  gatherTokens,
  gelu,
  greater,
  l2Normalize,
  layerNorm,
  linear,
  linearCrossEntropy,
  log,
  log1p,
  logSoftmax,
  logSumExp,
  matmul,
  max,
  maximum,
  maxPool2d,
  mean,
  min,
  minimum,
  mlp,
  multiply,
  negate,
  type OperationObserver,
  observeOperations,
  permute,
  pow,
  reciprocal,
  relu,
  reshape,
  round,
  rsqrt,
  scaleColumns,
  scaleRows,
  scatterTokens,
  sigmoid,
  sign,
  silu,
  sin,
  slice,
  softmax,
  softplus,
  split,
  sqrt,
  square,
  stack,
  standardDeviation,
  subtract,
  sum,
  type Tensor,
  tanh,
  transpose,
  trunc,
  upsampleNearest,
  variance,
  where,
} from "@splitmask/autograd";
import { caseInputs, checkOp, Fixture, type OpCheckOptions } from "@splitmask/autograd/testing";
import { availableWasmSets, createDevice } from "@splitmask/kernels";
import { conforms } from "../../kernels/test/conformance.js";
import { definedOperations } from "../dist/testing/definedOperations.js";

/** What every operation is tried on; float64 is the naive kernels' everywhere, and tried once. */
const versions = (
  [
    { label: "fast", options: {}, float64: true },
    { label: "naive", options: { implementation: "naive" }, float64: false },
    ...(availableWasmSets().length > 0
      ? [{ label: "wasm", options: { backend: "wasm" as const }, float64: false }]
      : []),
    { label: "dry", options: { backend: "dry" }, float64: true },
  ] as const
).map((version) => ({ ...version, device: createDevice({ ...version.options, threads: 2 }) }));
const fixture = await Fixture.read("test/fixtures/ops.safetensors");
afterAll(() => {
  for (const { device } of versions) device.close();
});

// biome-ignore lint/suspicious/noExplicitAny: a case names the inputs that its fixture has
type Compute = (inputs: any) => Tensor;

const binary = (operation: (a: Tensor | number, b: Tensor | number) => Tensor): Record<string, Compute> => {
  const compute: Compute = ({ a, b }) => operation(a, b);
  return {
    ...{ same: compute, row: compute, both: compute, scalar: compute },
    number: ({ a }) => operation(a, 0.3),
    numberFirst: ({ b }) => operation(0.3, b),
  };
};
const unary = (operation: (x: Tensor) => Tensor): Record<string, Compute> => ({
  plain: ({ input }) => operation(input),
});
const extremes = (along: typeof max): Record<string, Compute> => ({
  all: ({ x }) => along(x),
  last: ({ x }) => along(x, { axes: -1 }),
  apart: ({ x }) => along(x, { axes: [0, 2], keepDimensions: true }),
  single: ({ x }) => along(x, { axes: 1 }),
  ties: ({ x }) => along(x, { axes: 1 }),
});
const mlpOfLinears: Compute = ({ x, weight, bias, gamma, beta, out }) =>
  linear(linear(layerNorm(x, gamma, beta), weight, bias), out, null, {
    inputActivation: "gelu",
    residual: x,
  });

/** The cases of each operation. */
const cases: Record<string, Record<string, Compute>> = {
  add: binary(add),
  subtract: binary(subtract),
  multiply: binary(multiply),
  divide: binary(divide),
  negate: unary(negate),
  exp: unary(exp),
  log: unary(log),
  sqrt: unary(sqrt),
  rsqrt: unary(rsqrt),
  square: unary(square),
  reciprocal: unary(reciprocal),
  absolute: unary(absolute),
  tanh: unary(tanh),
  sin: unary(sin),
  cos: unary(cos),
  sigmoid: unary(sigmoid),
  relu: unary(relu),
  erf: unary(erf),
  gelu: { ...unary(gelu), tails: ({ input }) => gelu(input) },
  affine: { plain: ({ x }) => affine(x, -1.5, 0.25) },
  sum: {
    all: ({ x }) => sum(x),
    last: ({ x }) => sum(x, { axes: -1 }),
    outer: ({ x }) => sum(x, { axes: [0, 1], keepDimensions: true }),
    apart: ({ x }) => sum(x, { axes: [0, 2] }),
    meanMiddle: ({ x }) => mean(x, { axes: 1 }),
    meanAll: ({ x }) => mean(x),
    variance: ({ x }) => variance(x, { axes: 1 }),
    population: ({ x }) => variance(x, { axes: [0, 2], correction: 0, keepDimensions: true }),
    standardDeviation: ({ x }) => standardDeviation(x),
    logSumExp: ({ x }) => logSumExp(x, { axes: -1 }),
    logSumExpAll: ({ x }) => logSumExp(x, { keepDimensions: true }),
  },
  matmul: {
    plain: ({ a, b }) => matmul(a, b),
    transposeB: ({ a, b }) => matmul(a, b, { transposeB: true }),
    transposeA: ({ a, b }) => matmul(a, b, { transposeA: true }),
    transposeBoth: ({ a, b }) => matmul(a, b, { transposeA: true, transposeB: true }),
    batched: ({ a, b }) => matmul(a, b, { alpha: 0.5 }),
    batchedTransposed: ({ a, b }) => matmul(a, b, { transposeA: true, transposeB: true }),
    sharedB: ({ a, b }) => matmul(a, b, { transposeB: true }),
    sharedBTransposedA: ({ a, b }) => matmul(a, b, { transposeA: true }),
    sharedBTransposedBoth: ({ a, b }) => matmul(a, b, { transposeA: true, transposeB: true }),
    sharedA: ({ a, b }) => matmul(a, b),
    sharedATransposed: ({ a, b }) => matmul(a, b, { transposeA: true, transposeB: true }),
  },
  linear: {
    plain: ({ x, weight }) => linear(x, weight, null),
    bias: ({ input, weight, bias }) => linear(input, weight, bias),
    gelu: ({ x, weight, bias }) => linear(x, weight, bias, { inputActivation: "gelu" }),
    residual: ({ x, weight, bias, residual }) => linear(x, weight, bias, { residual }),
    geluResidual: ({ x, weight, bias, residual }) =>
      linear(x, weight, bias, { inputActivation: "gelu", residual }),
    behindNormAndGelu: mlpOfLinears,
  },
  mlp: {
    residual: ({ x, weight1, bias1, weight2, bias2, residual }) =>
      mlp(
        x,
        { weight: weight1, bias: bias1 },
        { weight: weight2, bias: bias2 },
        { residual, precision: "bfloat16" },
      ),
    behindNorm: ({ x, weight, bias, gamma, beta, out }) =>
      mlp(
        layerNorm(x, gamma, beta, { dtype: "bfloat16" }),
        { weight, bias },
        { weight: out, bias: null },
        { residual: x, precision: "bfloat16" },
      ),
  },
  conv2d: {
    plain: ({ x, weight, bias }) => conv2d(x, weight, bias),
    padded: ({ x, weight, bias }) => conv2d(x, weight, bias, { padding: 1 }),
    stride: ({ x, weight, bias }) => conv2d(x, weight, bias, { stride: 2, padding: 1 }),
    strideOdd: ({ x, weight, bias }) => conv2d(x, weight, bias, { stride: 2, padding: 1 }),
    large: ({ x, weight, bias }) => conv2d(x, weight, bias, { padding: 3 }),
    point: ({ x, weight, bias }) => conv2d(x, weight, bias),
    pointStride: ({ x, weight, bias }) => conv2d(x, weight, bias, { stride: 2 }),
    oblong: ({ x, weight, bias }) => conv2d(x, weight, bias, { stride: 3 }),
    relu: ({ x, weight, bias }) => conv2d(x, weight, bias, { padding: 1, activation: "relu" }),
    pointRelu: ({ x, weight, bias }) => conv2d(x, weight, bias, { activation: "relu" }),
    withoutBias: ({ input, weight }) => conv2d(input, weight, null),
  },
  convTranspose2d: {
    plain: ({ x, weight, bias }) => convTranspose2d(x, weight, bias),
    stride: ({ x, weight, bias }) => convTranspose2d(x, weight, bias, { stride: 2, padding: 1 }),
    outputPadding: ({ x, weight, bias }) =>
      convTranspose2d(x, weight, bias, { stride: 2, padding: 1, outputPadding: 1 }),
    point: ({ x, weight, bias }) => convTranspose2d(x, weight, bias),
    gaps: ({ x, weight, bias }) => convTranspose2d(x, weight, bias, { stride: 3, outputPadding: 2 }),
    relu: ({ x, weight, bias }) =>
      convTranspose2d(x, weight, bias, { stride: 2, padding: 1, activation: "relu" }),
  },
  maxPool2d: {
    two: ({ x }) => maxPool2d(x, { kernelSize: 2 }),
    rest: ({ x }) => maxPool2d(x, { kernelSize: 3 }),
  },
  maximum: { ...binary(maximum), ties: ({ a, b }) => maximum(a, b) },
  minimum: { ...binary(minimum), ties: ({ a, b }) => minimum(a, b) },
  pow: {
    same: ({ input, exponent }) => pow(input, exponent),
    row: ({ input, exponent }) => pow(input, exponent),
    both: ({ input, exponent }) => pow(input, exponent),
    zeros: ({ input, exponent }) => pow(input, exponent),
    numberFirst: ({ b }) => pow(0.3, b),
    square: ({ a }) => pow(a, 2),
    cube: ({ a }) => pow(a, 3),
    root: ({ a }) => pow(a, 0.5),
    inverseRoot: ({ a }) => pow(a, -0.5),
    inverse: ({ a }) => pow(a, -1),
    number: ({ a }) => pow(a, 1.7),
    none: ({ a }) => pow(a, 0),
  },
  clamp: {
    both: ({ x }) => clamp(x, { min: -0.5, max: 0.75 }),
    min: ({ x }) => clamp(x, { min: -0.25 }),
    max: ({ x }) => clamp(x, { max: 0.25 }),
    crossed: ({ x }) => clamp(x, { min: 0.75, max: -0.5 }),
    ties: ({ x }) => clamp(x, { min: 0, max: 2 }),
    tensors: ({ x, low, high }) => clamp(x, { min: low, max: high }),
    minTensor: ({ x, low }) => clamp(x, { min: low }),
    maxTensor: ({ x, high }) => clamp(x, { max: high }),
  },
  where: {
    same: ({ condition, input, other }) => where(condition, input, other),
    rows: ({ condition, input, other }) => where(condition, input, other),
    repeated: ({ condition, input, other }) => where(condition, input, other),
    number: ({ condition, input }) => where(condition, input, -2),
    numberFirst: ({ condition, other }) => where(condition, 1, other),
    hidden: ({ x }) => where(greater(x, 0), log(clamp(x, { min: 0.1 })), 0),
  },
  cumsum: {
    last: ({ x }) => cumsum(x, -1),
    first: ({ x }) => cumsum(x, 0),
    middle: ({ x }) => cumsum(x, 1),
  },
  cast: {
    bfloat16: ({ x }) => cast(cast(x, "bfloat16"), x.dtype),
    floats: ({ x }) => cast(cast(x, x.dtype === "float32" ? "float64" : "float32"), x.dtype),
  },
  expand: { axes: ({ x }) => expand(x, [2, 3, 4]), scalar: ({ x }) => expand(x, [3, 2]) },
  sign: unary(sign),
  floor: unary(floor),
  ceil: unary(ceil),
  round: { ...unary(round), halves: ({ input }) => round(input) },
  trunc: unary(trunc),
  expm1: unary(expm1),
  log1p: unary(log1p),
  softplus: unary(softplus),
  silu: unary(silu),
  max: extremes(max),
  min: extremes(min),
  embedding: {
    plain: ({ weight, indices }) => embedding(weight, indices),
    flat: ({ weight, indices }) => embedding(weight, indices),
    padding: ({ weight, indices }) => embedding(weight, indices, { paddingIndex: 1 }),
    paddingFromEnd: ({ weight, indices }) => embedding(weight, indices, { paddingIndex: -1 }),
  },
  dropout: {
    plain: ({ x }) => dropout(x, { probability: 0.25, training: true, key: { seed: 3, purpose: "test" } }),
    samples: ({ x }) =>
      dropout(x, {
        probability: 0.5,
        training: true,
        key: { seed: 3, purpose: "test", step: 9 },
        rows: { first: 2, count: 2, total: 5 },
      }),
    all: ({ x }) => dropout(x, { probability: 1, training: true, key: { seed: 0, purpose: "test" } }),
  },
  upsampleNearest: {
    two: ({ x }) => upsampleNearest(x, 2),
    three: ({ x }) => upsampleNearest(x, 3),
  },
  layerNorm: {
    affine: ({ x, weight, bias }) => layerNorm(x, weight, bias),
    plain: ({ x }) => layerNorm(x, null, null, { epsilon: 1e-3 }),
  },
  batchNorm: {
    batch: ({ x, weight, bias }) => batchNorm(x, columnStatistics(x), weight, bias, { ofBatch: true }),
    single: ({ x, weight, bias }) => batchNorm(x, columnStatistics(x), weight, bias, { ofBatch: true }),
    plain: ({ x }) => batchNorm(x, columnStatistics(x), null, null, { ofBatch: true, epsilon: 1e-3 }),
    running: ({ x, mean, variance, weight, bias }) => batchNorm(x, { mean, variance }, weight, bias),
  },
  softmax: { plain: ({ x }) => softmax(x) },
  logSoftmax: { plain: ({ x }) => logSoftmax(x) },
  attention: {
    heads: ({ qkv }) => attention(qkv, { heads: 3 }),
    scale: ({ qkv }) => attention(qkv, { heads: 1, scale: 0.7 }),
  },
  checkpoint: {
    mlp: ({ x, ...parameters }) =>
      checkpoint(
        (input) => mlpOfLinears({ x: input, ...parameters }),
        x,
        Object.values(parameters) as Tensor[],
      ),
  },
  reshape: { plain: ({ x }) => reshape(x, [4, -1]) },
  permute: { three: ({ x }) => permute(x, [2, 0, 1]), transpose: ({ x }) => transpose(x) },
  slice: {
    outer: ({ x }) => slice(x, 0, 1, 3),
    inner: ({ x }) => slice(x, 1, 1, 3),
    negative: ({ x }) => slice(x, -1, -2),
    split: ({ x }) => concatenate(split(x, [1, 3, 2], 1).reverse(), 1),
    chunks: ({ x }) => concatenate(split(x, 2).reverse(), 0),
  },
  concatenate: {
    outer: ({ a, b }) => concatenate([a, b], 0),
    inner: ({ a, b, c }) => concatenate([a, b, c], 1),
    twice: ({ a }) => concatenate([a, a], -1),
    stack: ({ a, b, c }) => stack([a, b, c]),
    stackLast: ({ a, b }) => stack([a, b], -1),
  },
  gatherTokens: {
    batched: ({ x, indices }) => gatherTokens(x, indices),
    table: ({ x, indices }) => gatherTokens(x, indices),
  },
  scatterTokens: { plain: ({ x, indices }) => scatterTokens(x, indices, 7) },
  scaleRows: {
    rows: ({ x, scale }) => scaleRows(x, scale),
    samplesResidual: ({ x, scale, residual }) => scaleRows(x, scale, { residual }),
  },
  scaleColumns: {
    plain: ({ x, scale }) => scaleColumns(x, scale),
    residual: ({ x, scale, residual }) => scaleColumns(x, scale, { residual }),
  },
  l2Normalize: {
    plain: ({ x }) => l2Normalize(x),
    short: ({ x }) => l2Normalize(x, { epsilon: 10 }),
  },
  crossEntropy: {
    mean: ({ logits, targets }) => crossEntropy(logits, targets),
    sumSmoothed: ({ logits, targets }) => crossEntropy(logits, targets, { reduction: "sum", smoothing: 0.1 }),
    none: ({ logits, targets }) => crossEntropy(logits, targets, { reduction: "none" }),
    excludeDiagonal: ({ logits, targets }) => crossEntropy(logits, targets, { excludeDiagonal: 2 }),
  },
  softCrossEntropy: {
    mean: ({ logits, targets }) => crossEntropy(logits, targets),
    sumSmoothed: ({ logits, targets }) => crossEntropy(logits, targets, { reduction: "sum", smoothing: 0.1 }),
    noneSmoothed: ({ logits, targets }) =>
      crossEntropy(logits, targets, { reduction: "none", smoothing: 0.2 }),
    weighted: ({ input, target }) => crossEntropy(input, target),
  },
  linearCrossEntropy: {
    plain: ({ x, weight, bias, targets }) => linearCrossEntropy(x, weight, bias, targets),
    smoothed: ({ x, weight, bias, targets }) =>
      linearCrossEntropy(x, weight, bias, targets, { smoothing: 0.1 }),
    withoutBias: ({ x, weight, targets }) => linearCrossEntropy(x, weight, null, targets),
  },
};

/** What is rounded to 8 significant bits is so in float64, too, and difference quotients see steps. */
const rounded: OpCheckOptions = { tolerance: 0.02, tolerance64: 0.02, quotientTolerance: null };
const withoutQuotients: OpCheckOptions = { quotientTolerance: null };
const allowances: Record<string, OpCheckOptions> = {
  "maximum/ties": withoutQuotients,
  "minimum/ties": withoutQuotients,
  "max/ties": withoutQuotients,
  "min/ties": withoutQuotients,
  "clamp/ties": withoutQuotients,
  "pow/zeros": withoutQuotients,
  "round/halves": withoutQuotients,
  "cast/bfloat16": withoutQuotients,
  "cast/floats": withoutQuotients,
  // The row that gets no gradient has an effect all the same.
  "embedding/padding": withoutQuotients,
  "embedding/paddingFromEnd": withoutQuotients,
  // Float32 itself is the limit: inputs with a mean 300 times their deviation lose as many digits.
  "layerNorm/plain": { tolerance: 1e-4 },
  "mlp/residual": rounded,
  "mlp/behindNorm": rounded,
};

const named = Object.entries(cases).flatMap(([operation, list]) =>
  Object.entries(list).map(([name, compute]) => [`${operation}/${name}`, compute] as const),
);

describe.each(versions)("on $label", ({ label, device, float64 }) => {
  test.each(named)("%s agrees with PyTorch and with difference quotients", async (name, compute) => {
    const options = float64 ? {} : { tolerance64: null };
    await checkOp(device, fixture, name, compute, { ...allowances[name], ...options });
    const row = name.slice(0, name.indexOf("/"));
    for (const version of float64 && !device.lacks("values") ? [label, "float64"] : [label]) {
      conforms({ table: "forward", row, version });
      if (fixture.case(name).gradients.size > 0) conforms({ table: "backward", row, version });
    }
  });
});

test("every operation that is defined and every case of the fixture is tried", async () => {
  const operations = await definedOperations();
  for (const { name, exported } of operations) expect(exported).toBe(`${name}Operation`);
  expect(Object.keys(cases).sort()).toEqual(operations.map(({ name }) => name).sort());
  expect(named.map(([name]) => name).sort()).toEqual(fixture.names.sort());
});

/** Cases of several inputs with gradients, once for each input that needs none. */
const partly = named
  .filter(([name]) => !name.startsWith("checkpoint/"))
  .flatMap(([name, compute]) => {
    const inputs = [...fixture.case(name).gradients.keys()];
    return inputs.length < 2 ? [] : inputs.map((input) => [name, input, compute] as const);
  });

test.each(partly)("%s computes no gradient of %s where nobody needs it", (name, frozen, compute) => {
  const { device } = versions[0]!;
  const inputs = caseInputs(device, fixture.case(name), "float32");
  inputs[frozen]!.requiresGrad = false;
  const wanted: string[][] = [];
  const observer: OperationObserver = {
    begins: ({ direction, inputs: read }) => {
      if (direction === "backward") return;
      const needs = Object.keys(read).filter((input) => read[input]?.requiresGrad);
      if (needs.length > 0) wanted.push(needs);
    },
    ends: ({ direction }, gradients) => {
      if (direction === "forward") return;
      const computed = Object.keys(gradients).filter((input) => gradients[input] !== null);
      expect(computed).toEqual(wanted.pop());
    },
  };
  observeOperations(device, observer, () => sum(compute(inputs)).backward());
  expect(wanted).toEqual([]);
});
