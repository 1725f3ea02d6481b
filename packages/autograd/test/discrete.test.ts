import {
  argmax,
  argmaxProduct,
  attentionProbabilities,
  binCount,
  cast,
  concatenate,
  crossEntropy,
  dropPath,
  empty,
  equal,
  equalShare,
  gatherIntegers,
  greater,
  greaterEqual,
  less,
  lessEqual,
  linearCrossEntropy,
  mean,
  nonFiniteRow,
  normal,
  notEqual,
  reshape,
  slice,
  type Tensor,
  tensor,
  topK,
  uniform,
  where,
} from "@splitmask/autograd";
import { createDevice } from "@splitmask/kernels";

const device = createDevice({ threads: 1 });
afterAll(() => device.close());

const integers = (values: number[], shape?: number[]): Tensor =>
  tensor(device, Int32Array.from(values), shape);
const numbers = async (given: Tensor): Promise<number[]> => [...(await given.data())];

test("a row with a NaN has no argmax", async () => {
  const x = tensor(device, [
    [1, Number.NaN, 5],
    [1, 2, 0],
  ]);
  expect(await numbers(argmax(x))).toEqual([-1, 1]);
  const a = tensor(device, [
    [1, 0],
    [Number.NaN, 1],
    [Number.POSITIVE_INFINITY, 1],
  ]);
  expect(await numbers(argmaxProduct(a, a.detach()))).toEqual([-1, -1, -1]);
  expect(await numbers(argmaxProduct(a, tensor(device, [[1, 0]])))).toEqual([0, -1, -1]);
});

test("−1 is to whole numbers what NaN is: figures of it are NaN, places of it are reported", async () => {
  const words = integers([0, -1, 1]);
  expect(await numbers(binCount(words, 2))).toEqual([Number.NaN, Number.NaN]);
  expect(await equalShare(words, integers([0, 2, 1])).item()).toBeNaN();
  const logits = tensor(device, [1, 2, 3, 4, 5, 6], [3, 2], { requiresGrad: true });
  crossEntropy(logits, words).backward();
  expect((await numbers(logits.grad!)).map(Number.isNaN)).toEqual([false, false, true, true, false, false]);
  expect(await crossEntropy(logits, words).item()).toBeNaN();
  const weight = tensor(device, [1, 0, 0, 1], [2, 2]);
  expect(await linearCrossEntropy(logits, weight, null, words).item()).toBeNaN();
  await expect(gatherIntegers(integers([7, 8, 9], [1, 3]), integers([-1], [1, 1])).data()).rejects.toThrow(
    "index -1 is out of range: it must be at least 0 and less than 3 (-1 is what argmax gives for a row with a NaN)",
  );
});

test("nonFiniteRow finds the first row that is not finite", async () => {
  const rows = (value: number) => tensor(device, [1, 2, 3, 4, value, 5, value, 6], [2, 2, 2]);
  expect(await nonFiniteRow(rows(3e38))).toBe(-1);
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
    expect(await nonFiniteRow(rows(value))).toBe(2);
  expect(await nonFiniteRow(empty(device, [3, 0], "float32"))).toBe(-1);
});

test("argmax along another axis", async () => {
  const x = tensor(device, [
    [1, 5, 2],
    [4, 0, 2],
  ]);
  expect(await numbers(argmax(x, 0))).toEqual([1, 0, 0]);
  expect(await numbers(argmax(x, -2))).toEqual([1, 0, 0]);
  expect(argmax(tensor(device, new Float32Array(24), [2, 3, 4]), 1).shape).toEqual([2, 4]);
});

