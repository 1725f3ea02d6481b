import { attention, linear, matmul, normal, type Tensor } from "@splitmask/autograd";
import { createDevice } from "@splitmask/kernels";

const device = createDevice({ threads: 2 });
afterAll(() => device.close());

const drawn = (shape: number[], purpose: string): Tensor =>
  normal(device, shape, { key: { seed: 1, purpose }, requiresGrad: true });
const numbers = async (given: Tensor): Promise<number[]> => [...(await given.data())];
const norm = (values: readonly number[]): number => Math.hypot(...values);

/** The output and the gradients of a function, of the same inputs and the same gradient of the output each time. */
async function bothPasses(run: (x: Tensor, y: Tensor) => Tensor, xShape: number[], yShape: number[]) {
  const [x, y] = [drawn(xShape, "x"), drawn(yShape, "y")];
  const output = run(x, y);
  output.backward(drawn([...output.shape], "gradient").detach());
  return Promise.all([output, x.grad!, y.grad ?? output].map(numbers));
}

test("attention in bfloat16 errs by the rounding of its factors, forward and backward", async () => {
  const passes = (precision: "float32" | "bfloat16") =>
    bothPasses((qkv) => attention(qkv, { heads: 2, precision }), [2, 37, 72], [1]);
  const [exact, rounded] = await Promise.all([passes("float32"), passes("bfloat16")]);
  for (const [part, expected] of exact.entries()) {
    const error = norm(expected.map((value, i) => value - rounded[part]![i]!)) / norm(expected);
    // A factor is off by 2⁻⁹ of itself at most, by 2⁻¹⁰·⁵ on average; scores hand that on to the exponentials.
    expect(error).toBeGreaterThan(2 ** -11);
    expect(error).toBeLessThan(2 ** -7.5);
  }
});

test("matmul in bfloat16 is linear in bfloat16", async () => {
  const precision = "bfloat16";
  const product = await bothPasses(
    (a, b) => matmul(a, b, { transposeB: true, precision }),
    [2, 5, 33],
    [7, 33],
  );
  expect(product).toEqual(await bothPasses((x, w) => linear(x, w, null, { precision }), [2, 5, 33], [7, 33]));
  const exact = await bothPasses((x, w) => linear(x, w, null), [2, 5, 33], [7, 33]);
  expect(exact.map((values, part) => values.some((value, i) => value !== product[part]![i]))).toEqual([
    true,
    true,
    true,
  ]);
});
