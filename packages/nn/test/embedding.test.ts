import { concatenate, full, ones, slice, sum, tensor } from "@splitmask/autograd";
import { createDevice } from "@splitmask/kernels";
import { Dropout, Embedding, inference } from "@splitmask/nn";

const device = createDevice({ threads: 2 });
afterAll(() => device.close());
const drawn = { seed: 1, purpose: "test" };

test("an embedding begins as PyTorch's, and its padding row is 0 and stays so", async () => {
  const layer = new Embedding(device, { ...drawn, numEmbeddings: 500, embeddingDim: 8, paddingIndex: -1 });
  expect([...layer.namedParameters().keys()]).toEqual(["weight"]);
  const weight = [...(await layer.weight.data())];
  expect(weight.slice(499 * 8)).toEqual(Array(8).fill(0));
  const squares = weight.reduce((total, value) => total + value * value, 0);
  expect(squares / (499 * 8)).toBeCloseTo(1, 1);

  const indices = tensor(device, Int32Array.of(3, 499, 3, 0), [2, 2]);
  const output = layer.forward(indices);
  expect(output.shape).toEqual([2, 2, 8]);
  sum(output).backward();
  const gradient = await layer.weight.grad!.data();
  expect([0, 3, 499, 5].map((row) => gradient[row * 8])).toEqual([1, 2, 0, 0]);
});

test("sizes of an embedding that make no sense are errors", () => {
  expect(() => new Embedding(device, { ...drawn, numEmbeddings: 0, embeddingDim: 8 })).toThrow(
    "Embedding test: numEmbeddings is 0; expected a whole number ≥ 1.",
  );
  expect(
    () => new Embedding(device, { ...drawn, numEmbeddings: 3, embeddingDim: 8, paddingIndex: 3 }),
  ).toThrow("Embedding test: paddingIndex is 3; expected a whole number from -3 to 2.");
});

describe("dropout", () => {
  const layer = new Dropout({ probability: 0.25, purpose: "test" });
  const training = { ...inference, training: true, seed: 1 };
  const values = async (step: number) => [
    ...(await layer.forward(ones(device, [4, 1000]), { ...training, step }).data()),
  ];

  test("drops its share and scales the rest, in each step another", async () => {
    const [first, again, second] = [await values(0), await values(0), await values(1)];
    expect(again).toEqual(first);
    expect(second).not.toEqual(first);
    expect(new Set(first)).toEqual(new Set([0, Math.fround(4 / 3)]));
    expect(first.filter((value) => value === 0).length / 4000).toBeCloseTo(0.25, 1);
  });

  test("does nothing in inference", () => {
    const x = ones(device, [2, 3]);
    expect(layer.forward(x, inference)).toBe(x);
  });

  test("micro-batches draw what the whole batch draws, also with the branches one behind the other", async () => {
    const x = full(device, [6, 50], 2);
    const whole = layer.forward(x, { ...training, samples: { first: 0, count: 3, total: 3 } });
    const parts = [0, 1, 2].map((first) =>
      layer.forward(slice(x, 0, 0, 2), { ...training, samples: { first, count: 1, total: 3 } }),
    );
    const ofBranch = (branch: number) => parts.map((part) => slice(part, 0, branch, branch + 1));
    const joined = concatenate([...ofBranch(0), ...ofBranch(1)], 0);
    expect(await joined.data()).toEqual(await whole.data());
  });

  test("a probability that is none is an error", () => {
    expect(() => new Dropout({ probability: 1.5, purpose: "test" })).toThrow(
      "Dropout test: probability is 1.5; expected a number from 0 to 1.",
    );
  });
});