const comparisons = { equal, notEqual, less, lessEqual, greater, greaterEqual };
/** PyTorch's results for (1, 2, 2, NaN) and (2, 2, 1, NaN), then for the first of them and 2. */
const compared = {
  equal: [0, 1, 0, 0, 0, 1, 1, 0],
  notEqual: [1, 0, 1, 1, 1, 0, 0, 1],
  less: [1, 0, 0, 0, 1, 0, 0, 0],
  lessEqual: [1, 1, 0, 0, 1, 1, 1, 0],
  greater: [0, 0, 1, 0, 0, 0, 0, 0],
  greaterEqual: [0, 1, 1, 0, 0, 1, 1, 0],
};

test.each(Object.entries(comparisons))("%s, in every dtype and with a number", async (name, compare) => {
  const expected = compared[name as keyof typeof compared];
  for (const dtype of ["float32", "float64", "bfloat16"] as const) {
    const [a, b] = [
      [1, 2, 2, Number.NaN],
      [2, 2, 1, Number.NaN],
    ].map((values) => tensor(device, values, undefined, { dtype }));
    const condition = compare(a!, b!);
    expect(condition.dtype).toBe("uint8");
    expect([...(await numbers(condition)), ...(await numbers(compare(a!, 2)))]).toEqual(expected);
  }
  const [a, b] = [integers([1, 2, 2]), integers([2, 2, 1])];
  const whole = [...(await numbers(compare(a, b))), ...(await numbers(compare(a, 2)))];
  expect(whole).toEqual([...expected.slice(0, 3), ...expected.slice(4, 7)]);
  expect(await numbers(compare(cast(a, "uint8"), cast(b, "uint8")))).toEqual(expected.slice(0, 3));
  // Broadcast, and with the number first: 2 ∘ a.
  const mirrored = compare(2, reshape(a, [3, 1]));
  expect(mirrored.shape).toEqual([3, 1]);
  expect(compare(mirrored, cast(integers([0, 1]), "uint8")).shape).toEqual([3, 2]);
});

test("a condition counts, and chooses among whole numbers", async () => {
  const labels = integers([3, -1, 2]);
  const isKnown = notEqual(labels, -1);
  expect(await mean(cast(isKnown, "float32")).item()).toBeCloseTo(2 / 3, 6);
  expect(await numbers(where(isKnown, labels, 0))).toEqual([3, 0, 2]);
  expect(await numbers(where(isKnown, 1, -0.5))).toEqual([1, -0.5, 1]);
});

test("casts between all dtypes", async () => {
  const dtypes = ["float32", "float64", "bfloat16", "int32", "uint8"] as const;
  for (const from of dtypes)
    for (const to of dtypes) {
      const x = tensor(device, [0, 1, 200], undefined, { dtype: from });
      const result = cast(x, to);
      expect([result.dtype, ...(await numbers(result))]).toEqual([to, 0, 1, 200]);
      if (from === to) expect(result).toBe(x);
    }
  const cut = cast(tensor(device, [1.9, -1.9, 3e9, Number.NaN], undefined, { requiresGrad: true }), "int32");
  expect(await numbers(cut)).toEqual([1, -1, 2 ** 31 - 1, 0]);
  expect(cut.requiresGrad).toBe(false);
});

test("argmax takes the first of equals", async () => {
  const found = argmax(
    tensor(device, [
      [1, 5, 5],
      [-1, -2, -3],
    ]),
  );
  expect([found.dtype, found.shape, await numbers(found)]).toEqual(["int32", [2], [1, 0]]);
});

test("argmaxProduct finds the row with the largest product", async () => {
  const a = tensor(device, [
    [1, 0],
    [0, 1],
    [-1, -1],
  ]);
  const b = tensor(device, [
    [2, 0],
    [0, 3],
    [1, 1],
  ]);
  expect(await numbers(argmaxProduct(a, b))).toEqual([0, 1, 2 - 2]);
  expect(await numbers(argmaxProduct(a, b, tensor(device, [0, 0, 9])))).toEqual([2, 2, 2]);
  const close = tensor(device, [[1], [1 + 2 ** -8]]);
  const one = tensor(device, [[1]]);
  expect(await numbers(argmaxProduct(one, close))).toEqual([1]);
  // The two are the same bfloat16 number, and the first of equals is taken.
  expect(await numbers(argmaxProduct(one, close, null, { precision: "bfloat16" }))).toEqual([0]);
});

