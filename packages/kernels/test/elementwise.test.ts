import { availableInstructionSets, binaryOperations, unaryOperations } from "@splitmask/kernels";
import { Bfloat16, compareKernel, compareSets } from "./compareKernel.js";
import { expectNumbers } from "./expectNumbers.js";
import { matrixSizes, sampleNumbers } from "./sampleNumbers.js";

const special = Float32Array.of(NaN, Infinity, -Infinity, 0, -0, 1, -1, 0.5, -3, 20, -20, 1e-10, -1e-10);

/** Sizes padded in front with 1 to rank 8, as numbers of the call. */
function padded(prefix: string, values: readonly number[], filler: number): Record<string, number> {
  const all = [...Array<number>(8 - values.length).fill(filler), ...values];
  return Object.fromEntries(all.map((value, axis) => [`${prefix}${axis}`, value]));
}

/** Element strides of `shape` when it is broadcast to `target`, which has as many axes. */
function strides(shape: readonly number[], target: readonly number[]): number[] {
  let step = 1;
  const result: number[] = [];
  for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
    result.unshift(shape[axis] === 1 && target[axis] !== 1 ? 0 : step);
    step *= shape[axis]!;
  }
  return result;
}

const count = (shape: readonly number[]) => shape.reduce((product, length) => product * length, 1);

async function binary(
  operation: number,
  aShape: number[],
  bShape: number[],
  a: Float32Array,
  b: Float32Array,
) {
  const shape = aShape.map((length, axis) => (length === 1 ? bShape[axis]! : length));
  return compareKernel("binary", {
    buffers: { output: new Float32Array(count(shape)), a, b },
    numbers: {
      operation,
      ...padded("dimension", shape, 1),
      ...padded("aStride", strides(aShape, shape), 0),
      ...padded("bStride", strides(bShape, shape), 0),
    },
    outputs: ["output"],
  });
}

describe("binary", () => {
  const formulas: Record<keyof typeof binaryOperations, (a: number, b: number) => number> = {
    add: (a, b) => a + b,
    subtract: (a, b) => a - b,
    multiply: (a, b) => a * b,
    divide: (a, b) => a / b,
    maximum: Math.max,
    minimum: Math.min,
  };
  const shapes: [number[], number[]][] = [
    [[0], [0]],
    [[1], [1]],
    [[37], [37]],
    [[16_403], [16_403]],
    [[16_403], [1]],
    [[1], [333]],
    [
      [9, 35],
      [1, 35],
    ],
    [
      [9, 35],
      [9, 1],
    ],
    [
      [9, 1],
      [1, 35],
    ],
    [
      [4, 1, 6],
      [1, 5, 6],
    ],
    [
      [3, 2, 5, 1],
      [3, 1, 5, 7],
    ],
    [
      [2, 3, 1, 2, 1, 3, 1, 2],
      [1, 3, 2, 1, 2, 3, 1, 1],
    ],
    [
      [350, 48],
      [1, 48],
    ],
  ];
  test.each(Object.entries(binaryOperations))("%s", async (name, operation) => {
    const formula = formulas[name as keyof typeof binaryOperations];
    for (const [aShape, bShape] of shapes) {
      const a = sampleNumbers(count(aShape), 1);
      const b = sampleNumbers(count(bShape), 2, 0.5, 2);
      const { reference } = await binary(operation, aShape, bShape, a, b);
      if (count(aShape) === count(bShape))
        expectNumbers(
          reference.output,
          Float64Array.from(a, (value, i) => formula(value, b[i]!)),
        );
    }
    const pairs = [...special].flatMap((x) => [...special].map((y) => [x, y] as const));
    const a = Float32Array.from(pairs, ([x]) => x);
    const b = Float32Array.from(pairs, ([, y]) => y);
    const { reference } = await binary(operation, [pairs.length], [pairs.length], a, b);
    pairs.forEach(([x, y], i) => {
      if (Number.isNaN(formula(x, y))) expect(reference.output![i]).toBeNaN();
    });
  });

  test("in place on either input", async () => {
    const numbers = {
      operation: binaryOperations.subtract,
      ...padded("dimension", [50, 33], 1),
      ...padded("aStride", [33, 1], 0),
      ...padded("bStride", [33, 1], 0),
    };
    const values = sampleNumbers(50 * 33, 3);
    const others = sampleNumbers(50 * 33, 4);
    for (const buffers of [
      { output: values, a: "output", b: others },
      { output: values, a: others, b: "output" },
    ])
      await compareKernel("binary", { buffers, numbers, outputs: ["output"] });
  });
});

