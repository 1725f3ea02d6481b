import { Bfloat16, compareKernel } from "./compareKernel.js";
import { expectNumbers } from "./expectNumbers.js";
import { matrixSizes, sampleNumbers } from "./sampleNumbers.js";

const rowOf = (values: ArrayLike<number>, r: number, columns: number) =>
  Array.from({ length: columns }, (_, c) => values[r * columns + c]!);
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
/** Each row through a function written from the formula. */
const byRows = (rows: number, columns: number, row: (r: number) => number[]) =>
  Array.from({ length: rows }, (_, r) => row(r))
    .flat()
    .slice(0, rows * columns);

describe("layerNorm", () => {
  test.each(matrixSizes)("a bfloat16 output of %i×%i", async (rows, columns) => {
    for (const weight of [sampleNumbers(columns, 2), null]) {
      await compareKernel("layerNorm", {
        buffers: {
          output: new Bfloat16(new Float32Array(rows * columns)),
          mean: new Float32Array(rows),
          rstd: new Float32Array(rows),
          input: sampleNumbers(rows * columns, 1, -1, 3),
          weight,
          bias: weight,
        },
        numbers: { rows, columns, epsilon: 1e-5, outputType: 1 },
        outputs: ["output", "mean", "rstd"],
        absolute: 1e-5,
        relative: 2 ** -7,
      });
    }
  });

  test.each(matrixSizes)("%i×%i", async (rows, columns) => {
    const epsilon = 1e-5;
    const input = sampleNumbers(rows * columns, 1, -1, 3);
    const weight = sampleNumbers(columns, 2);
    const bias = sampleNumbers(columns, 3);
    const outputGradient = sampleNumbers(rows * columns, 4);
    for (const [scale, offset] of [
      [weight, bias],
      [weight, null],
      [null, bias],
      [null, null],
    ] as const) {
      const { reference } = await compareKernel("layerNorm", {
        buffers: {
          output: new Float32Array(rows * columns),
          mean: new Float32Array(rows),
          rstd: new Float32Array(rows),
          input,
          weight: scale,
          bias: offset,
        },
        numbers: { rows, columns, epsilon, outputType: 0 },
        outputs: ["output", "mean", "rstd"],
        absolute: 1e-5,
      });
      const mean = Array.from({ length: rows }, (_, r) => sum(rowOf(input, r, columns)) / columns);
      const rstd = mean.map((center, r) => {
        const squares = rowOf(input, r, columns).map((x) => (x - center) ** 2);
        return 1 / Math.sqrt(sum(squares) / columns + epsilon);
      });
      const normal = (r: number) => rowOf(input, r, columns).map((x) => (x - mean[r]!) * rstd[r]!);
      expectNumbers(reference.mean, mean, { absolute: 1e-12 });
      expectNumbers(reference.rstd, rstd, { relative: 1e-12 });
      expectNumbers(
        reference.output,
        byRows(rows, columns, (r) => normal(r).map((x, c) => x * (scale?.[c] ?? 1) + (offset?.[c] ?? 0))),
        { absolute: 1e-10 },
      );
      if (offset === null && scale !== null) continue;
      const withGradients = offset !== null;
      const { reference: gradient } = await compareKernel("layerNormBackward", {
        buffers: {
          inputGradient: new Float32Array(rows * columns),
          weightGradient: withGradients ? sampleNumbers(columns, 5) : null,
          biasGradient: withGradients ? sampleNumbers(columns, 6) : null,
          outputGradient,
          input,
          mean: Float32Array.from(mean),
          rstd: Float32Array.from(rstd),
          weight: scale,
        },
        numbers: { rows, columns },
        outputs: ["inputGradient", "weightGradient", "biasGradient"],
        absolute: columns === 1 ? 1e-3 : 3e-4,
      });
      expectNumbers(
        gradient.inputGradient,
        byRows(rows, columns, (r) => {
          const x = normal(r);
          const h = rowOf(outputGradient, r, columns).map((g, c) => g * (scale?.[c] ?? 1));
          const product = sum(h.map((value, c) => value * x[c]!)) / columns;
          return h.map((value, c) => rstd[r]! * (value - sum(h) / columns - x[c]! * product));
        }),
        { absolute: 1e-3 },
      );
      if (!withGradients) continue;
      const column = (c: number, factor: (r: number) => number) =>
        sum(Array.from({ length: rows }, (_, r) => outputGradient[r * columns + c]! * factor(r)));
      const columnNumbers = Array.from({ length: columns }, (_, c) => c);
      const normals = Array.from({ length: rows }, (_, r) => normal(r));
      expectNumbers(
        gradient.weightGradient,
        columnNumbers.map((c) => column(c, (r) => normals[r]![c]!)),
        { absolute: 1e-3 },
      );
      expectNumbers(
        gradient.biasGradient,
        columnNumbers.map((c) => column(c, () => 1)),
        { absolute: 1e-9 },
      );
    }
  });

  test("NaN stays in its row; a constant row is its bias", async () => {
    const input = sampleNumbers(4 * 19, 1);
    input[25] = NaN;
    input[45] = Infinity;
    input.fill(3, 57);
    const { reference } = await compareKernel("layerNorm", {
      buffers: {
        output: new Float32Array(76),
        mean: new Float32Array(4),
        rstd: new Float32Array(4),
        input,
        weight: null,
        bias: null,
      },
      numbers: { rows: 4, columns: 19, epsilon: 1e-6, outputType: 0 },
      outputs: ["output", "mean", "rstd"],
    });
    for (const r of [1, 2]) expect(rowOf(reference.output!, r, 19).every(Number.isNaN)).toBe(true);
    expect(rowOf(reference.output!, 3, 19)).toEqual(Array(19).fill(0));
    expect(rowOf(reference.output!, 0, 19).every(Number.isFinite)).toBe(true);
  });
});

