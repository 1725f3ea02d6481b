import { availableInstructionSets, createDevice, type Device, unaryOperations } from "@splitmask/kernels";

// Every 20011th float: some 200,000, all exponents, both signs, subnormals, infinities and NaNs.
const everyFloat = new Float32Array(
  Uint32Array.from({ length: Math.floor(2 ** 32 / 20011) }, (_, i) => i * 20011).buffer,
);

/** The distance between neighbouring floats at |value|. */
function spacing(value: number): number {
  return 2 ** Math.max(Math.floor(Math.log2(Math.abs(value))) - 23, -149);
}

/** The largest error in spacings of floats at the exact value; infinite where a NaN or an infinity is in the wrong place. */
function largestError(inputs: Float32Array, outputs: Float32Array, exact: (x: number) => number): number {
  let worst = 0;
  for (let i = 0; i < inputs.length; i += 1) {
    const wanted = exact(inputs[i]!);
    const value = outputs[i]!;
    if (Object.is(value, Math.fround(wanted)) || value === Math.fround(wanted)) continue;
    const error = Math.abs(value - wanted) / spacing(wanted);
    worst = error <= worst ? worst : Number.isNaN(error) ? Infinity : error;
  }
  return worst;
}

async function apply(device: Device, inputs: Float32Array, run: (input: object, output: object) => void) {
  const input = { buffer: device.allocate(inputs.byteLength), byteOffset: 0 };
  const output = { buffer: device.allocate(inputs.byteLength), byteOffset: 0 };
  device.upload(input, inputs);
  run(input, output);
  const outputs = new Float32Array(await device.download(output, inputs.byteLength));
  input.buffer.release();
  output.buffer.release();
  return outputs;
}

/** erf by its Taylor series below 3 and its continued fraction above: float64 to some 1e-15. */
function erf(x: number): number {
  const a = Math.abs(x);
  if (Number.isNaN(x)) return x;
  if (a > 6) return Math.sign(x);
  if (a < 3) {
    let term = x;
    let sum = x;
    for (let n = 1; n < 120 && Math.abs(term) > 1e-20; n += 1) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = 0;
  for (let n = 60; n >= 1; n -= 1) fraction = n / 2 / (a + fraction);
  return Math.sign(x) * (1 - Math.exp(-a * a) / Math.sqrt(Math.PI) / (a + fraction));
}

describe.each(availableInstructionSets())("%s", (instructionSet) => {
  const device = createDevice({ instructionSet });

  test.each([
    ["exp", Math.exp, 1],
    ["log", Math.log, 1],
    ["tanh", Math.tanh, 1.5],
  ] as const)("%s is within its error of the exact value over all floats", async (name, exact, limit) => {
    const outputs = await apply(device, everyFloat, (input, output) =>
      device.run("unary", "float32", {
        input: input as never,
        output: output as never,
        operation: unaryOperations[name],
        size: everyFloat.length,
      }),
    );
    expect(largestError(everyFloat, outputs, exact)).toBeLessThanOrEqual(limit);
  });

  // With k = 0 the product is 0 and the epilogue sees the bias.
  test("GELU of the gemm's epilogue is within its error of x·Φ(x)", async () => {
    const inputs = everyFloat.filter((x) => x > -1 && Math.abs(x) > 1e-30 && x < Infinity);
    const outputs = await apply(device, inputs, (input, output) =>
      device.run("gemm", "float32", {
        output: output as never,
        a: input as never,
        b: input as never,
        bias: input as never,
        residual: null,
        preActivation: null,
        m: 1,
        n: inputs.length,
        k: 0,
        batch: 1,
        transposeA: 0,
        transposeB: 0,
        alpha: 1,
        beta: 0,
        activation: 1,
        aLeading: 0,
        bLeading: inputs.length,
        outputLeading: inputs.length,
        aBatchStride: 0,
        bBatchStride: 0,
        outputBatchStride: 0,
        precision: 0,
      }),
    );
    expect(largestError(inputs, outputs, (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)))).toBeLessThanOrEqual(
      2.5,
    );
  });
});
