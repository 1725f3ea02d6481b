import {
  cpuInfo,
  type KernelName,
  kernelCost,
  kernelTable,
  measureLimits,
  type ProfiledKernel,
  summarizeProfile,
} from "@splitmask/kernels";
import { compareKernel } from "./compareKernel.js";

type Call = Parameters<typeof kernelCost>[0];

const call = (
  kernel: KernelName,
  numbers: Readonly<Record<string, number>>,
  buffers: readonly string[],
  each: Call["each"] = [],
): Call => ({ kernel, dtype: "float32", numbers, buffers, each });

const gemm = (numbers: Readonly<Record<string, number>>, buffers: readonly string[] = ["output", "a", "b"]) =>
  call(
    "gemm",
    {
      batch: 1,
      transposeA: 0,
      transposeB: 1,
      alpha: 1,
      beta: 0,
      activation: 0,
      aLeading: 0,
      bLeading: 0,
      outputLeading: 0,
      aBatchStride: 0,
      bBatchStride: 0,
      outputBatchStride: 0,
      precision: 0,
      ...numbers,
    },
    buffers,
  );

describe("kernelCost", () => {
  test("knows every kernel", () => {
    for (const [kernel, entry] of Object.entries(kernelTable)) {
      const part = (of: { integers: readonly string[]; values: readonly string[]; buffers: object }) => ({
        numbers: Object.fromEntries([...of.integers, ...of.values].map((name) => [name, 1])),
        buffers: Object.keys(of.buffers),
      });
      const own = part(entry);
      const each = entry.each === null ? [] : [part(entry.each)];
      const { operations, bytes } = kernelCost(call(kernel as KernelName, own.numbers, own.buffers, each));
      expect({ kernel, operations, known: operations >= 0 && bytes > 0 }).toMatchObject({ known: true });
    }
  });

  test("of gemm: a multiply-add an inner step, each operand once", () => {
    // 3×5 = 3×7 · 7×5: 105 multiply-adds; 15 + 21 + 35 floats.
    expect(kernelCost(gemm({ m: 3, n: 5, k: 7 }))).toEqual({ operations: 210, bytes: 4 * 71 });
    // With a bias of 5, a residual and a stored value before the activation of 15 each.
    const epilogue = ["output", "a", "b", "bias", "residual", "preActivation"];
    expect(kernelCost(gemm({ m: 3, n: 5, k: 7 }, epilogue)).bytes).toBe(4 * (71 + 5 + 15 + 15));
    // Rows that lie further apart cost no more; beta reads the output; a shared b (stride 0) is read once.
    const spread = gemm({ m: 3, n: 5, k: 7, aLeading: 100, batch: 2, aBatchStride: 1000, beta: 1 });
    expect(kernelCost(spread)).toEqual({ operations: 420, bytes: 4 * (2 * 2 * 15 + 2 * 21 + 35) });
  });

  test("of linearCrossEntropy: a product for the logits and one for each gradient but the bias's", () => {
    const numbers = { rows: 3, columns: 5, inner: 7, precision: 0, smoothing: 0, gradientScale: 1 };
    const buffers = ["losses", "x", "weight", "bias", "targets"];
    const losses = kernelCost(call("linearCrossEntropy", numbers, buffers));
    expect(losses).toEqual({ operations: 210 + 6 * 15, bytes: 4 * (3 + 21 + 35 + 5 + 3) });
    const gradients = ["xGradient", "weightGradient", "biasGradient"];
    expect(kernelCost(call("linearCrossEntropy", numbers, [...buffers, ...gradients]))).toEqual({
      operations: 3 * 210 + 6 * 15,
      bytes: losses.bytes + 4 * (21 + 35 + 5),
    });
  });

  test("of attention: two products over all pairs of tokens, five in the backward pass", () => {
    const numbers = { batch: 2, tokens: 3, heads: 4, headWidth: 5, scale: 1 };
    // 2·4 heads · 3·3 pairs · 5 channels · 2 operations = 720 a product; 120 floats an activation, 24 of logSumExp.
    expect(kernelCost(call("attention", numbers, ["output", "logSumExp", "qkv"]))).toEqual({
      operations: 1440,
      bytes: 4 * (120 + 24 + 360),
    });
    const backward = ["qkvGradient", "outputGradient", "qkv", "logSumExp"];
    expect(kernelCost(call("attentionBackward", numbers, backward))).toEqual({
      operations: 3600,
      bytes: 4 * (360 + 120 + 360 + 24),
    });
  });

  test("of layerNorm: the rows in and out, their means and deviations, weight and bias", () => {
    const numbers = { rows: 10, columns: 8, epsilon: 1e-6, outputType: 0 };
    const buffers = ["output", "mean", "rstd", "input", "weight", "bias"];
    expect(kernelCost(call("layerNorm", numbers, buffers))).toEqual({
      operations: 640,
      bytes: 4 * (80 + 10 + 10 + 80 + 8 + 8),
    });
    expect(kernelCost(call("layerNorm", numbers, buffers.slice(0, 4))).bytes).toBe(4 * 180);
    // An output in bfloat16 takes half the bytes.
    const rounded = { ...numbers, outputType: 1 };
    expect(kernelCost(call("layerNorm", rounded, buffers.slice(0, 4))).bytes).toBe(4 * 180 - 2 * 80);
  });

  test("counts the items of a list, and what is changed in place twice", () => {
    const item = (size: number) => ({
      numbers: { size, learningRate: 1, weightDecay: 0, step: 1 },
      buffers: ["parameter", "gradient", "firstMoment", "secondMoment"],
    });
    const adamW = call("adamW", { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }, ["scale"], [item(10), item(20)]);
    expect(kernelCost(adamW)).toEqual({ operations: 14 * 30, bytes: 4 * (1 + 7 * 30) });
  });

  test("counts what is touched of strided and broadcast operands, in their own element types", () => {
    const axes = (prefix: string, values: readonly number[]) =>
      Object.fromEntries(values.map((value, axis) => [`${prefix}${axis}`, value]));
    const binary = {
      operation: 0,
      ...axes("dimension", [1, 1, 1, 1, 1, 2, 3, 4]),
      ...axes("aStride", [0, 0, 0, 0, 0, 12, 4, 1]),
      ...axes("bStride", [0, 0, 0, 0, 0, 0, 0, 1]),
    };
    // 2·3·4 sums of which each reads its own a; b is one row of 4.
    expect(kernelCost(call("binary", binary, ["output", "a", "b"]))).toEqual({
      operations: 24,
      bytes: 4 * (24 + 24 + 4),
    });
    const gather = { batch: 2, inputTokens: 100, outputTokens: 3, width: 5, inputBatchStride: 500 };
    expect(kernelCost(call("gatherTokens", gather, ["output", "input", "indices"])).bytes).toBe(
      4 * (30 + 30 + 6),
    );
    const augment = { outputHeight: 2, outputWidth: 2, channels: 3, operationRows: 0 };
    const picture = { height: 100, width: 100, cropHeight: 10, cropWidth: 20 };
    expect(
      kernelCost(call("augmentImages", augment, ["output"], [{ numbers: picture, buffers: ["picture"] }]))
        .bytes,
    ).toBe(4 * 12 + 3 * 200);
  });
});