describe("l2Normalize", () => {
  test.each(matrixSizes)("%i×%i", async (rows, columns) => {
    const epsilon = 2 ** -10;
    const input = sampleNumbers(rows * columns, 1);
    if (rows > 2) input.fill(1e-6, columns, 2 * columns); // a row below epsilon
    const outputGradient = sampleNumbers(rows * columns, 2);
    const { reference } = await compareKernel("l2Normalize", {
      buffers: { output: new Float32Array(rows * columns), norms: new Float32Array(rows), input },
      numbers: { rows, columns, epsilon },
      outputs: ["output", "norms"],
    });
    const norms = Array.from({ length: rows }, (_, r) =>
      Math.max(epsilon, Math.hypot(...rowOf(input, r, columns))),
    );
    const output = Float32Array.from(input, (x, i) => x / norms[Math.floor(i / columns)]!);
    expectNumbers(reference.norms, norms, { relative: 1e-12 });
    expectNumbers(reference.output, output, { absolute: 1e-7 });
    const { reference: gradient } = await compareKernel("l2NormalizeBackward", {
      buffers: {
        inputGradient: new Float32Array(rows * columns),
        outputGradient,
        output,
        norms: Float32Array.from(norms),
      },
      numbers: { rows, columns, epsilon },
      outputs: ["inputGradient"],
    });
    expectNumbers(
      gradient.inputGradient,
      byRows(rows, columns, (r) => {
        const g = rowOf(outputGradient, r, columns);
        const y = rowOf(output, r, columns);
        const dot = norms[r] === epsilon ? 0 : sum(g.map((value, c) => value * y[c]!));
        return g.map((value, c) => (value - y[c]! * dot) / norms[r]!);
      }),
      { absolute: 1e-6, relative: 1e-6 },
    );
  });

  test("NaN, zero rows", async () => {
    const { reference } = await compareKernel("l2Normalize", {
      buffers: {
        output: new Float32Array(6),
        norms: new Float32Array(3),
        input: Float32Array.of(NaN, 1, 0, 0, Infinity, 1),
      },
      numbers: { rows: 3, columns: 2, epsilon: 1e-12 },
      outputs: ["output", "norms"],
    });
    expect(reference.output).toEqual(Float64Array.of(NaN, NaN, 0, 0, NaN, 0));
  });

  test("numbers whose squares float32 cannot hold", async () => {
    for (const size of [3e30, 3e-30]) {
      const input = Float32Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? size : 0));
      const numbers = { rows: 1, columns: 20, epsilon: 1e-35 };
      const { reference } = await compareKernel("l2Normalize", {
        buffers: { output: new Float32Array(20), norms: new Float32Array(1), input },
        numbers,
        outputs: ["output", "norms"],
      });
      expectNumbers(
        reference.output,
        [...input].map((x) => x / size / Math.sqrt(10)),
        { absolute: 1e-6 },
      );
    }
    const input = Float32Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? 3e30 : -1e30));
    const layer = await compareKernel("layerNorm", {
      buffers: {
        ...{ output: new Float32Array(20), mean: new Float32Array(1), rstd: new Float32Array(1), input },
        ...{ weight: null, bias: null },
      },
      numbers: { rows: 1, columns: 20, epsilon: 1e-6, outputType: 0 },
      outputs: ["output", "mean", "rstd"],
    });
    expectNumbers(
      layer.reference.output,
      [...input].map((x) => (x > 0 ? 1 : -1)),
      { absolute: 1e-6 },
    );
  });
});

