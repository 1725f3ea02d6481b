import { availableInstructionSets } from "@splitmask/kernels";
import { compareKernel, compareSets, type KernelCase } from "./compareKernel.js";
import { randomNumbers } from "./randomNumbers.js";

const [float32, bfloat16] = [0, 1];

/** Rows of a m×k, of b n×k; `bias` n. */
function argmaxCase(
  m: number,
  n: number,
  k: number,
  a: Float64Array,
  b: Float64Array,
  bias: Float64Array | null = null,
  precision = float32,
): KernelCase {
  return {
    buffers: { output: new Int32Array(m).fill(-7), best: new Float64Array(m), a, b, bias },
    numbers: { m, n, k, precision },
    outputs: ["output", "best"],
    absolute: 1e-6 + k * 2 ** -24,
  };
}

const compareArgmax = (...given: Parameters<typeof argmaxCase>) =>
  compareKernel("gemmArgmax", argmaxCase(...given));

describe("gemmArgmax", () => {
  describe.each([float32, bfloat16])("precision %i", (precision) => {
    test.each([
      [1, 1, 1],
      [3, 5, 7],
      [17, 33, 12],
      [15, 100, 48],
      [130, 67, 31],
      [40, 500, 192],
      [9, 40, 700],
      [5, 33, 1601],
    ])("%i×%i, inner %i", async (m, n, k) => {
      const [a, b] = [randomNumbers(m * k, 1), randomNumbers(n * k, 2)];
      const { reference } = await compareArgmax(m, n, k, a, b, randomNumbers(n, 3), precision);
      if (n > 30) expect(new Set(reference.output).size).toBeGreaterThan(1);
      await compareArgmax(m, n, k, a, b, null, precision);
    });

    test("sets with fused multiply-adds agree to the last bit", async () => {
      // Without them, the product of two bfloat16 numbers is still exact, so that one rounding is left.
      const sets = availableInstructionSets().filter((set) => precision === bfloat16 || set !== "portable");
      const [m, n, k] = [101, 77, 803];
      const [a, b] = [randomNumbers(m * k, 1), randomNumbers(n * k, 2)];
      await compareSets("gemmArgmax", sets, argmaxCase(m, n, k, a, b, randomNumbers(n, 3), precision));
    });
  });

  test("bfloat16 rounds a and b to the nearest, ties to even, and neither bias nor sum", async () => {
    const [one, two] = [1 + 2 ** -8, 1 + 3 * 2 ** -8]; // ties: down to 1, up to 1 + 2⁻⁶
    const words = Float64Array.of(1, one, two, 1 + 2 ** -6);
    const find = async (a: number, bias: Float64Array | null, precision: number) => {
      const { reference } = await compareArgmax(1, 4, 1, Float64Array.of(a), words, bias, precision);
      return [reference.output![0], reference.best![0]];
    };
    expect(await find(-1, null, float32)).toEqual([0, -1]);
    expect(await find(1, null, bfloat16)).toEqual([2, 1 + 2 ** -6]);
    expect(await find(1, null, float32)).toEqual([3, 1 + 2 ** -6]);
    expect(await find(-one, Float64Array.of(0, 2 ** -20, 0, 0), bfloat16)).toEqual([1, -1 + 2 ** -20]);
    expect(await find(one, Float64Array.of(0, 1, 0, 0), bfloat16)).toEqual([1, 2]);
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
    await compareArgmax(3, 20, 0, new Float64Array(0), new Float64Array(0), null, bfloat16);
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
