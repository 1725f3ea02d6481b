import {
  anyElementTypes,
  availableInstructionSets,
  binaryDerivatives,
  binaryOperations,
  comparisons,
  unaryOperations,
} from "@splitmask/kernels";
import { Bfloat16, type Content, compareKernel, compareSets, Fixed } from "./compareKernel.js";
import { expectNumbers } from "./expectNumbers.js";
import { matrixSizes, sampleIntegers, sampleNumbers } from "./sampleNumbers.js";

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

/** The numbers of a call with broadcasting: the output's dimensions and the strides of inputs of these shapes. */
function walk(shapes: Readonly<Record<string, readonly number[]>>) {
  const given = Object.values(shapes);
  const shape = given[0]!.map((_, axis) => given.map((each) => each[axis]!).find((n) => n !== 1) ?? 1);
  const inputs = Object.entries(shapes).map(([name, each]) =>
    padded(`${name}Stride`, strides(each, shape), 0),
  );
  return {
    size: count(shape),
    numbers: Object.assign(padded("dimension", shape, 1), ...inputs) as Record<string, number>,
  };
}

async function binary(
  operation: number,
  aShape: number[],
  bShape: number[],
  a: Float32Array,
  b: Float32Array,
) {
  const { size, numbers } = walk({ a: aShape, b: bShape });
  return compareKernel("binary", {
    buffers: { output: new Float32Array(size), a, b },
    numbers: { operation, ...numbers },
    outputs: ["output"],
  });
}

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
describe("binary", () => {
  const formulas: Record<keyof typeof binaryOperations, (a: number, b: number) => number> = {
    add: (a, b) => a + b,
    subtract: (a, b) => a - b,
    multiply: (a, b) => a * b,
    divide: (a, b) => a / b,
    maximum: Math.max,
    minimum: Math.min,
    // As in C; JavaScript has NaN for ±1 to the power of infinity, and for 1 to that of NaN.
    power: (a, b) => (a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b),
  };
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
          { absolute: 1e-15 },
        );
    }
    const pairs = [...special]
      .flatMap((x) => [...special].map((y) => [x, y] as const))
      // Not those of which float64 holds the result and float32 does not.
      .filter(([x, y]) => !Number.isFinite(formula(x, y)) || Number.isFinite(Math.fround(formula(x, y))));
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
  const positive = new Set(["log", "sqrt", "rsqrt", "reciprocal", "xLogX", "log1p"]);
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
    sign: Math.sign,
    floor: Math.floor,
    ceil: Math.ceil,
    round: roundToEven,
    trunc: Math.trunc,
    expm1: Math.expm1,
    log1p: Math.log1p,
    softplus: (x) => Math.log1p(Math.exp(x)),
    silu: (x) => x / (1 + Math.exp(-x)),
  };

  function roundToEven(x: number): number {
    const below = Math.floor(x);
    if (x - below === 0.5) return below + Math.abs(below % 2);
    return Math.round(x);
  }

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
    expect(await run(unaryOperations.sign, input)).toEqual(Float64Array.of(0, 1, -1, 0));
    expect(await run(unaryOperations.round, input)).toEqual(Float64Array.from(input));
    expect(await run(unaryOperations.round, input, true)).toEqual(new Float64Array(4));
    expect(await run(unaryOperations.expm1, input)).toEqual(Float64Array.of(NaN, Infinity, -1, 0));
    expect(await run(unaryOperations.log1p, input)).toEqual(Float64Array.of(NaN, Infinity, NaN, 0));
    expect(await run(unaryOperations.softplus, input)).toEqual(Float64Array.of(NaN, Infinity, 0, Math.LN2));
    const halves = Float32Array.of(0.5, 1.5, -0.5, 2.5, -2.5, 2 ** 22 + 0.5, 2 ** 23 + 1, -(2 ** 30));
    const even = [0, 2, -0, 2, -2, 2 ** 22, 2 ** 23 + 1, -(2 ** 30)];
    expect(await run(unaryOperations.round, halves)).toEqual(Float64Array.from(even));
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

