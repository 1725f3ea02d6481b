import { normal, type Tensor, tensor } from "@splitmask/autograd";
import { createDevice } from "@splitmask/kernels";
import { BatchNorm1d, type BatchStatistics } from "@splitmask/nn";

const device = createDevice({ threads: 1 });
afterAll(() => device.close());

const numbers = async (x: Tensor) => Array.from(await x.data(), Number);

test("goes by the batch in training, by running statistics else, and changes neither", async () => {
  const norm = new BatchNorm1d(device, { width: 3 });
  expect([...norm.namedParameters()].map(([name, { requiresGrad }]) => [name, requiresGrad])).toEqual([
    ["weight", true],
    ["bias", true],
    ["running_mean", false],
    ["running_var", false],
  ]);
  const x = normal(device, [5, 3], { key: { seed: 1, purpose: "x" } });
  const rows = await numbers(x);
  const column = (values: number[], c: number) => values.filter((_, index) => index % 3 === c);
  const seen: BatchStatistics[] = [];
  const output = await numbers(norm.forward(x, { training: true }, (statistics) => seen.push(statistics)));
  const [{ mean, variance }] = seen as [BatchStatistics];
  for (let c = 0; c < 3; c++) {
    const values = column(rows, c);
    const average = values.reduce((sum, value) => sum + value / 5, 0);
    const squares = values.reduce((sum, value) => sum + (value - average) ** 2, 0);
    expect((await numbers(mean))[c]).toBeCloseTo(average, 5);
    expect((await numbers(variance))[c]).toBeCloseTo(squares / 4, 5);
    for (const [row, value] of column(output, c).entries())
      expect(value).toBeCloseTo((values[row]! - average) / Math.sqrt(squares / 5 + 1e-5), 4);
  }
  expect(await numbers(norm.running_mean)).toEqual([0, 0, 0]);
  norm.loadStateDict(
    new Map([
      ["weight", tensor(device, [1, 2, 1])],
      ["bias", tensor(device, [0, 0, 3])],
      ["running_mean", tensor(device, [1, 1, 1])],
      ["running_var", tensor(device, [4, 1, 1])],
    ]),
  );
  const fixed = await numbers(norm.forward(tensor(device, [[3, 3, 3]]), { training: false }));
  for (const [c, expected] of [1, 4, 5].entries()) expect(fixed[c]).toBeCloseTo(expected, 3);
});

test("needs two rows in training", () => {
  const norm = new BatchNorm1d(device, { width: 2, affine: false });
  expect([...norm.namedParameters().keys()]).toEqual(["running_mean", "running_var"]);
  expect(() => norm.forward(tensor(device, [[1, 2]]), { training: true })).toThrow(
    "batchNorm: x is 1×2; one row alone has no variance. Use at least two, or running statistics.",
  );
});
