import {
  add,
  clone,
  copyInto,
  full,
  ones,
  reshape,
  slice,
  square,
  sum,
  type Tensor,
  tensor,
  transpose,
  zeros,
} from "@splitmask/autograd";
import { createDevice } from "@splitmask/kernels";
import ndarray from "ndarray";

const device = createDevice({ threads: 1 });
afterAll(() => device.close());

const numbers = async (given: Tensor): Promise<number[]> => [...(await given.data())];

describe("tensor", () => {
  test.each([
    ["a number", 3, [], "float32", [3]],
    [
      "nested numbers",
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      [3, 2],
      "float32",
      [1, 2, 3, 4, 5, 6],
    ],
    ["Float64Array", Float64Array.of(1.5, 2), [2], "float64", [1.5, 2]],
    ["Int32Array", Int32Array.of(-1, 2), [2], "int32", [-1, 2]],
    ["Uint8Array", Uint8Array.of(1, 255), [2], "uint8", [1, 255]],
    ["an empty list", [], [0], "float32", []],
  ] as const)("takes %s", async (_, source, shape, dtype, values) => {
    const made = tensor(device, source as never);
    expect(made.shape).toEqual(shape);
    expect(made.dtype).toBe(dtype);
    expect(await numbers(made)).toEqual(values);
  });

  test("takes an ndarray with any strides, and gives one back", async () => {
    const array = ndarray(
      Float32Array.from({ length: 12 }, (_, i) => i),
      [3, 4],
    );
    expect(await numbers(tensor(device, array))).toEqual([...array.data]);
    expect(await numbers(tensor(device, array.transpose(1, 0)))).toEqual([
      0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11,
    ]);
    expect(await numbers(tensor(device, array.hi(2, 3).lo(1, 1)))).toEqual([5, 6]);
    expect(await numbers(tensor(device, array.step(2, 2)))).toEqual([0, 2, 8, 10]);
    const back = await transpose(tensor(device, array)).toNdarray();
    expect([back.shape, back.get(3, 1)]).toEqual([[4, 3], 7]);
  });

  test("rounds to bfloat16 on the device, and gives float32 back", async () => {
    const made = tensor(device, [1, 1 + 2 ** -8, -3.140625, 1e-40], [2, 2], { dtype: "bfloat16" });
    expect([made.dtype, made.bytes]).toEqual(["bfloat16", 8]);
    expect(await numbers(made)).toEqual([1, 1, -3.140625, 0]);
    const host = await made.toHost();
    expect([host.dtype, host.data]).toEqual(["float32", Float32Array.of(1, 1, -3.140625, 0)]);
    expect(await numbers(clone(made))).toEqual([1, 1, -3.140625, 0]);
    copyInto(made, Float32Array.of(5, 6, 7, 2 ** -8 + 1));
    expect(await numbers(made)).toEqual([5, 6, 7, 1]);
    expect(await numbers(full(device, [2], 0.5, { dtype: "bfloat16" }))).toEqual([0.5, 0.5]);
    expect(() => add(made, made)).toThrow("add: a is 2×2 bfloat16; expected float32 or float64");
    expect(() => (made.requiresGrad = true)).toThrow("only float32 and float64 have gradients");
  });

  test("copies what it is given", async () => {
    const source = Float32Array.of(1, 2);
    const made = tensor(device, source);
    source[0] = 9;
    expect(await numbers(made)).toEqual([1, 2]);
  });

  test("fills", async () => {
    expect(await numbers(zeros(device, [2]))).toEqual([0, 0]);
    expect(await numbers(ones(device, [2], { dtype: "int32" }))).toEqual([1, 1]);
    expect(await numbers(full(device, [1], 2.5, { dtype: "float64" }))).toEqual([2.5]);
  });

  test("says what is wrong", () => {
    expect(() => tensor(device, [1, 2, 3], [2, 2])).toThrow(
      "tensor: 3 elements (3) were given for the shape 2×2, which has 4.",
    );
    expect(() => tensor(device, [[1, 2], [3]])).toThrow("tensor: the nested rows are not all alike");
    expect(() => tensor(device, [1], [-1])).toThrow("tensor: the shape [-1] holds -1");
    expect(() => zeros(device, new Array<number>(9).fill(1))).toThrow("tensors have at most 8 axes");
    expect(() => tensor(device, Int32Array.of(1), [1], { requiresGrad: true })).toThrow(
      "requiresGrad: the tensor 1 holds int32, and only float32 and float64 have gradients.",
    );
    const x = tensor(device, [1, 2], undefined, { requiresGrad: true });
    expect(() => x.item()).toThrow("item: the tensor 2 has 2 elements; item() reads exactly one.");
    expect(() => {
      square(x).requiresGrad = false;
    }).toThrow("Use detach() for one that does not.");
    const bytes = ndarray(new Uint8Array(6), [2, 3]).transpose(1, 0);
    expect(() => tensor(device, bytes)).toThrow(
      "a uint8 ndarray of shape 3×2 with strides [1, 3] cannot be packed on the device",
    );
    const floats = ndarray(new Float32Array(6), [2, 3]).step(-1, 1);
    expect(() => tensor(device, floats)).toThrow("no negative stride");
  });
});

describe("views", () => {
  test("share the buffer and keep it alive", async () => {
    const x = tensor(device, [
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    const flat = reshape(x, [-1]);
    const last = slice(x, 0, 2);
    expect(flat.buffer).toBe(x.buffer);
    expect(last.buffer).toBe(x.buffer);
    x.dispose();
    expect(await numbers(flat)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await numbers(last)).toEqual([5, 6]);
  });

  test("detach stops the gradient", () => {
    const x = tensor(device, [1, 2], undefined, { requiresGrad: true });
    const y = square(x);
    expect(y.requiresGrad).toBe(true);
    expect(sum(y.detach()).requiresGrad).toBe(false);
    expect(y.isLeaf).toBe(false);
    expect(y.detach().isLeaf).toBe(true);
  });

  test("copyInto overwrites in the order of the queue", async () => {
    const x = tensor(device, [1, 2]);
    const before = square(x);
    copyInto(x, Float32Array.of(3, 4));
    const after = square(x);
    expect([await numbers(before), await numbers(after)]).toEqual([
      [1, 4],
      [9, 16],
    ]);
    expect(() => copyInto(x, Float32Array.of(1))).toThrow(
      "copyInto: the target is 2 float32 with 2 elements and the source has 1.",
    );
    expect(() => copyInto(x, zeros(device, [3]))).toThrow(
      "the target is 2 float32 and the source is 3 float32",
    );
  });
});
