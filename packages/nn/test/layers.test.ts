import {
  attention as autogradAttention,
  concatenate,
  full,
  normal,
  type OperationObserver,
  observeOperations,
  readSafetensors,
  scope,
  sum,
  type Tensor,
  tensor,
  zeros,
} from "@splitmask/autograd";
import { checkGradient, largestError } from "@splitmask/autograd/testing";
import { createDevice } from "@splitmask/kernels";
import {
  Attention,
  type ForwardContext,
  type Initializer,
  inference,
  Mlp,
  type Module,
  TransformerBlock,
  xavierUniform,
  zerosInitializer,
} from "@splitmask/nn";

const device = createDevice({ threads: 2 });
afterAll(() => device.close());

const drawn = { seed: 1, purpose: "test" };
const layers: Record<string, { module: Module; forward: (x: Tensor, context: ForwardContext) => Tensor }> =
  {};
const block = new TransformerBlock(device, { ...drawn, width: 24, heads: 3 });
layers.block = { module: block, forward: (x, context) => block.forward(x, context) };
const scaled = new TransformerBlock(device, {
  ...drawn,
  width: 16,
  heads: 2,
  mlpRatio: 3,
  qkvBias: false,
  layerScale: 0.1,
  epsilon: 1e-5,
});
layers.blockLayerScale = { module: scaled, forward: (x, context) => scaled.forward(x, context) };
const mlp = new Mlp(device, { ...drawn, width: 10, hiddenWidth: 14, outWidth: 6 });
layers.mlp = { module: mlp, forward: (x, context) => mlp.forward(x, context) };

/** The largest errors against timm's in float64, over the largest number of each tensor. */
const precisions = [
  ["float32", 3e-6],
  ["bfloat16", 0.02],
] as const;
const inPrecisions = Object.keys(layers).flatMap((name) =>
  precisions.map(([precision, tolerance]) => [name, precision, tolerance] as const),
);

test.each(inPrecisions)(
  "%s in %s agrees with timm, and so does every gradient",
  async (name, precision, tolerance) => {
    const { module, forward } = layers[name]!;
    const { tensors } = await readSafetensors(`test/fixtures/${name}.safetensors`);
    const part = (prefix: string) =>
      new Map(
        [...tensors].flatMap(([key, value]) =>
          key.startsWith(prefix) ? [[key.slice(prefix.length), value]] : [],
        ),
      );
    module.loadStateDict(part("parameter."));
    const x = tensor(device, tensors.get("input")!, undefined, { dtype: "float32", requiresGrad: true });
    module.zeroGrad();
    const output = forward(x, { ...inference, precision });
    const error = async (actual: Tensor, expected: string) =>
      largestError(await actual.data(), tensors.get(expected)!.data as Float64Array);
    expect(await error(output, "output")).toBeLessThan(tolerance);
    output.backward(tensor(device, tensors.get("outputGradient")!, undefined, { dtype: "float32" }));
    expect(await error(x.grad!, "inputGradient")).toBeLessThan(tolerance);
    const parameters = module.namedParameters();
    expect([...parameters.keys()].sort()).toEqual([...part("gradient.").keys()].sort());
    for (const [key, parameter] of parameters) {
      expect(await error(parameter.grad!, `gradient.${key}`)).toBeLessThan(tolerance);
    }
  },
);

test("in bfloat16 a block keeps what only products read in bfloat16, and nothing else", () => {
  const x = full(device, [2, 5, 24], 0.5, { requiresGrad: true });
  const seen: string[] = [];
  const note = (name: string, tensors: Readonly<Record<string, Tensor | null>>) => {
    for (const [key, value] of Object.entries(tensors))
      if (value?.dtype === "bfloat16") seen.push(`${name}: ${key}`);
  };
  const observer: OperationObserver = {
    begins: ({ name, inputs }) => note(name, inputs),
    ends: ({ name }, outputs) => note(name, outputs),
  };
  const step = (context: ForwardContext) =>
    observeOperations(device, observer, () => sum(block.forward(x, context)).backward());
  step(inference);
  expect(seen).toEqual([]);
  step({ ...inference, precision: "bfloat16" });
  expect(seen).toEqual(["layerNorm: output", "linear: x", "layerNorm: output", "mlp: x"]);
});

