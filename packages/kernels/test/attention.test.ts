import { compareKernel } from "./compareKernel.js";
import { randomNumbers } from "./randomNumbers.js";

/** [batch, tokens, heads, headWidth] */
const shapes = [
  [1, 1, 1, 1],
  [2, 5, 3, 4],
  [1, 17, 2, 16],
  [2, 32, 2, 32],
  [1, 49, 1, 33],
  [3, 33, 2, 64],
  [1, 99, 1, 64],
  [1, 61, 1, 128],
  [1, 230, 1, 8],
] as const;

/** Without tokens, and with heads of no width. */
const emptyShapes = [
  [2, 0, 3, 4],
  [2, 5, 3, 0],
] as const;

function inputs(batch: number, tokens: number, heads: number, headWidth: number, spread = 1) {
  const numbers = { batch, tokens, heads, headWidth, scale: 1 / Math.sqrt(headWidth) };
  const qkv = randomNumbers(batch * tokens * 3 * heads * headWidth, 7).map((value) => spread * value);
  const merged = batch * tokens * heads * headWidth;
  return { numbers, qkv, merged, rows: batch * heads * tokens };
}

describe("attention", () => {
  test.each(shapes)("forward, %i×%i tokens, %i heads of %i", async (...shape) => {
    const { numbers, qkv, merged, rows } = inputs(...shape);
    await compareKernel("attention", {
      buffers: { output: new Float64Array(merged).fill(Number.NaN), logSumExp: new Float64Array(rows), qkv },
      numbers,
      outputs: ["output", "logSumExp"],
      absolute: 2e-6,
    });
  });

  test.each(shapes)("backward, %i×%i tokens, %i heads of %i", async (...shape) => {
    const { numbers, qkv, merged, rows } = inputs(...shape);
    const forward = await compareKernel("attention", {
      buffers: { output: new Float64Array(merged), logSumExp: new Float64Array(rows), qkv },
      numbers,
      outputs: ["output", "logSumExp"],
      absolute: 2e-6,
    });
    await compareKernel("attentionBackward", {
      buffers: {
        qkvGradient: new Float64Array(qkv.length).fill(Number.NaN),
        outputGradient: randomNumbers(merged, 8),
        qkv,
        logSumExp: forward.reference.logSumExp!,
      },
      numbers,
      outputs: ["qkvGradient"],
      absolute: 4e-6,
    });
  });

  test.each(shapes)("probabilities, %i×%i tokens, %i heads of %i", async (...shape) => {
    const { numbers, qkv, rows } = inputs(...shape);
    const { reference } = await compareKernel("attentionProbabilities", {
      buffers: { probabilities: new Float64Array(rows * shape[1]).fill(Number.NaN), qkv },
      numbers,
      outputs: ["probabilities"],
    });
    const firstRow = reference.probabilities!.slice(0, shape[1]) as Float64Array;
    expect(firstRow.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 10);
  });

  test.each(emptyShapes)("of nothing: %i×%i tokens, %i heads of %i", async (...shape) => {
    const { numbers: given, qkv, merged, rows } = inputs(...shape);
    const numbers = { ...given, scale: 1 };
    const { reference } = await compareKernel("attention", {
      buffers: { output: new Float64Array(merged), logSumExp: new Float64Array(rows).fill(7), qkv },
      numbers,
      outputs: ["output", "logSumExp"],
    });
    for (const value of reference.logSumExp!) expect(value).toBeCloseTo(Math.log(5), 12);
    const { reference: shown } = await compareKernel("attentionProbabilities", {
      buffers: { probabilities: new Float64Array(rows * shape[1]).fill(7), qkv },
      numbers,
      outputs: ["probabilities"],
    });
    for (const value of shown.probabilities!) expect(value).toBeCloseTo(0.2, 12);
    const nothing = new Float64Array(0);
    await compareKernel("attentionBackward", {
      buffers: { qkvGradient: nothing, outputGradient: nothing, qkv, logSumExp: reference.logSumExp! },
      numbers,
      outputs: ["qkvGradient"],
    });
  });

  test("large scores do not overflow", async () => {
    const { numbers, qkv, merged, rows } = inputs(1, 40, 2, 16, 60);
    await compareKernel("attention", {
      buffers: { output: new Float64Array(merged), logSumExp: new Float64Array(rows), qkv },
      numbers,
      outputs: ["output", "logSumExp"],
      absolute: 2e-2, // scores of thousands carry rounding of 10⁻⁴ into the exponent, values are up to 60
    });
  });

  test("a NaN stays in its sample and head", async () => {
    const { numbers, qkv, merged, rows } = inputs(2, 20, 2, 8);
    qkv[0] = Number.NaN;
    const { reference } = await compareKernel("attention", {
      buffers: { output: new Float64Array(merged), logSumExp: new Float64Array(rows), qkv },
      numbers,
      outputs: ["output", "logSumExp"],
      absolute: 2e-6,
    });
    expect(reference.output!.filter(Number.isNaN).length).toBe(8);
  });

  test("empty", async () => {
    const empty: [number, number, number, number][] = [
      [0, 4, 2, 8],
      [2, 0, 2, 8],
      [2, 4, 0, 8],
    ];
    for (const shape of empty) {
      const { numbers, qkv, merged, rows } = inputs(...shape);
      await compareKernel("attention", {
        buffers: { output: new Float64Array(merged), logSumExp: new Float64Array(rows), qkv },
        numbers,
        outputs: ["output", "logSumExp"],
      });
      await compareKernel("attentionProbabilities", {
        buffers: { probabilities: new Float64Array(rows * shape[1]), qkv },
        numbers,
        outputs: ["probabilities"],
      });
    }
  });
});