describe("binaryBackward", () => {
  const slopes: Record<keyof typeof binaryDerivatives, (a: number, b: number) => number> = {
    maximum: (a, b) => Number(a > b),
    minimum: (a, b) => Number(a < b),
    base: (a, b) => b * a ** (b - 1),
    exponent: (a, b) => a ** b * Math.log(a),
  };
  const run = (operation: number, shapes: Record<string, number[]>, buffers: Record<string, Content>) => {
    const { size, numbers } = walk(shapes);
    return compareKernel("binaryBackward", {
      buffers: { inputGradient: new Float32Array(size), ...buffers },
      numbers: { operation, ...numbers },
      outputs: ["inputGradient"],
    });
  };

  test.each(Object.entries(binaryDerivatives))("%s", async (name, operation) => {
    for (const [aShape, bShape] of shapes) {
      const a = sampleNumbers(count(aShape), 1, 0.3, 2);
      const b = sampleNumbers(count(bShape), 2, 0.5, 2);
      const { size } = walk({ a: aShape, b: bShape });
      const outputGradient = sampleNumbers(size, 3);
      const { reference } = await run(operation, { a: aShape, b: bShape }, { outputGradient, a, b });
      if (count(aShape) !== count(bShape)) continue;
      const slope = slopes[name as keyof typeof slopes];
      const expected = outputGradient.map((g, i) => g * slope(a[i]!, b[i]!));
      expectNumbers(reference.inputGradient, expected, { absolute: 1e-5 });
    }
  });

  test("ties, NaN and zeros, in place", async () => {
    const a = Float32Array.of(1, 2, 3, NaN, 1, 0, 0, 0, -2, 2);
    const b = Float32Array.of(1, 3, 2, 1, NaN, 0, 2, -1, 2, 0);
    const expected = {
      maximum: [2, 0, 4, 4, 4, 2, 0, 4, 0, 4],
      minimum: [2, 4, 0, 4, 4, 2, 4, 0, 4, 0],
      base: [4, 48, 24, 4, NaN, 0, 0, -Infinity, -16, 0],
      exponent: [0, 32 * Math.LN2, 36 * Math.log(3), NaN, 0, 0, 0, -Infinity, NaN, 4 * Math.LN2],
    };
    for (const [name, values] of Object.entries(expected)) {
      const outputGradient = new Float32Array(a.length).fill(4);
      const { reference } = await run(
        binaryDerivatives[name as keyof typeof expected],
        { a: [a.length], b: [b.length] },
        { inputGradient: outputGradient, outputGradient: "inputGradient", a, b },
      );
      expectNumbers(reference.inputGradient, values, { absolute: 1e-12 });
    }
  });
});

describe("compare", () => {
  const holds: Record<keyof typeof comparisons, (a: number, b: number) => boolean> = {
    equal: (a, b) => a === b,
    notEqual: (a, b) => a !== b,
    less: (a, b) => a < b,
    lessEqual: (a, b) => a <= b,
    greater: (a, b) => a > b,
    greaterEqual: (a, b) => a >= b,
  };
  const run = async (
    name: string,
    type: keyof typeof anyElementTypes,
    given: Record<string, number[]>,
    a: Content,
    b: Content,
  ) => {
    const { size, numbers } = walk(given);
    const { reference } = await compareKernel("compare", {
      buffers: { output: new Uint8Array(size).fill(9), a, b },
      numbers: {
        operation: comparisons[name as keyof typeof comparisons],
        operandType: anyElementTypes[type],
        ...numbers,
      },
      outputs: ["output"],
    });
    return [...reference.output!];
  };

  test.each(Object.entries(holds))("%s", async (name, formula) => {
    for (const [aShape, bShape] of shapes) {
      const [a, b] = [sampleIntegers(count(aShape), 1, 4), sampleIntegers(count(bShape), 2, 4)];
      const given = { a: aShape, b: bShape };
      const expected = await run(name, "dtype", given, Float32Array.from(a), Float32Array.from(b));
      if (a.length === b.length)
        expect(expected).toEqual(Array.from(a, (value, i) => Number(formula(value, b[i]!))));
      if (a.length !== 9) continue; // the other types with one pair of shapes
      const others = [
        await run(name, "int32", given, a, b),
        await run(name, "uint8", given, Uint8Array.from(a), Uint8Array.from(b)),
        await run(name, "bfloat16", given, new Bfloat16(a), new Bfloat16(b)),
        await run(name, "float32", given, new Fixed(Float32Array.from(a)), new Fixed(Float32Array.from(b))),
      ];
      for (const result of others) expect(result).toEqual(expected);
    }
    const pairs = [...special].flatMap((x) => [...special].map((y) => [x, y] as const));
    const [a, b] = [0, 1].map((side) => Float32Array.from(pairs, (pair) => pair[side]!));
    const given = { a: [pairs.length], b: [pairs.length] };
    const expected = pairs.map(([x, y]) => Number(formula(Math.fround(x), Math.fround(y))));
    expect(await run(name, "dtype", given, a!, b!)).toEqual(expected);
  });
});