test("in bfloat16 the hidden layer and its derivative take no more memory than in float32, its gradient none", () => {
  const memoryOf = (precision: ForwardContext["precision"]) => {
    const dry = createDevice({ backend: "dry" });
    const wide = new Mlp(dry, { ...drawn, width: 8, hiddenWidth: 64 });
    const x = zeros(dry, [1024, 8], { requiresGrad: true });
    const before = dry.memory().liveBytes;
    const output = scope(dry, () => wide.forward(x, { ...inference, precision }));
    const kept = dry.memory().liveBytes - before;
    sum(output).backward();
    const peak = dry.memory().peakLiveBytes - before;
    dry.close();
    return { kept, peak };
  };
  const [exact, rounded] = [memoryOf("float32"), memoryOf("bfloat16")];
  expect(rounded.kept).toBe(exact.kept);
  expect(rounded.peak).toBeLessThan(0.7 * exact.peak);
});

test("inference leaves drop path out; training draws it from seed, purpose and step", async () => {
  const dropping = new TransformerBlock(device, { ...drawn, width: 8, heads: 1, dropPath: 0.5 });
  const plain = new TransformerBlock(device, { ...drawn, width: 8, heads: 1 });
  const x = tensor(
    device,
    Float32Array.from({ length: 20 * 3 * 8 }, (_, i) => Math.sin(i)),
    [20, 3, 8],
  );
  const run = async (step: number, training = true) => [
    ...(await dropping.forward(x, { training, seed: 5, step }).data()),
  ];
  expect(await run(1, false)).toEqual([...(await plain.forward(x, inference).data())]);
  expect(await run(1)).toEqual(await run(1));
  expect(await run(1)).not.toEqual(await run(2));
  expect(await run(1)).not.toEqual(await run(1, false));
});

test("a block with drop path and layer scale has a gradient for every parameter", () => {
  const full = new TransformerBlock(device, { ...drawn, width: 8, heads: 2, dropPath: 0.2, layerScale: 0.5 });
  const x = tensor(device, new Float32Array(4 * 3 * 8).fill(0.5), [4, 3, 8]);
  sum(full.forward(x, { training: true, seed: 1, step: 0 })).backward();
  for (const [name, parameter] of full.namedParameters()) {
    expect([name, parameter.grad?.shape]).toEqual([name, parameter.shape]);
  }
});

test("initializers draw by seed and name", async () => {
  const layer = (seed: number, purpose: string) =>
    new Mlp(device, { width: 64, hiddenWidth: 96, seed, purpose });
  const values = async (module: Mlp) => [...(await module.fc1.weight.data())];
  const first = await values(layer(1, "a"));
  expect(await values(layer(1, "a"))).toEqual(first);
  expect(await values(layer(1, "b"))).not.toEqual(first);
  expect(await values(layer(2, "a"))).not.toEqual(first);
  // Cut at ±2, which is a hundred deviations, it is the whole normal distribution: 4.55 % lie beyond two of them.
  const beyond = first.filter((value) => Math.abs(value) > 0.04).length / first.length;
  expect(Math.abs(beyond - 0.0455)).toBeLessThan(0.01);
  const deviation = Math.sqrt(first.reduce((total, value) => total + value ** 2, 0) / first.length);
  expect(Math.abs(deviation / 0.02 - 1)).toBeLessThan(0.03);
  const xavier = new Mlp(device, {
    width: 64,
    hiddenWidth: 96,
    seed: 1,
    purpose: "x",
    initializer: xavierUniform,
  });
  const bound = Math.sqrt(6 / 160);
  const largest = Math.max(...(await values(xavier)).map(Math.abs));
  expect(largest).toBeLessThanOrEqual(bound);
  expect(largest).toBeGreaterThan(0.99 * bound);
});

