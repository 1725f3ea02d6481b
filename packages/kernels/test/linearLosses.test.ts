import { type Content, compareKernel, type KernelCase } from "./compareKernel.js";
import { expectNumbers } from "./expectNumbers.js";
import { sampleIntegers, sampleNumbers } from "./sampleNumbers.js";

const [float32, bfloat16] = [0, 1];
const gradients = ["xGradient", "weightGradient", "biasGradient"] as const;
type Gradient = (typeof gradients)[number];

interface Given {
  x: Float32Array;
  weight: Float32Array;
  bias: Float32Array | null;
  targets: Int32Array;
  /** Which gradients are computed. Default: all. */
  wanted?: readonly Gradient[];
  smoothing?: number;
  /** Default: 1 / rows, as in a mean. */
  gradientScale?: number;
  precision?: number;
}

type Sizes = readonly [rows: number, columns: number, inner: number];

function layerCase([rows, columns, inner]: Sizes, given: Given): KernelCase {
  const { wanted = gradients, smoothing = 0, gradientScale = 1 / rows, precision = float32 } = given;
  const { x, weight, bias, targets } = given;
  const sizes = { xGradient: rows * inner, weightGradient: columns * inner, biasGradient: columns };
  const outputs: Record<string, Content> = {};
  for (const name of gradients) outputs[name] = wanted.includes(name) ? new Float32Array(sizes[name]) : null;
  // d differs in the last bits, so that one of a sum may be rounded to the other bfloat16 beside it.
  const rounding = precision === bfloat16 ? 2 ** -8 * gradientScale : 0;
  return {
    buffers: { losses: new Float32Array(rows), ...outputs, x, weight, bias, targets },
    numbers: { rows, columns, inner, precision, smoothing, gradientScale },
    outputs: ["losses", ...gradients],
    absolute: 5e-6 + rounding,
    threads: [1, 2, 3, 5],
  };
}

const compare = (sizes: Sizes, given: Given) => compareKernel("linearCrossEntropy", layerCase(sizes, given));

const sample = ([rows, columns, inner]: Sizes) => ({
  x: sampleNumbers(rows * inner, 1),
  weight: sampleNumbers(columns * inner, 2, -1, 1),
  bias: sampleNumbers(columns, 3, -1, 1),
  targets: sampleIntegers(rows, 4, columns),
});

/** From the definition. */
function slowly([rows, columns, inner]: Sizes, given: Given) {
  const { x, weight, bias, targets, smoothing = 0, gradientScale = 1 / rows } = given;
  const losses: number[] = [];
  const xGradient = new Float64Array(rows * inner);
  const weightGradient = new Float64Array(columns * inner);
  const biasGradient = new Float64Array(columns);
  for (let r = 0; r < rows; r++) {
    const powers = Array.from({ length: columns }, (_, c) => {
      let logit = bias === null ? 0 : bias[c]!;
      for (let i = 0; i < inner; i++) logit += x[r * inner + i]! * weight[c * inner + i]!;
      return Math.exp(logit);
    });
    const sum = powers.reduce((total, power) => total + power, 0);
    const q = powers.map((_, c) => smoothing / columns + (c === targets[r] ? 1 - smoothing : 0));
    losses.push(q.reduce((loss, share, c) => loss - share * Math.log(powers[c]! / sum), 0));
    for (let c = 0; c < columns; c++) {
      const d = (powers[c]! / sum - q[c]!) * gradientScale;
      biasGradient[c]! += d;
      for (let i = 0; i < inner; i++) {
        xGradient[r * inner + i]! += d * weight[c * inner + i]!;
        weightGradient[c * inner + i]! += d * x[r * inner + i]!;
      }
    }
  }
  return { losses, xGradient, weightGradient, biasGradient };
}