describe("where", () => {
  const conditions = [...shapes.map(([, b]) => b), [350, 1]];
  test.each(shapes.map((pair, i) => [...pair, conditions[i]!]))(
    "%j and %j",
    async (aShape, bShape, shape) => {
      const { size, numbers } = walk({ condition: shape, a: aShape, b: bShape });
      const condition = Uint8Array.from(sampleIntegers(count(shape), 5, 3), (value) => value * 127);
      const [a, b] = [sampleNumbers(count(aShape), 1), sampleNumbers(count(bShape), 2)];
      const call = { numbers, outputs: ["output"], absolute: 0, relative: 0 };
      const { reference } = await compareKernel("where", {
        buffers: { output: new Float32Array(size), condition, a, b },
        ...call,
      });
      if (size !== a.length || size !== b.length) return;
      expectNumbers(
        reference.output,
        Float64Array.from(a, (value, i) => (condition[i] ? value : b[i]!)),
      );
      await compareKernel("where", { buffers: { output: a, condition, a: "output", b }, ...call });
      await compareKernel("where", { buffers: { output: b, condition, a, b: "output" }, ...call });
    },
  );
});

test.each([0, 1, 37, 16_501])("clamp and its gradient, %i elements, in place", async (size) => {
  const numbers = { size, low: -0.5, high: 1.25 };
  const input = sampleNumbers(size, 1);
  input.set(special.subarray(0, size));
  input.fill(1.25, 13, 14);
  const { reference } = await compareKernel("clamp", {
    buffers: { output: input, input: "output" },
    numbers,
    outputs: ["output"],
  });
  const clamped = Float64Array.from(input, (x) => Math.min(Math.max(x, -0.5), 1.25));
  expectNumbers(reference.output, clamped);
  const { reference: gradient } = await compareKernel("clampBackward", {
    buffers: { inputGradient: new Float32Array(size).fill(3), outputGradient: "inputGradient", input },
    numbers,
    outputs: ["inputGradient"],
  });
  expectNumbers(
    gradient.inputGradient,
    Float64Array.from(input, (x) => (x > -0.5 && x < 1.25 ? 3 : 0)),
  );
  const oneSided = { buffers: { output: new Float32Array(size), input }, outputs: ["output"] };
  await compareKernel("clamp", { ...oneSided, numbers: { size, low: NaN, high: 1 } });
  await compareKernel("clamp", { ...oneSided, numbers: { size, low: 1, high: NaN } });
});

describe("cast", () => {
  type ElementType = keyof typeof anyElementTypes;
  const content: Record<ElementType, (values: ArrayLike<number>) => Exclude<Content, string | null>> = {
    dtype: (values) => Float32Array.from(values),
    bfloat16: (values) => new Bfloat16(values),
    float32: (values) => new Fixed(Float32Array.from(values)),
    int32: (values) => Int32Array.from(values),
    uint8: (values) => Uint8Array.from(values),
  };
  const cast = async (from: ElementType, to: ElementType, values: ArrayLike<number>) => {
    const call = {
      buffers: { output: content[to](new Float32Array(values.length)), input: content[from](values) },
      numbers: {
        size: values.length,
        inputType: anyElementTypes[from],
        outputType: anyElementTypes[to],
      },
      outputs: ["output"],
      absolute: 0,
      relative: 2 ** -24, // float64 holds what float32 rounds
    };
    const { reference } = await compareKernel("cast", call);
    if (to === "bfloat16") await compareSets("cast", availableInstructionSets(), call);
    return [...reference.output!];
  };
  const types = Object.keys(anyElementTypes) as ElementType[];

  test.each(types.flatMap((from) => types.map((to) => [from, to] as const)))("%s to %s", async (from, to) => {
    for (const size of [0, 15, 9003]) {
      const values = sampleIntegers(size, 1, 200);
      expect(await cast(from, to, values)).toEqual([...values]);
    }
  });

  test("to bfloat16: to the nearest, ties to even; below the smallest normal number zero", async () => {
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
    const rounded = await cast(
      "dtype",
      "bfloat16",
      given.map(([value]) => value),
    );
    expect(rounded).toEqual(given.map(([, value]) => value));
  });

  test("to integers: cut towards zero, at the ends beyond them, 0 for NaN; a uint8 is the lowest byte", async () => {
    const given = [1.9, -1.9, 0.5, -0, 300, -1, 2 ** 31 - 128, 2 ** 31, -(2 ** 31), -3e9, Infinity, NaN];
    const ends = [2 ** 31 - 128, 2 ** 31 - 1, -(2 ** 31), -(2 ** 31), 2 ** 31 - 1, 0];
    const cut = [1, -1, 0, 0, 300, -1, ...ends];
    expect(await cast("dtype", "int32", given)).toEqual(cut);
    expect(await cast("dtype", "uint8", given)).toEqual([...Uint8Array.from(cut)]);
    expect(await cast("int32", "uint8", cut)).toEqual([...Uint8Array.from(cut)]);
  });
});