describe("attention with a bias", () => {
  const heads = 2;
  const x64 = () =>
    normal(device, [2, 5, 8], { key: { seed: 1, purpose: "x" }, dtype: "float64", requiresGrad: true });
  const initializer: Initializer = (on, shape, key) => normal(on, shape, { key, dtype: "float64" });
  const plain = { ...drawn, width: 8, heads, qkvBias: false, projBias: false };

  test.each([
    ["of all samples", [heads, 5, 5]],
    ["of each sample", [2, heads, 5, 5]],
  ])("has the gradients of its difference quotients, a bias %s", async (_, shape) => {
    const attention = new Attention(device, { ...plain, initializer });
    const bias = normal(device, shape, {
      key: { seed: 2, purpose: "b" },
      dtype: "float64",
      requiresGrad: true,
    });
    await checkGradient(device, ({ x, bias: added }) => attention.forward(x, inference, null, added), {
      x: x64(),
      bias,
    });
  });

  test("is attention without one where it is 0 or the same for all keys", async () => {
    const attention = new Attention(device, { ...drawn, width: 8, heads, initializer: xavierUniform });
    const x = normal(device, [3, 5, 8], { key: { seed: 1, purpose: "x" } });
    const expected = await attention.forward(x).data();
    const shares = await attention.probabilities(x).data();
    for (const value of [0, 3]) {
      const bias = full(device, [heads, 5, 5], value);
      expect(largestError(await attention.forward(x, inference, null, bias).data(), expected)).toBeLessThan(
        3e-6,
      );
      expect(largestError(await attention.probabilities(x, bias).data(), shares)).toBeLessThan(3e-6);
    }
    // Far below the others a key is not looked at.
    const hidden = concatenate([full(device, [heads, 5, 4], 0), full(device, [heads, 5, 1], -100)], 2);
    const looked = await attention.probabilities(x, hidden).data();
    expect(looked.every((share, i) => (i % 5 === 4 ? share < 1e-30 : share > 0.01))).toBe(true);
  });

  test("multiplies in the context's precision, as attention without one does", async () => {
    const attention = new Attention(device, { ...drawn, width: 8, heads, initializer: xavierUniform });
    const x = normal(device, [3, 5, 8], { key: { seed: 1, purpose: "x" } });
    const qkv = attention.qkv.forward(x, { precision: "bfloat16" });
    const float32Mixed = attention.proj.forward(autogradAttention(qkv, { heads }), { precision: "bfloat16" });
    const expected = await float32Mixed.data();
    for (const bias of [null, full(device, [heads, 5, 5], 0)]) {
      const mixed = attention.forward(x, { ...inference, precision: "bfloat16" }, null, bias);
      const error = largestError(await mixed.data(), expected);
      expect(error).toBeGreaterThan(2 ** -13);
      expect(error).toBeLessThan(2 ** -6);
    }
  });

  test("says which bias fits", () => {
    const attention = new Attention(device, { ...drawn, width: 8, heads });
    const x = zeros(device, [3, 5, 8]);
    expect(() => attention.forward(x, inference, null, zeros(device, [2, heads, 5, 5]))).toThrow(
      "Attention: the bias is 2×2×5×5; expected 2×5×5 (heads, tokens, tokens), or 3×2×5×5 for a bias of each sample.",
    );
  });
});

test("an output initializer is that of the last map of attention and MLP alone", async () => {
  const made = new TransformerBlock(device, {
    ...drawn,
    width: 8,
    heads: 2,
    outputInitializer: zerosInitializer,
  });
  for (const [name, parameter] of made.namedParameters()) {
    if (!name.endsWith("weight") || name.startsWith("norm")) continue;
    const all0 = (await parameter.data()).every((value) => value === 0);
    expect([name, all0]).toEqual([name, name === "attn.proj.weight" || name === "mlp.fc2.weight"]);
  }
});

test("says which sizes do not fit", () => {
  expect(() => new TransformerBlock(device, { ...drawn, width: 10, heads: 3 })).toThrow(
    "Attention test.attn: width is 10 and heads is 3; the width has to be a multiple of the heads.",
  );
  expect(() => new TransformerBlock(device, { ...drawn, width: 8, heads: 2, dropPath: 1 })).toThrow(
    "DropPath test.drop_path1: probability is 1; expected a number in [0, 1).",
  );
  expect(() => new Mlp(device, { ...drawn, width: 8, hiddenWidth: 0.5 })).toThrow(
    "Linear test.fc1: outFeatures is 0.5; expected a whole number ≥ 1.",
  );
});