describe("softmax", () => {
  test.each(matrixSizes)("%i×%i", async (rows, columns) => {
    const input = sampleNumbers(rows * columns, 1, -10, 10);
    const outputGradient = sampleNumbers(rows * columns, 2);
    for (const logarithm of [0, 1]) {
      const run = (buffers: Record<string, Float32Array | string>) =>
        compareKernel("softmax", {
          buffers,
          numbers: { rows, columns, logarithm },
          outputs: ["output"],
          absolute: logarithm ? 4e-6 : 1e-6,
        });
      const { reference } = await run({ output: new Float32Array(rows * columns), input });
      const probabilities = byRows(rows, columns, (r) => {
        const powers = rowOf(input, r, columns).map(Math.exp);
        return powers.map((power) => power / sum(powers));
      });
      expectNumbers(reference.output, logarithm ? probabilities.map(Math.log) : probabilities, {
        absolute: 1e-10,
      });
      await run({ output: input, input: "output" });
      const output = Float32Array.from(reference.output!);
      const { reference: gradient } = await compareKernel("softmaxBackward", {
        buffers: { inputGradient: outputGradient, outputGradient: "inputGradient", output },
        numbers: { rows, columns, logarithm },
        outputs: ["inputGradient"],
        absolute: 3e-5,
      });
      expectNumbers(
        gradient.inputGradient,
        byRows(rows, columns, (r) => {
          const g = rowOf(outputGradient, r, columns);
          const p = rowOf(probabilities, r, columns);
          const weighted = sum(g.map((value, c) => value * (logarithm ? 1 : p[c]!)));
          return g.map((value, c) => (logarithm ? value - p[c]! * weighted : p[c]! * (value - weighted)));
        }),
        { absolute: 1e-4 },
      );
    }
  });

  test("large values, NaN and infinities as in PyTorch", async () => {
    const row = async (values: number[], logarithm = 0) => [
      ...(
        await compareKernel("softmax", {
          buffers: { output: new Float32Array(values.length), input: Float32Array.from(values) },
          numbers: { rows: 1, columns: values.length, logarithm },
          outputs: ["output"],
        })
      ).reference.output!,
    ];
    expect(await row([1e30, 1e30])).toEqual([0.5, 0.5]);
    expect(await row([-Infinity, 3])).toEqual([0, 1]);
    expect(await row([-Infinity, 3], 1)).toEqual([-Infinity, 0]);
    expect(await row(Array(20).fill(-Infinity))).toEqual(Array(20).fill(NaN));
    expect(await row([0, NaN, ...Array(30).fill(1)])).toEqual(Array(32).fill(NaN));
    expect(await row([Infinity, 0])).toEqual([NaN, NaN]);
    expect(await row([0, NaN], 1)).toEqual([NaN, NaN]);
  });
});