test("multiplyAdds does the operations that it is counted with, the same in all versions", async () => {
  const steps = 40;
  const { reference } = await compareKernel("multiplyAdds", {
    buffers: { output: new Float32Array(5) },
    numbers: { tasks: 5, steps, scale: 0.875, offset: 0.5 },
    outputs: ["output"],
  });
  // Each chain: scaleⁿ·start + offset·(1 − scaleⁿ)/(1 − scale); the starts sum to 255/2.
  const power = 0.875 ** steps;
  for (const value of reference.output!) {
    expect(value).toBeCloseTo(power * 127.5 + (256 * 0.5 * (1 - power)) / 0.125, 9);
  }
});

test("bfloat16Dots does the operations that it is counted with, the same in all versions", async () => {
  const { reference } = await compareKernel("bfloat16Dots", {
    buffers: { output: new Float32Array(5) },
    numbers: { tasks: 5, steps: 64, factor: -0.75 },
    outputs: ["output"],
  });
  for (const value of reference.output!) expect(value).toBe(127.5 + 256 * 64 * 2 * 0.75 ** 2);
});

test("measureLimits: what it finds is possible", async () => {
  const limits = await measureLimits({ threads: 1 });
  // Other processes only make it slower, and each figure by itself.
  expect(limits.multiplyAdds).toBeGreaterThan(0);
  expect(limits.multiplyAdds).toBeLessThan(1e12);
  for (const rate of [limits.memory, limits.lastCache]) {
    expect(rate).toBeGreaterThan(0);
    expect(rate).toBeLessThan(4e12);
  }
  expect(limits.bfloat16Dots !== null).toBe(cpuInfo().instructionSet === "avx512bf16");
  if (limits.bfloat16Dots !== null) {
    expect(limits.bfloat16Dots).toBeGreaterThan(0);
    expect(limits.bfloat16Dots).toBeLessThan(8e12);
  }
  expect(limits.lastCacheBytes).toBeGreaterThanOrEqual(1 << 18);
});