test("topK gives values in falling order, ties by the lower place", async () => {
  const { values, indices } = topK(tensor(device, [[3, 1, 3, 2]]), 3);
  expect([await numbers(values), await numbers(indices)]).toEqual([
    [3, 3, 2],
    [0, 2, 3],
  ]);
});

test("counts, shares and whole numbers by index", async () => {
  expect(await numbers(binCount(integers([0, 2, 2, 1, 2]), 4))).toEqual([1, 1, 3, 0]);
  expect(await equalShare(integers([1, 2, 3, 4]), integers([1, 0, 3, 0])).item()).toBe(0.5);
  const picked = gatherIntegers(integers([10, 11, 12, 20, 21, 22], [2, 3]), integers([2, 0, 1, 1], [2, 2]));
  expect(await numbers(picked)).toEqual([12, 10, 21, 21]);
});

test("attention probabilities of each row sum to 1", async () => {
  const qkv = normal(device, [2, 5, 24], { key: { seed: 1, purpose: "qkv" } });
  const probabilities = attentionProbabilities(qkv, { heads: 2 });
  expect(probabilities.shape).toEqual([2, 2, 5, 5]);
  const rows = await numbers(probabilities);
  for (let row = 0; row < rows.length; row += 5) {
    expect(rows.slice(row, row + 5).reduce((total, value) => total + value, 0)).toBeCloseTo(1, 5);
  }
});

describe("dropPath", () => {
  const x = uniform(device, [400, 3], { low: 1, high: 2, key: { seed: 1, purpose: "x" } });
  const key = { seed: 2, purpose: "drop", step: 7 };

  test("drops whole samples, scales the others, and adds the residual", async () => {
    const residual = uniform(device, [400, 3], { key: { seed: 1, purpose: "r" } });
    const [plain, added] = [{}, { residual }].map((more) =>
      dropPath(x, { probability: 0.25, training: true, key, ...more }),
    );
    const [values, given, sums, rest] = await Promise.all([plain!, x, added!, residual].map(numbers));
    let dropped = 0;
    for (let sample = 0; sample < 400; sample++) {
      const factor = values![3 * sample] === 0 ? 0 : 1 / 0.75;
      if (factor === 0) dropped++;
      for (let column = 3 * sample; column < 3 * sample + 3; column++) {
        expect(values![column]).toBeCloseTo(given![column]! * factor, 5);
        expect(sums![column]).toBeCloseTo(given![column]! * factor + rest![column]!, 5);
      }
    }
    // Five standard deviations of the count.
    expect(Math.abs(dropped - 100)).toBeLessThan(44);
  });

  test("some rows of a batch meet what they meet within it, also when the batch is repeated", async () => {
    const drop = (input: Tensor, rows?: { first: number; count: number; total: number }) =>
      numbers(dropPath(input, { probability: 0.5, training: true, key, rows }));
    const whole = await drop(x);
    // x as 200 samples of two branches: samples 30 to 79 are rows 30 to 79 and 230 to 279.
    const part = concatenate([slice(x, 0, 30, 80), slice(x, 0, 230, 280)], 0);
    expect(await drop(part, { first: 30, count: 50, total: 200 })).toEqual([
      ...whole.slice(90, 240),
      ...whole.slice(690, 840),
    ]);
    expect(await drop(slice(x, 0, 100, 150), { first: 100, count: 50, total: 400 })).toEqual(
      whole.slice(300, 450),
    );
  });

  test("does nothing outside training", async () => {
    expect(dropPath(x, { probability: 0.9, training: false, key })).toBe(x);
    expect(dropPath(x, { probability: 0, training: true, key })).toBe(x);
  });
});
