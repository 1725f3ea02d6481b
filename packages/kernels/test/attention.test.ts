import { compareKernel, type NumberArray } from "./compareKernel.js";
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
  [1, 225, 1, 8],
] as const;

/** Without tokens, and with heads of no width. */
const emptyShapes = [
  [2, 0, 3, 4],
  [2, 5, 3, 0],
] as const;

function inputs(batch: number, tokens: number, heads: number, headWidth: number, spread = 1) {
  const shape = { batch, tokens, heads, headWidth, scale: 1 / Math.sqrt(headWidth) };
  const qkv = randomNumbers(batch * tokens * 3 * heads * headWidth, 7).map((value) => spread * value);
  const merged = batch * tokens * heads * headWidth;
  return { shape, numbers: { ...shape, precision: 0 }, qkv, merged, rows: batch * heads * tokens };
}

/** Numbers that bfloat16 rounds to −1, 0 and 1. */
function nearWhole(size: number, seed: number): Float64Array {
  return randomNumbers(size, seed).map((value) => Math.round(1.5 * value) * (1 + 2 ** -10));
}

/**
 * Inputs with which nothing that is rounded to bfloat16 lies near a tie, where the last bits of a version would decide:
 * with this scale exponentials are powers of 2^¼, and score gradients whole multiples of them, because tokens in pairs,
 * of equal scores and opposite values, have Σ P·dP = 0.
 */
function roundedInputs(batch: number, tokens: number, heads: number, headWidth: number) {
  const { shape, qkv: given, merged, rows } = inputs(batch, tokens, heads, headWidth);
  const drawn = nearWhole(given.length, 9);
  const row = 3 * heads * headWidth;
  const qkv = drawn.map((value, place) => {
    const token = Math.floor(place / row) % tokens;
    const part = Math.floor(place / (heads * headWidth)) % 3;
    const scored = 2 * (place % headWidth) < headWidth;
    const ofFirst = drawn[token % 2 === 0 ? place : place - row]!;
    if (part === 0) return scored ? value : 0;
    if (part === 1) return scored ? ofFirst : value;
    if (token % 2 === 1) return -ofFirst;
    return token + 1 < tokens ? value : 0;
  });
  return { numbers: { ...shape, scale: Math.LN2 / 4, precision: 1 }, qkv, merged, rows };
}

type Inputs = ReturnType<typeof roundedInputs>;

const compareForward = ({ numbers, qkv, merged, rows }: Inputs) =>
  compareKernel("attention", {
    buffers: { output: new Float64Array(merged).fill(Number.NaN), logSumExp: new Float64Array(rows), qkv },
    numbers,
    outputs: ["output", "logSumExp"],
    absolute: 2e-6,
  });

const compareBackward = (
  { numbers, qkv }: Inputs,
  outputGradient: Float64Array,
  logSumExp: NumberArray,
  absolute: number,
) =>
  compareKernel("attentionBackward", {
    buffers: { qkvGradient: new Float64Array(qkv.length).fill(Number.NaN), outputGradient, qkv, logSumExp },
    numbers,
    outputs: ["qkvGradient"],
    absolute,
  });

describe("attention", () => {
  test.each(shapes)("forward, %i×%i tokens, %i heads of %i", async (...shape) => {
    await compareForward(inputs(...shape));
  });

  test.each(shapes)("backward, %i×%i tokens, %i heads of %i", async (...shape) => {
    const given = inputs(...shape);
    const { reference } = await compareForward(given);
    await compareBackward(given, randomNumbers(given.merged, 8), reference.logSumExp!, 4e-6);
  });

  test.each(shapes)("bfloat16, %i×%i tokens, %i heads of %i", async (...shape) => {
    const given = roundedInputs(...shape);
    await compareForward(given);
    const logSumExp = new Float64Array(given.rows).fill(3 * Math.LN2);
    await compareBackward(given, nearWhole(given.merged, 8), logSumExp, 1e-5);
  });

  test.each(shapes)("probabilities, %i×%i tokens, %i heads of %i", async (...shape) => {
    const { shape: numbers, qkv, rows } = inputs(...shape);
    const { reference } = await compareKernel("attentionProbabilities", {
      buffers: { probabilities: new Float64Array(rows * shape[1]).fill(Number.NaN), qkv },
      numbers,
      outputs: ["probabilities"],
    });
    const firstRow = reference.probabilities!.slice(0, shape[1]) as Float64Array;
    expect(firstRow.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 10);
  });

  test.each(emptyShapes)("of nothing: %i×%i tokens, %i heads of %i", async (...shape) => {
    const { shape: given, qkv, merged, rows } = inputs(...shape);
    const ofShape = { ...given, scale: 1 };
    const numbers = { ...ofShape, precision: 0 };
    const { reference } = await compareKernel("attention", {
      buffers: { output: new Float64Array(merged), logSumExp: new Float64Array(rows).fill(7), qkv },
      numbers,
      outputs: ["output", "logSumExp"],
    });
    for (const value of reference.logSumExp!) expect(value).toBeCloseTo(Math.log(5), 12);
    const { reference: shown } = await compareKernel("attentionProbabilities", {
      buffers: { probabilities: new Float64Array(rows * shape[1]).fill(7), qkv },
      numbers: ofShape,
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
      const { shape: ofShape, numbers, qkv, merged, rows } = inputs(...shape);
      await compareKernel("attention", {
        buffers: { output: new Float64Array(merged), logSumExp: new Float64Array(rows), qkv },
        numbers,
        outputs: ["output", "logSumExp"],
      });
      await compareKernel("attentionProbabilities", {
        buffers: { probabilities: new Float64Array(rows * shape[1]), qkv },
        numbers: ofShape,
        outputs: ["probabilities"],
      });
    }
  });
});