test("summarizeProfile: rows by shape or name, shares of the time, and parts of the limits", () => {
  const limits = {
    multiplyAdds: 100e9,
    bfloat16Dots: 200e9,
    memory: 10e9,
    lastCache: 40e9,
    lastCacheBytes: 1e6,
  };
  const at = (start: number, duration: number, given: Call): ProfiledKernel => ({
    kind: "kernel",
    start,
    duration,
    threadWait: duration / 10,
    simulated: null,
    ...given,
  });
  const product = gemm({ m: 100, n: 100, k: 50 }); // 1e6 operations: 10 µs at the limit, 5 µs in bfloat16
  const bfloat16 = gemm({ m: 100, n: 100, k: 50, precision: 1 });
  const tokenizing = call("gemmArgmax", { m: 100, n: 100, k: 50, precision: 1 }, ["output", "a", "b"]); // 5 µs
  const head = call(
    "linearCrossEntropy",
    { rows: 100, columns: 100, inner: 47, precision: 0, smoothing: 0, gradientScale: 1 },
    ["losses", "x", "weight", "targets"],
  ); // 1e6 operations
  const fill = (size: number) => call("fill", { size, value: 0 }, ["output"]);
  const summary = summarizeProfile(
    {
      duration: 1e6,
      calls: [
        at(0, 20e3, product),
        at(20e3, 30e3, product),
        at(50e3, 100e3, fill(100_000)), // 400 kB fit in the cache: 10 µs
        at(150e3, 500e3, fill(1e6)), // 4 MB do not: 400 µs
        at(650e3, 20e3, bfloat16),
        at(670e3, 15e3, tokenizing),
        at(685e3, 12.5e3, head),
        { kind: "upload", start: 700e3, duration: 100e3, bytes: 500_000 },
      ],
      waits: [
        { start: 250e3, duration: 50e3 },
        { start: 800e3, duration: 150e3 },
      ],
      simulatedThreads: 0,
    },
    limits,
  );
  expect(summary.rows.map(({ kernel, detail, calls, limit }) => [kernel, detail, calls, limit])).toEqual([
    ["fill", "", 2, "memory"],
    ["upload", "", 1, "lastCache"],
    ["gemm", "NT 100×100×50", 2, "multiplyAdds"],
    ["gemm", "NT 100×100×50 bf16", 1, "bfloat16Dots"],
    ["gemmArgmax", "NT 100×100×50 bf16", 1, "bfloat16Dots"],
    ["linearCrossEntropy", "100×100×47", 1, "multiplyAdds"],
  ]);
  const [fills, upload, products, rounded, words] = summary.rows;
  expect(fills!.share).toBeCloseTo(0.6, 9);
  expect(fills!.ofLimit).toBeCloseTo(410 / 600, 9);
  expect(upload!.rate).toBeCloseTo(1e6 / 100e-6, 0);
  expect(products!.rate).toBeCloseTo(2e6 / 50e-6, 0);
  expect(products!.ofLimit).toBeCloseTo(0.4, 9);
  expect(rounded!.ofLimit).toBeCloseTo(0.25, 9);
  expect(words!.ofLimit).toBeCloseTo(1 / 3, 9);
  expect(summary.operations).toBe(5e6);
  expect(summary.floorSeconds).toBeCloseTo(40e-6, 12);
  expect(summary.idleSeconds).toBeCloseTo(200e-6, 12);
  expect(summary.queueSeconds).toBeCloseTo(2.5e-6, 12); // the rest of 1 ms
  expect(summary.threadWaitSeconds).toBeCloseTo(69.75e-6, 12);
});