describe("linearCrossEntropy", () => {
  // Tails of tiles and vectors, several ranges of words, several slices of rows.
  test.each([
    [1, 1, 1],
    [3, 7, 5],
    [17, 33, 12],
    [45, 100, 24],
    [40, 1500, 7],
    [300, 90, 17],
    [450, 15, 225],
  ] as const)("%i rows, %i words, width %i", async (...sizes) => {
    const given = sample(sizes);
    const { reference } = await compare(sizes, given);
    const expected = slowly(sizes, given);
    for (const [name, values] of Object.entries(expected))
      expectNumbers(reference[name], values, { absolute: 1e-9 });
    await compare(sizes, { ...given, precision: bfloat16 });
    const options = { bias: null, smoothing: 0.1, gradientScale: 0.25 };
    const smoothed = await compare(sizes, { ...given, ...options });
    for (const [name, values] of Object.entries(slowly(sizes, { ...given, ...options })))
      expectNumbers(smoothed.reference[name], values, { absolute: 1e-9 });
  });

  test("slices have fewer rows where there are many words, and wide rows are packed", async () => {
    const many = [34, 130_000, 1] as const;
    const biasOnly = layerCase(many, { ...sample(many), wanted: ["biasGradient"] });
    await compareKernel("linearCrossEntropy", { ...biasOnly, threads: [2] });
    for (const precision of [float32, bfloat16])
      for (const wide of [
        [20, 30, 1024],
        [20, 30, 801],
      ] as const) {
        const given = sample(wide);
        const x = given.x.map((value) => value / 16);
        await compare(wide, { ...given, x, precision });
      }
  });

  test.each([
    [[]],
    [["xGradient"]],
    [["weightGradient"]],
    [["biasGradient"]],
    [["xGradient", "biasGradient"]],
  ] as const)("of the gradients only %j", async (wanted: readonly Gradient[]) => {
    const sizes = [240, 50, 9] as const;
    for (const precision of [float32, bfloat16])
      await compare(sizes, { ...sample(sizes), smoothing: 0.1, wanted, precision });
  });

  test("bfloat16 rounds x, weight and d to the nearest, ties to even, and neither bias nor sums", async () => {
    const tie = 1 + 2 ** -8; // rounded down to 1
    const { reference } = await compare([1, 2, 1], {
      x: Float32Array.of(tie),
      weight: Float32Array.of(3 * tie, 3),
      bias: Float32Array.of(2 ** -20, 2 ** -20),
      targets: Int32Array.of(1),
      gradientScale: 2 * tie,
      precision: bfloat16,
    });
    // 3·(1 + 2⁻⁸) is rounded up to 3 + 2⁻⁶, so that the logits are 2⁻⁶ apart.
    const probability = 1 / (1 + Math.exp(-(2 ** -6)));
    expectNumbers(reference.losses, [-Math.log(1 - probability)], { absolute: 1e-9 });
    expectNumbers(reference.biasGradient, [probability * 2 * tie, -probability * 2 * tie], {
      absolute: 1e-9,
    });
    const even = await compare([1, 2, 1], {
      x: Float32Array.of(0),
      weight: Float32Array.of(0, tie),
      bias: null,
      targets: Int32Array.of(1),
      gradientScale: 2 * tie,
      precision: bfloat16,
    });
    expect([...even.reference.xGradient!, ...even.reference.biasGradient!]).toEqual([-1, tie, -tie]);
  });

  test("where a word is almost certain, bfloat16 keeps the little that is left of d", async () => {
    const sizes = [40, 2, 1] as const;
    const layer = layerCase(sizes, {
      x: new Float32Array(40).fill(1),
      weight: Float32Array.of(0, 8),
      bias: null,
      targets: new Int32Array(40).fill(1),
      precision: bfloat16,
    });
    const left = 1 / (1 + Math.exp(8));
    const { reference } = await compareKernel("linearCrossEntropy", { ...layer, absolute: 2 ** -8 * left });
    expectNumbers(reference.biasGradient, [left, -left], { absolute: 1e-9 });
  });

  test("a target of −1, which is none, makes its row's loss and gradients NaN", async () => {
    const sizes = [20, 40, 3] as const;
    const given = sample(sizes);
    given.targets[4] = -1;
    for (const smoothing of [0, 0.1]) {
      const { reference } = await compare(sizes, { ...given, smoothing });
      expect(reference.losses!.findIndex(Number.isNaN)).toBe(4);
      expect([...reference.losses!].filter(Number.isNaN)).toHaveLength(1);
      expect([...reference.xGradient!].filter(Number.isNaN)).toHaveLength(3);
      expect([...reference.weightGradient!, ...reference.biasGradient!].every(Number.isNaN)).toBe(true);
    }
  });

  test("−∞ logits cost nothing, NaN and rows of −∞ give NaN, large logits are stable", async () => {
    const sizes = [3, 200, 1] as const;
    const [, columns] = sizes;
    const given = (x: Float32Array, bias: (word: number) => number): Given => ({
      x,
      weight: new Float32Array(columns).fill(1),
      bias: Float32Array.from({ length: columns }, (_, word) => bias(word)),
      targets: Int32Array.of(150, 160, 170),
    });
    const zeros = new Float32Array(3);
    const late = await compare(
      sizes,
      given(zeros, (word) => (word < 140 ? -Infinity : 0)),
    );
    expectNumbers(late.reference.losses, Array(3).fill(Math.log(60)), { absolute: 1e-9 });
    const early = await compare(
      sizes,
      given(zeros, (word) => (word > 170 ? -Infinity : 0)),
    );
    expectNumbers(early.reference.losses, Array(3).fill(Math.log(171)), { absolute: 1e-9 });
    const none = await compare(
      sizes,
      given(zeros, () => -Infinity),
    );
    expect([...none.reference.losses!, ...none.reference.biasGradient!].every(Number.isNaN)).toBe(true);
    const one = await compare(
      sizes,
      given(Float32Array.of(0, Number.NaN, 0), () => 0),
    );
    expect([...one.reference.losses!].map(Number.isNaN)).toEqual([false, true, false]);
    const large = await compare(
      sizes,
      given(Float32Array.of(1e30, 0, -1e30), (word) => (word === 150 ? 1e30 : 0)),
    );
    expectNumbers(large.reference.losses, [0, 1e30, 1e30], { absolute: 1e-9, relative: 1e-6 });
  });

  test("nothing to sum, and errors", async () => {
    const empty = new Float32Array(0);
    const given = { x: empty, weight: empty, bias: Float32Array.of(0, 1, 2), targets: Int32Array.of(1, 2) };
    const { reference } = await compare([2, 3, 0], given);
    const logSum = Math.log(1 + Math.exp(1) + Math.exp(2));
    expectNumbers(reference.losses, [logSum - 1, logSum - 2], { absolute: 1e-9 });
    await compare([0, 3, 2], { ...sample([0, 3, 2]), gradientScale: 1 });
    for (const target of [-2, 3]) {
      await expect(compare([2, 3, 0], { ...given, targets: Int32Array.of(1, target) })).rejects.toThrow(
        `linearCrossEntropy: index ${target} is out of range: it must be at least 0 and less than 3`,
      );
    }
  });
});