describe("unary and its gradient", () => {
  const positive = new Set(["log", "sqrt", "rsqrt", "reciprocal", "xLogX"]);
  const functions: Record<keyof typeof unaryOperations, (x: number) => number> = {
    negate: (x) => -x,
    exp: Math.exp,
    log: Math.log,
    sqrt: Math.sqrt,
    rsqrt: (x) => 1 / Math.sqrt(x),
    square: (x) => x * x,
    reciprocal: (x) => 1 / x,
    tanh: Math.tanh,
    sigmoid: (x) => 1 / (1 + Math.exp(-x)),
    relu: (x) => Math.max(x, 0),
    gelu: (x) => x * normalDistribution(x),
    absolute: Math.abs,
    xLogX: (x) => x * Math.log(x),
    erf: (x) => 2 * normalDistribution(x * Math.SQRT2) - 1,
    sin: Math.sin,
    cos: Math.cos,
  };

  /** Φ(x) by Simpson's rule: slow, and independent of any erf. */
  function normalDistribution(x: number): number {
    const steps = 400;
    const width = x / steps;
    const density = (t: number) => Math.exp((-t * t) / 2) / Math.sqrt(2 * Math.PI);
    let sum = density(0) + density(x);
    for (let i = 1; i < steps; i += 1) sum += (i % 2 === 1 ? 4 : 2) * density(i * width);
    return 0.5 + (sum * width) / 3;
  }

  test.each(Object.entries(unaryOperations))("%s", async (name, operation) => {
    const f = functions[name as keyof typeof unaryOperations];
    const low = positive.has(name) ? 0.3 : -6;
    for (const size of [0, 1, 17, 100, 16_500]) {
      const input = sampleNumbers(size, size + 1, low, 6);
      const outputGradient = sampleNumbers(size, size + 2);
      const { reference } = await compareKernel("unary", {
        buffers: { output: new Float32Array(size), input },
        numbers: { operation, size },
        outputs: ["output"],
      });
      const { reference: gradient } = await compareKernel("unaryBackward", {
        buffers: { inputGradient: new Float32Array(size), outputGradient, input },
        numbers: { operation, size },
        outputs: ["inputGradient"],
        absolute: 3e-6,
      });
      if (size > 100) continue;
      input.forEach((x, i) => {
        expect(reference.output![i]).toBeCloseTo(f(x), 9);
        const slope = (f(x + 1e-4) - f(x - 1e-4)) / 2e-4;
        expect(gradient.inputGradient![i]! - outputGradient[i]! * slope).toBeCloseTo(0, 4);
      });
    }
  });

  test.each(Object.entries(unaryOperations))("%s of special values, in place", async (_name, operation) => {
    await compareKernel("unary", {
      buffers: { output: special, input: "output" },
      numbers: { operation, size: special.length },
      outputs: ["output"],
    });
  });

  test("NaN and infinities as in PyTorch", async () => {
    const run = async (operation: number, input: Float32Array, gradient = false) =>
      (
        await compareKernel(gradient ? "unaryBackward" : "unary", {
          buffers: gradient
            ? {
                inputGradient: new Float32Array(input.length).fill(3),
                outputGradient: "inputGradient",
                input,
              }
            : { output: new Float32Array(input.length), input },
          numbers: { operation, size: input.length },
          outputs: [gradient ? "inputGradient" : "output"],
        })
      ).reference[gradient ? "inputGradient" : "output"];
    const input = Float32Array.of(NaN, Infinity, -Infinity, 0);
    expect(await run(unaryOperations.gelu, input)).toEqual(Float64Array.of(NaN, Infinity, NaN, 0));
    expect(await run(unaryOperations.relu, input)).toEqual(Float64Array.of(NaN, Infinity, 0, 0));
    expect(await run(unaryOperations.relu, input, true)).toEqual(Float64Array.of(3, 3, 0, 0));
    expect(await run(unaryOperations.log, input)).toEqual(Float64Array.of(NaN, Infinity, NaN, -Infinity));
    expect(await run(unaryOperations.xLogX, input)).toEqual(Float64Array.of(NaN, Infinity, NaN, 0));
    expect(await run(unaryOperations.absolute, input, true)).toEqual(Float64Array.of(0, 3, -3, 0));
    expect(await run(unaryOperations.sigmoid, input)).toEqual(Float64Array.of(NaN, 1, 0, 0.5));
    expect(await run(unaryOperations.tanh, input)).toEqual(Float64Array.of(NaN, 1, -1, 0));
  });
});

