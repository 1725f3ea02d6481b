import {
  add,
  argmaxProduct,
  attention,
  attentionProbabilities,
  concatenate,
  crossEntropy,
  cumsum,
  dropout,
  embedding,
  empty,
  full,
  gatherTokens,
  l2Normalize,
  layerNorm,
  less,
  linear,
  linearCrossEntropy,
  logSoftmax,
  matmul,
  maximum,
  mean,
  multiply,
  normal,
  pow,
  scaleColumns,
  scaleRows,
  scope,
  slice,
  softmax,
  sum,
  type Tensor,
  tensor,
  where,
} from "@splitmask/autograd";
import { createDevice, type Device } from "@splitmask/kernels";

// What PyTorch gives where an axis has no elements: sums of nothing are 0, an epilogue stays, gradients of what nothing
// came from are 0.

type Make = (...shape: number[]) => Tensor;
/**
 * Operands, a result of them, and what the result and the operands' gradients (of the sum of the result) have to be; a
 * number: all elements.
 */
interface Case {
  readonly inputs: (make: Make) => Record<string, Tensor>;
  readonly run: (inputs: Record<string, Tensor>) => Tensor;
  readonly output: number | "bias" | "bias + residual" | "none";
  readonly gradients: Readonly<Record<string, number | "none">>;
}

