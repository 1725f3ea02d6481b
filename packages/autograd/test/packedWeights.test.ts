import {
  add,
  copyInto,
  gelu,
  linear,
  noGrad,
  normal,
  packWeights,
  reshape,
  scope,
  type Tensor,
  tensor,
  type WeightFormat,
  zeros,
} from "@splitmask/autograd";
import { createDevice } from "@splitmask/kernels";

const device = createDevice({ threads: 2 });
afterAll(() => device.close());

const drawn = (purpose: string, ...shape: number[]) => normal(device, shape, { key: { seed: 1, purpose } });
const numbers = async (given: Tensor) => [...(await given.data())];
const [x, weight, bias] = [drawn("x", 2, 9, 40), drawn("weight", 50, 40), drawn("bias", 50)];
const residual = drawn("residual", 2, 9, 50);

test("float32 and bfloat16 give the bits of the weight itself", async () => {
  for (const format of ["float32", "bfloat16"] as const) {
    const packed = packWeights(weight, { format });
    for (const options of [{}, { residual }]) {
      const given = linear(x, packed, bias, options);
      expect(given.shape).toEqual([2, 9, 50]);
      const expected = linear(x, weight, bias, { ...options, precision: format });
      expect(await numbers(given)).toEqual(await numbers(expected));
    }
  }
});

test("int8 is near, and nearer the less the rows of the weight differ from whole numbers", async () => {
  const errorOf = async (from: Tensor) => {
    const given = await numbers(linear(x, packWeights(from, { format: "int8" }), null));
    const expected = await numbers(linear(x, from, null));
    const squares = (values: number[]) => values.reduce((sum, value) => sum + value * value, 0);
    return Math.sqrt(squares(given.map((value, i) => value - expected[i]!)) / squares(expected));
  };
  const drawnError = await errorOf(weight);
  expect(drawnError).toBeGreaterThan(1e-3);
  expect(drawnError).toBeLessThan(0.02);
  const whole = tensor(
    device,
    Float32Array.from({ length: 50 * 40 }, (_, i) => (i % 40 === 0 ? 127 : (i % 255) - 127)),
    [50, 40],
  );
  expect(await errorOf(whole)).toBeLessThan(drawnError);
});

test("activations: before the product, and after it, before the residual", async () => {
  const packed = packWeights(weight);
  const plain = (input: Tensor) => linear(input, weight, bias);
  expect(await numbers(linear(x, packed, bias, { inputActivation: "gelu" }))).toEqual(
    await numbers(plain(gelu(x))),
  );
  for (const given of [packed, weight]) {
    const after = linear(x, given, bias, { outputActivation: "gelu" });
    expect(await numbers(after)).toEqual(await numbers(gelu(plain(x))));
    const both = linear(x, given, bias, { outputActivation: "gelu", residual });
    expect(await numbers(both)).toEqual(await numbers(add(gelu(plain(x)), residual)));
  }
});

test("a convolution's weight is multiplied with flattened patches", async () => {
  const packed = packWeights(reshape(weight, [50, 10, 2, 2]));
  expect(packed.shape).toEqual([50, 40]);
  expect(await numbers(linear(x, packed, bias))).toEqual(await numbers(linear(x, weight, bias)));
});

test("takes the memory of its format, and gives it back", () => {
  const bytes = (format: WeightFormat) => {
    const before = device.memory().liveBytes;
    const packed = scope(device, () => packWeights(weight, { format }));
    const taken = packed.bytes;
    expect(device.memory().liveBytes - before).toBeGreaterThanOrEqual(taken);
    packed.dispose();
    packed.dispose();
    expect(device.memory().liveBytes).toBe(before);
    expect(() => linear(x, packed, null)).toThrow("the packed weight 50×40 was disposed");
    return taken;
  };
  expect(bytes("float32")).toBe(64 * 40 * 4);
  expect(bytes("bfloat16")).toBe(64 * 40 * 2);
  expect(bytes("int8")).toBe(64 * 40 + 50 * 8);
});

test("is refused after the weight was written to", async () => {
  const own = drawn("own", 50, 40);
  const packed = packWeights(own);
  expect(await numbers(linear(x, packed, null))).toEqual(await numbers(linear(x, own, null)));
  for (const values of [weight, await weight.data()]) {
    copyInto(own, values);
    expect(() => linear(x, packed, null)).toThrow("the weight 50×40 was written to after it was packed");
  }
  expect(await numbers(linear(x, packWeights(own), null))).toEqual(await numbers(linear(x, weight, null)));
  // A weight that is gone cannot be written to.
  const again = packWeights(own);
  own.dispose();
  expect(await numbers(linear(x, again, null))).toEqual(await numbers(linear(x, weight, null)));
});

test("no gradient flows through it", async () => {
  const packed = packWeights(weight);
  const trained = drawn("trained", 50);
  trained.requiresGrad = true;
  expect(() => linear(x, packed, trained)).toThrow(
    "linear: no gradient flows through packed weights, and x, the bias or the residual requires one. " +
      "Call it inside noGrad(device, …), or give the weight itself.",
  );
  expect(noGrad(device, () => linear(x, packed, trained)).requiresGrad).toBe(false);
});

test("errors", () => {
  expect(() => packWeights(bias)).toThrow("packWeights: weight is 50; expected out×in (or out×C×P×P)");
  expect(() => packWeights(tensor(device, new Float64Array(1), [1, 1]))).toThrow(
    "packWeights: weight is 1×1 float64; expected float32.",
  );
  expect(() => packWeights(weight, { format: "int4" as "int8" })).toThrow(
    'packWeights: format is "int4"; expected "float32", "bfloat16", "int8".',
  );
  expect(() => packWeights(zeros(device, [1, 65_537]), { format: "int8" })).toThrow(
    "int8 takes at most 65536 numbers a row",
  );
  const packed = packWeights(weight);
  expect(() => linear(drawn("x", 3, 50), packed, null)).toThrow("Is weight stored in×out?");
  expect(() => linear(x, packed, drawn("bias", 40))).toThrow("linear: bias is 40; expected 50");
  expect(() => linear(tensor(device, new Float64Array(40), [1, 40]), packed, null)).toThrow(
    "linear: x is 1×40 float64 and the weight is packed; expected float32",
  );
});