describe("affine", () => {
  test.each([0, 1, 19, 16_401])("%i elements", async (size) => {
    const input = sampleNumbers(size, 5);
    const { reference } = await compareKernel("affine", {
      buffers: { output: new Float32Array(size), input },
      numbers: { size, scale: -1.5, offset: 0.25 },
      outputs: ["output"],
    });
    expectNumbers(
      reference.output,
      Float64Array.from(input, (x) => -1.5 * x + 0.25),
    );
  });
  test("special values in place", async () => {
    await compareKernel("affine", {
      buffers: { output: special, input: "output" },
      numbers: { size: special.length, scale: 2, offset: 1 },
      outputs: ["output"],
    });
  });
});

describe.each(["scaleRows", "scaleColumns"] as const)("%s", (name) => {
  test.each(matrixSizes)("%i×%i", async (rows, columns) => {
    const input = sampleNumbers(rows * columns, 1);
    const scaleName = name === "scaleRows" ? "rowScale" : "columnScale";
    const scale = sampleNumbers(name === "scaleRows" ? rows : columns, 2);
    const output = new Float32Array(rows * columns);
    const common = { numbers: { rows, columns }, outputs: ["output"] };
    const residual = sampleNumbers(rows * columns, 3);
    const { reference } = await compareKernel(name, {
      buffers: { output, input, [scaleName]: scale, residual },
      ...common,
    });
    expectNumbers(
      reference.output,
      Float64Array.from(input, (x, i) => {
        const factor = scale[name === "scaleRows" ? Math.floor(i / columns) : i % columns]!;
        return x * factor + residual[i]!;
      }),
    );
    if (rows * columns > 100) return;
    await compareKernel(name, { buffers: { output, input, [scaleName]: scale, residual: null }, ...common });
    await compareKernel(name, {
      buffers: { output: input, input: "output", [scaleName]: scale, residual: null },
      ...common,
    });
    await compareKernel(name, {
      buffers: { output: residual, input, [scaleName]: scale, residual: "output" },
      ...common,
    });
  });
});

describe("bfloat16", () => {
  test("toBfloat16 rounds to the nearest, ties to even; below the smallest normal number to zero", async () => {
    const given = [
      [1 + 2 ** -8, 1], // a tie: down to the even one
      [1 + 3 * 2 ** -8, 1 + 2 ** -6], // a tie: up
      [1 + 2 ** -8 + 2 ** -23, 1 + 2 ** -7],
      [2 - 2 ** -9, 2], // carries into the exponent
      [3.4e38, Infinity], // beyond the largest bfloat16
      [2 ** -126, 2 ** -126],
      [2 ** -126 - 2 ** -149, 0],
      [-Infinity, -Infinity],
      [NaN, NaN],
    ] as const;
    const { reference } = await compareKernel("toBfloat16", {
      buffers: {
        output: new Bfloat16(new Float32Array(given.length)),
        input: Float64Array.from(given, ([value]) => value),
      },
      numbers: { size: given.length },
      outputs: ["output"],
    });
    expect([...reference.output!]).toEqual(given.map(([, rounded]) => rounded));
  });

  test.each([0, 1, 15, 16, 33, 40_003])("%i numbers to and from", async (size) => {
    const input = sampleNumbers(size, 1);
    const rounded = {
      buffers: { output: new Bfloat16(new Float32Array(size)), input },
      numbers: { size },
      outputs: ["output"],
    };
    const { reference } = await compareKernel("toBfloat16", { ...rounded, absolute: 0, relative: 0 });
    await compareSets("toBfloat16", availableInstructionSets(), rounded);
    const { reference: widened } = await compareKernel("fromBfloat16", {
      buffers: { output: new Float32Array(size), input: new Bfloat16(reference.output!) },
      numbers: { size },
      outputs: ["output"],
      absolute: 0,
      relative: 0,
    });
    expectNumbers(widened.output, reference.output!, { absolute: 0 });
  });
});