const cases: Record<string, Case> = {
  "linear of no columns": {
    inputs: (of) => ({ x: of(2, 3, 0), weight: of(4, 0), bias: of(4) }),
    run: ({ x, weight, bias }) => linear(x!, weight!, bias!),
    output: "bias",
    gradients: { x: "none", weight: "none", bias: 6 },
  },
  "linear of no columns, with all that follows a product": {
    inputs: (of) => ({ x: of(6, 0), weight: of(4, 0), bias: of(4), residual: of(6, 4) }),
    run: ({ x, weight, bias, residual }) =>
      linear(x!, weight!, bias!, { residual: residual!, inputActivation: "gelu" }),
    output: "bias + residual",
    gradients: { x: "none", weight: "none", bias: 6, residual: 1 },
  },
  "linear of no columns in bfloat16": {
    inputs: (of) => ({ x: of(6, 0), weight: of(4, 0), bias: of(4) }),
    run: ({ x, weight, bias }) => linear(x!, weight!, bias!, { precision: "bfloat16" }),
    output: "bias",
    gradients: { x: "none", weight: "none", bias: 6 },
  },
  "linear to no columns": {
    inputs: (of) => ({ x: of(3, 2), weight: of(0, 2), bias: of(0) }),
    run: ({ x, weight, bias }) => linear(x!, weight!, bias!, { inputActivation: "gelu" }),
    output: "none",
    gradients: { x: 0, weight: "none", bias: "none" },
  },
  "linear of no rows": {
    inputs: (of) => ({ x: of(0, 2), weight: of(4, 2), bias: of(4) }),
    run: ({ x, weight, bias }) => linear(x!, weight!, bias!),
    output: "none",
    gradients: { x: "none", weight: 0, bias: 0 },
  },
  "matmul with nothing to sum": {
    inputs: (of) => ({ a: of(3, 0), b: of(0, 20) }),
    run: ({ a, b }) => matmul(a!, b!),
    output: 0,
    gradients: { a: "none", b: "none" },
  },
  "a batch of them": {
    inputs: (of) => ({ a: of(9, 0, 3), b: of(9, 5, 0) }),
    run: ({ a, b }) => matmul(a!, b!, { transposeA: true, transposeB: true }),
    output: 0,
    gradients: { a: "none", b: "none" },
  },
  "matmul of no rows": {
    inputs: (of) => ({ a: of(0, 5), b: of(5, 3) }),
    run: ({ a, b }) => matmul(a!, b!),
    output: "none",
    gradients: { a: "none", b: 0 },
  },
  "matmul of no products, b shared": {
    inputs: (of) => ({ a: of(0, 5, 4), b: of(5, 3) }),
    run: ({ a, b }) => matmul(a!, b!, { transposeA: true }),
    output: "none",
    gradients: { a: "none", b: 0 },
  },
  "sum of nothing": {
    inputs: (of) => ({ x: of(3, 0, 5) }),
    run: ({ x }) => sum(x!, { axes: [1] }),
    output: 0,
    gradients: { x: "none" },
  },
  "sum of nothing over two axes that are apart": {
    inputs: (of) => ({ x: of(0, 3, 2) }),
    run: ({ x }) => sum(x!, { axes: [0, 2] }),
    output: 0,
    gradients: { x: "none" },
  },
  "softmax of no columns": {
    inputs: (of) => ({ x: of(3, 0) }),
    run: ({ x }) => add(softmax(x!), logSoftmax(x!)),
    output: "none",
    gradients: { x: "none" },
  },
  "layer norm of no columns": {
    inputs: (of) => ({ x: of(3, 0), weight: of(0), bias: of(0) }),
    run: ({ x, weight, bias }) => layerNorm(x!, weight!, bias!),
    output: "none",
    gradients: { x: "none", weight: "none", bias: "none" },
  },
  "layer norm of no rows": {
    inputs: (of) => ({ x: of(0, 5), weight: of(5), bias: of(5) }),
    run: ({ x, weight, bias }) => layerNorm(x!, weight!, bias!),
    output: "none",
    gradients: { x: "none", weight: 0, bias: 0 },
  },
  "L2 normalization of no columns": {
    inputs: (of) => ({ x: of(3, 0) }),
    run: ({ x }) => l2Normalize(x!),
    output: "none",
    gradients: { x: "none" },
  },
  "attention among no tokens": {
    inputs: (of) => ({ qkv: of(2, 0, 12) }),
    run: ({ qkv }) => attention(qkv!, { heads: 2 }),
    output: "none",
    gradients: { qkv: "none" },
  },
  "rows without columns, scaled": {
    inputs: (of) => ({ x: of(3, 0), scale: of(3) }),
    run: ({ x, scale }) => scaleRows(x!, scale!),
    output: "none",
    gradients: { x: "none", scale: 0 },
  },
  "columns without rows, scaled": {
    inputs: (of) => ({ x: of(0, 3), scale: of(3) }),
    run: ({ x, scale }) => scaleColumns(x!, scale!),
    output: "none",
    gradients: { x: "none", scale: 0 },
  },
  "an operand repeated over nothing": {
    inputs: (of) => ({ a: of(0, 3), b: of(3), c: of(1, 3) }),
    run: ({ a, b, c }) => multiply(add(a!, b!), c!),
    output: "none",
    gradients: { a: "none", b: 0, c: 0 },
  },
  "a maximum, a power and a choice repeated over nothing": {
    inputs: (of) => ({ a: of(0, 3), b: of(3), c: of(1, 3) }),
    run: ({ a, b, c }) => where(less(a!, 0), pow(maximum(a!, b!), c!), c!),
    output: "none",
    gradients: { a: "none", b: 0, c: 0 },
  },
  "cumulative sums of nothing, dropped": {
    inputs: (of) => ({ x: of(3, 0, 2) }),
    run: ({ x }) =>
      dropout(cumsum(x!, 1), { probability: 0.5, training: true, key: { seed: 1, purpose: "empty" } }),
    output: "none",
    gradients: { x: "none" },
  },
  "dropout of no samples": {
    inputs: (of) => ({ x: of(0, 3) }),
    run: ({ x }) => dropout(x!, { probability: 0.5, training: true, key: { seed: 1, purpose: "empty" } }),
    output: "none",
    gradients: { x: "none" },
  },
  "an embedding of no words": {
    inputs: (of) => ({ weight: of(3, 4) }),
    run: ({ weight }) => embedding(weight!, empty(weight!.device, [2, 0], "int32")),
    output: "none",
    gradients: { weight: 0 },
  },
  "tokens of which none is picked": {
    inputs: (of) => ({ x: of(2, 3, 4) }),
    run: ({ x }) => gatherTokens(x!, empty(x!.device, [2, 0], "int32")),
    output: "none",
    gradients: { x: 0 },
  },
  "an empty slice, put behind nothing": {
    inputs: (of) => ({ x: of(2, 3), y: of(2, 0) }),
    run: ({ x, y }) => concatenate([y!, slice(x!, 1, 1, 1)], 1),
    output: "none",
    gradients: { x: 0, y: "none" },
  },
};

