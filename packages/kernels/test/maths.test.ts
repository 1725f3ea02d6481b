import {
  availableInstructionSets,
  binaryOperations,
  createDevice,
  type Device,
  unaryOperations,
} from "@splitmask/kernels";

const naive = createDevice({ implementation: "naive" });
afterAll(() => naive.close());

/**
 * What is stated in `unaryOperations`: the largest error in units in the last place (ULP, the distance between
 * neighboring floats at the exact value), over all floats whose results are finite, subnormal ones included; NaN, zeros
 * and infinities have to be where they belong.
 */
const stated = {
  ...{ exp: 1, log: 1, erf: 1.5, tanh: 1.5, rsqrt: 1.5, sqrt: 0.5, reciprocal: 0.5 },
  ...{ expm1: 1.6, log1p: 2, softplus: 2 },
} as const;

const floats = (bits: Uint32Array) => new Float32Array(bits.buffer);

// Half a million floats: all exponents, both signs, subnormals, infinities and NaNs.
const everyExponent = floats(
  Uint32Array.from({ length: Math.floor(2 ** 32 / 8209) }, (_, i) => (i * 8209) % 2 ** 32),
);

// Where a function changes its formula, overflows, vanishes or comes near 0 or 1: thousands of neighboring floats on
// both sides.
const branchPoints = [0, 2 ** -126, 0.34657359, 0.625, Math.SQRT1_2, 1, Math.SQRT2, 2, 3.92, 4.1, 9.01, 10];
const overflows = [87.336, 88, 88.0297, 88.7228, 89, 103.279, 103.972, 104, 3.4028235e38];
const around = Float32Array.from(
  [...branchPoints, ...overflows].flatMap((point) => [point, -point]),
  (point) => point,
);
const neighbors = floats(
  Uint32Array.from({ length: around.length * 4096 }, (_, i) => {
    const bits = new Uint32Array(around.buffer)[i >> 12]!;
    const magnitude = Math.abs((bits & 0x7fffffff) + (i & 4095) - 2048);
    return ((bits & 0x80000000) | magnitude) >>> 0;
  }),
);

// Evenly over the range in which the functions bend.
const evenly = Float32Array.from({ length: 1 << 18 }, (_, i) => ((i + 0.37) / 2 ** 17 - 1) * 12);

const samples = new Float32Array(everyExponent.length + neighbors.length + evenly.length);
samples.set(everyExponent);
samples.set(neighbors, everyExponent.length);
samples.set(evenly, everyExponent.length + neighbors.length);

const exponentOf = new Uint32Array(1);
const rounded = new Float32Array(exponentOf.buffer);
/** By the exponent of the next float below: the distance to its neighbors. */
const spacings = Float64Array.from({ length: 256 }, (_, exponent) => 2 ** (Math.max(exponent, 1) - 150));

/** The distance between neighboring floats at |value|. */
function spacing(value: number): number {
  rounded[0] = value;
  const exponent = (exponentOf[0]! >>> 23) & 255;
  // Rounding may have carried into the next binade.
  return spacings[
    Math.abs(rounded[0]!) > Math.abs(value) && (exponentOf[0]! & 0x7fffff) === 0 ? exponent - 1 : exponent
  ]!;
}

/**
 * The largest error as a multiple of `unit(exact value)`, and where; infinite where a NaN or an infinity is in the
 * wrong place.
 */
function largestError(
  inputs: Float32Array,
  outputs: Float32Array,
  exact: Float64Array,
  unit: (value: number) => number = spacing,
): { error: number; at: number } {
  let worst = { error: 0, at: 0 };
  for (let i = 0; i < inputs.length; i += 1) {
    const wanted = exact[i]!;
    const value = outputs[i]!;
    if (value === wanted || Object.is(value, Math.fround(wanted))) continue;
    const difference = Math.abs(value - wanted) / unit(wanted);
    const error = Number.isNaN(difference) ? Infinity : difference;
    if (error > worst.error) worst = { error, at: inputs[i]! };
  }
  return worst;
}

type Float = Float32Array | Float64Array;
const place = (device: Device, values: Float) => {
  const placed = { buffer: device.allocate(values.byteLength), byteOffset: 0 };
  device.upload(placed, values);
  return placed;
};

/** f(inputs) in the arrays' precision. */
async function unary<Values extends Float>(
  device: Device,
  name: keyof typeof unaryOperations,
  inputs: Values,
  kernel: "unary" | "unaryBackward" = "unary",
): Promise<Values> {
  const dtype = inputs instanceof Float32Array ? "float32" : "float64";
  const input = place(device, inputs);
  const output = place(device, inputs.slice().fill(1));
  const numbers = { operation: unaryOperations[name], size: inputs.length };
  if (kernel === "unary") device.run(kernel, dtype, { output, input, ...numbers });
  else device.run(kernel, dtype, { inputGradient: output, outputGradient: output, input, ...numbers });
  const bytes = await device.download(output, inputs.byteLength);
  input.buffer.release();
  output.buffer.release();
  return new (inputs.constructor as new (buffer: ArrayBuffer) => Values)(bytes);
}

const references = new Map<string, Promise<Float64Array>>();
/** The same of the naive kernel in float64, which calls the C library, once for all sets. */
function reference(name: keyof typeof unaryOperations, kernel: "unary" | "unaryBackward" = "unary") {
  const key = `${kernel} ${name}`;
  if (!references.has(key)) references.set(key, unary(naive, name, Float64Array.from(samples), kernel));
  return references.get(key)!;
}

