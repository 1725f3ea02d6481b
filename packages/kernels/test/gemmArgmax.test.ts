import { compareKernel } from "./compareKernel.js";
import { randomNumbers } from "./randomNumbers.js";

function compareArgmax(
  m: number,
  n: number,
  k: number,
  a: Float64Array,
  b: Float64Array,
  bias?: Float64Array,
) {
  return compareKernel("gemmArgmax", {
    buffers: { output: new Int32Array(m).fill(-7), best: new Float64Array(m), a, b, bias: bias ?? null },
    numbers: { m, n, k },
    outputs: ["output", "best"],
    absolute: 1e-6 + k * 2 ** -24,
  });
}

describe("gemmArgmax", () => {
  test.each([
    [1, 1, 1],
    [3, 5, 7],
    [17, 33, 12],
    [15, 100, 48],
    [130, 67, 31],
    [40, 500, 192],
    [9, 40, 700],
  ])("%i×%i, inner %i", async (m, n, k) => {
    const { reference } = await compareArgmax(
      m,
      n,
      k,
      randomNumbers(m * k, 1),
      randomNumbers(n * k, 2),
      randomNumbers(n, 3),
    );
    if (n > 30) expect(new Set(reference.output).size).toBeGreaterThan(1);
    await compareArgmax(m, n, k, randomNumbers(m * k, 1), randomNumbers(n * k, 2));
  });

  test("the first of equals wins", async () => {
    const bias = new Float64Array(70);
    bias[0] = -1;
    for (const place of [69, 41, 40, 17, 3]) {
      bias[place] = 2;
      const { reference } = await compareArgmax(5, 70, 2, new Float64Array(10), new Float64Array(140), bias);
      expect([...reference.output!]).toEqual(Array(5).fill(place));
    }
  });

  test("nothing to sum, nothing to choose from, no rows", async () => {
    const { reference } = await compareArgmax(3, 20, 0, new Float64Array(0), new Float64Array(0));
    expect([...reference.output!, ...reference.best!]).toEqual([0, 0, 0, 0, 0, 0]);
    await compareArgmax(3, 0, 4, randomNumbers(12), new Float64Array(0));
    await compareArgmax(0, 4, 4, new Float64Array(0), randomNumbers(16));
  });

  test("a NaN or an infinity among a row's products leaves no index", async () => {
    const b = randomNumbers(50 * 3, 2);
    b[3 * 44] = Number.NaN;
    b[3 * 19 + 1] = Number.NaN;
    const { reference } = await compareArgmax(4, 50, 3, randomNumbers(12).map(Math.abs), b);
    expect([...reference.output!]).toEqual([-1, -1, -1, -1]);
    const a = randomNumbers(12);
    a[3 * 2 + 1] = Number.NaN;
    const row = await compareArgmax(4, 50, 3, a, randomNumbers(150));
    expect([...row.reference.output!].map((word) => word < 0)).toEqual([false, false, true, false]);
    a[3 * 2 + 1] = Number.NEGATIVE_INFINITY;
    const below = await compareArgmax(4, 50, 3, a, randomNumbers(150));
    expect([...below.reference.output!].map((word) => word < 0)).toEqual([false, false, true, false]);
    const bias = new Float64Array(50);
    bias[45] = Number.POSITIVE_INFINITY;
    const infinite = await compareArgmax(4, 50, 3, randomNumbers(12), randomNumbers(150), bias);
    expect([...infinite.reference.output!]).toEqual([-1, -1, -1, -1]);
    const lowest = await compareArgmax(
      2,
      50,
      3,
      randomNumbers(6),
      randomNumbers(150),
      bias.fill(Number.NEGATIVE_INFINITY),
    );
    expect([...lowest.reference.output!]).toEqual([-1, -1]);
  });
});