describe.each([
  ["fast", "float32"],
  ["naive", "float32"],
  ["fast", "float64"],
] as const)("%s kernels, %s", (implementation, dtype) => {
  let device: Device;
  beforeAll(() => {
    device = createDevice({ threads: 2, implementation });
  });
  afterAll(() => device.close());

  /** Leaves 7 in the memory that the next tensors get, so that what nobody wrote shows. */
  function soil(): void {
    scope(device, () => Array.from({ length: 40 }, (_, i) => full(device, [1 + i * 8], 7, { dtype })).length);
  }

  // −0 + 0 is 0.
  const elements = async (given: Tensor): Promise<number[]> =>
    [...((await given.data()) as Float64Array)].map((value) => value + 0);

  test.each(Object.keys(cases))("%s", async (name) => {
    const { inputs: makeInputs, run, output: expected, gradients } = cases[name]!;
    let drawn = 0;
    const inputs = makeInputs((...shape) =>
      normal(device, shape, { key: { seed: 1, purpose: "empty", step: drawn++ }, dtype, requiresGrad: true }),
    );
    soil();
    const output = run(inputs);
    sum(output).backward();
    const values = await elements(output);
    if (expected === "none") expect(values).toEqual([]);
    else {
      const { bias, residual } = inputs;
      const bare =
        expected === 0
          ? full(device, output.shape, 0, { dtype })
          : add(full(device, output.shape, 0, { dtype }), bias!);
      expect(values).toEqual(await elements(expected === "bias + residual" ? add(bare, residual!) : bare));
      expect(values.length).toBeGreaterThan(0);
    }
    for (const [input, wanted] of Object.entries(gradients)) {
      const { grad, size } = inputs[input]!;
      expect(size === 0).toBe(wanted === "none");
      expect(await elements(grad!)).toEqual(new Array(size).fill(wanted));
    }
  });

  test("linearCrossEntropy of no columns is that of the bias", async () => {
    const bias = tensor(device, [1, 2, 0.5], undefined, { dtype, requiresGrad: true });
    soil();
    const x = empty(device, [2, 0], dtype);
    const targets = tensor(device, Int32Array.of(1, 0));
    linearCrossEntropy(x, empty(device, [3, 0], dtype), bias, targets).backward();
    const total = Math.exp(1) + Math.exp(2) + Math.exp(0.5);
    const expected = [Math.exp(1) / total - 0.5, Math.exp(2) / total - 0.5, Math.exp(0.5) / total];
    for (const [place, value] of (await elements(bias.grad!)).entries()) {
      expect(value).toBeCloseTo(expected[place]!, 6);
    }
  });

  test("the largest product of rows without columns is the largest bias", async () => {
    soil();
    const [a, b] = [empty(device, [3, 0], dtype), empty(device, [4, 0], dtype)];
    expect(await elements(argmaxProduct(a, b))).toEqual([0, 0, 0]);
    const bias = tensor(device, [1, 3, 2, 3], undefined, { dtype });
    expect(await elements(argmaxProduct(a, b, bias))).toEqual([1, 1, 1]);
  });

  test("what has no value is an error", () => {
    const of = (...shape: number[]) => empty(device, shape, dtype);
    expect(() => mean(of(3, 0), { axes: [1] })).toThrow(
      "mean: there is nothing to average along axes of extent 0 in 3×0.",
    );
    for (const run of [attention, attentionProbabilities])
      expect(() => run(of(2, 3, 0), { heads: 1 })).toThrow(
        "qkv is 2×3×0; queries without elements are like no key",
      );
    const labels = empty(device, [0], "int32");
    expect(() => crossEntropy(of(0, 3), labels)).toThrow("there is nothing to average");
    expect(() => linearCrossEntropy(of(0, 2), of(3, 2), null, labels)).toThrow("there is nothing to average");
  });
});