test("the reference is the C library's float64", async () => {
  const inputs = Float64Array.of(1e-8, 0.3, 1, 2.5);
  const [exp, log, erf, tanh] = await Promise.all(
    (["exp", "log", "erf", "tanh"] as const).map((name) => unary(naive, name, inputs)),
  );
  inputs.forEach((x, i) => {
    expect(exp![i]! / Math.exp(x)).toBeCloseTo(1, 14);
    expect(log![i]! - Math.log(x)).toBeCloseTo(0, 14);
    expect(tanh![i]! / Math.tanh(x)).toBeCloseTo(1, 14);
  });
  // Abramowitz and Stegun, table 7.1, and the series' first term.
  expect(erf![0]! / 1.1283791670955126e-8).toBeCloseTo(1, 14);
  expect(erf![1]).toBeCloseTo(0.3286267594591274, 14);
  expect(erf![2]).toBeCloseTo(0.8427007929497149, 14);
  expect(erf![3]).toBeCloseTo(0.9995930479825551, 14);
});

test("neighboring floats are as far apart as said", () => {
  expect([1, 1.999, 2, 0.99999999, 2 ** -126, 2 ** -149, 0].map(spacing)).toEqual([
    2 ** -23,
    2 ** -23,
    2 ** -22,
    2 ** -24,
    2 ** -149,
    2 ** -149,
    2 ** -149,
  ]);
});

describe.each(availableInstructionSets())("%s", (instructionSet) => {
  const device = createDevice({ instructionSet });
  afterAll(() => device.close());

  test.each(Object.entries(stated))("%s is within %f ULP of float64", async (name, limit) => {
    const operation = name as keyof typeof stated;
    const worst = largestError(samples, await unary(device, operation, samples), await reference(operation));
    expect(worst.error).toBeLessThanOrEqual(limit);
  });

  test("power is within 1 ULP of float64", async () => {
    const size = 1 << 18;
    const bases = Float32Array.from({ length: size }, (_, i) => Math.abs(everyExponent[i * 2]!));
    // Results of all sizes: exponents up to what a float's range allows.
    const exponents = bases.map((base, i) => ((evenly[i]! / 12) * 105) / (Math.abs(Math.log(base)) + 0.1));
    const power = async <Values extends Float>(on: Device, a: Values, b: Values): Promise<Values> => {
      const [first, second] = [place(on, a), place(on, b)];
      const strides = ["a", "b"].flatMap((name) =>
        Array.from({ length: 8 }, (_, axis) => [`${name}Stride${axis}`, axis === 7 ? 1 : 0]),
      );
      const dimensions = Array.from({ length: 8 }, (_, axis) => [`dimension${axis}`, axis === 7 ? size : 1]);
      on.run("binary", a instanceof Float32Array ? "float32" : "float64", {
        output: first,
        a: first,
        b: second,
        operation: binaryOperations.power,
        ...Object.fromEntries([...strides, ...dimensions]),
      });
      const bytes = await on.download(first, a.byteLength);
      for (const each of [first, second]) each.buffer.release();
      return new (a.constructor as new (buffer: ArrayBuffer) => Values)(bytes);
    };
    const exact = await power(naive, Float64Array.from(bases), Float64Array.from(exponents));
    const worst = largestError(bases, await power(device, bases, exponents), exact);
    expect(worst.error).toBeLessThanOrEqual(1);
  });

  // Below −1 the sum 1 + erf cancels, so that the error is a share of x there, not of the result.
  test("GELU is within 2.5 ULP of float64 above −1, and within 1.5·2⁻²⁴ below", async () => {
    const outputs = await unary(device, "gelu", samples);
    const exact = await reference("gelu");
    const part = <Values extends Float>(values: Values, below: boolean) =>
      values.filter((_, i) => samples[i]! <= -1 === below) as Values;
    const above = largestError(part(samples, false), part(outputs, false), part(exact, false));
    expect(above.error).toBeLessThanOrEqual(2.5);
    const below = largestError(part(samples, true), part(outputs, true), part(exact, true), () => 2 ** -24);
    expect(below.error).toBeLessThanOrEqual(1.5);
  });

  test.each(["sin", "cos"] as const)(
    "%s is within 2·2⁻²⁴ of float64 up to 4096, and its derivative",
    async (name) => {
      const isSmall = samples.map((x) => Number(Math.abs(x) <= 4096));
      const part = <Values extends Float>(values: Values) => values.filter((_, i) => isSmall[i]) as Values;
      for (const kernel of ["unary", "unaryBackward"] as const) {
        const outputs = await unary(device, name, samples, kernel);
        const exact = await reference(name, kernel);
        const worst = largestError(part(samples), part(outputs), part(exact), () => 2 ** -24);
        expect(worst.error).toBeLessThanOrEqual(2);
        const beyond = outputs.filter((value, i) => !(Math.abs(value) <= 1) && Number.isFinite(samples[i]!));
        expect(beyond).toHaveLength(0);
      }
    },
  );

  test("the derivative of GELU is within 2.5·2⁻²⁴ of float64", async () => {
    const worst = largestError(
      samples,
      await unary(device, "gelu", samples, "unaryBackward"),
      await reference("gelu", "unaryBackward"),
      () => 2 ** -24,
    );
    expect(worst.error).toBeLessThanOrEqual(2.5);
  });
});
