import { createDevice } from "@splitmask/kernels";
import { Bfloat16, compareKernel } from "./compareKernel.js";
import { expectNumbers } from "./expectNumbers.js";
import { matrixSizes, sampleIntegers, sampleNumbers } from "./sampleNumbers.js";

/** The sum of what `term` gives for 0 … count−1, in double. */
function total(count: number, term: (i: number) => number): number {
  let sum = 0;
  for (let i = 0; i < count; i += 1) sum += term(i);
  return sum;
}

describe("reduce", () => {
  const sizes: [number, number, number][] = [
    [0, 3, 4],
    [3, 0, 4],
    [2, 3, 0],
    [1, 1, 1],
    [5, 7, 1],
    [3, 5, 9],
    [2, 1, 33],
    [1, 70_001, 1],
    [40, 197, 1],
    [1, 701, 65],
    [3, 50, 130],
    [1203, 3, 5],
  ];
  test.each(sizes)("%i×%i×%i", async (outer, reduced, inner) => {
    const input = sampleNumbers(outer * reduced * inner, 1);
    for (const operation of [0, 1, 2]) {
      const output = new Float32Array(outer * inner);
      const { reference } = await compareKernel("reduce", {
        buffers: { output, input },
        numbers: { operation, outer, reduced, inner, scale: 0.5 },
        outputs: ["output"],
        absolute: 1e-4,
      });
      expectNumbers(
        reference.output,
        output.map((_, i) => {
          const at = (r: number) => input[(Math.floor(i / inner) * reduced + r) * inner + (i % inner)]!;
          if (operation === 0) return 0.5 * total(reduced, at);
          const values = Array.from({ length: reduced }, (_, r) => at(r));
          const largest = (list: number[]) => list.reduce((best, value) => Math.max(best, value), -Infinity);
          return 0.5 * (operation === 1 ? largest(values) : -largest(values.map((value) => -value)));
        }),
        { relative: 1e-6, absolute: 1e-6 },
      );
    }
  });

  test("NaN wins, infinities stay", async () => {
    for (const inner of [1, 3])
      for (const operation of [0, 1, 2])
        for (const value of [NaN, Infinity, -Infinity]) {
          const input = sampleNumbers(2 * 41 * inner, 3);
          input[17 * inner] = value;
          const { reference } = await compareKernel("reduce", {
            buffers: { output: new Float32Array(2 * inner), input },
            numbers: { operation, outer: 2, reduced: 41, inner, scale: 1 },
            outputs: ["output"],
          });
          if (Number.isNaN(value) || operation === 0) expect(reference.output![0]).toBe(value);
        }
  });
});

describe("cumulativeSum", () => {
  const sizes = [
    [0, 3, 2],
    [3, 0, 2],
    [2, 3, 0],
    [1, 1, 1],
    [3, 7, 1],
    [1, 20_003, 1],
    [2, 5, 17],
    [3, 129, 70],
    [1, 4, 1000],
  ] as const;
  test.each(sizes)("%i×%i×%i, in place", async (outer, length, inner) => {
    const input = sampleNumbers(outer * length * inner, 1);
    for (const reverse of [0, 1]) {
      const { reference } = await compareKernel("cumulativeSum", {
        buffers: { output: input, input: "output" },
        numbers: { outer, length, inner, reverse },
        outputs: ["output"],
      });
      const expected = Float64Array.from(input);
      const step = (reverse ? -1 : 1) * inner;
      for (let o = 0; o < outer; o += 1)
        for (let l = 1; l < length; l += 1)
          for (let i = 0; i < inner; i += 1) {
            const at = (o * length + (reverse ? length - 1 - l : l)) * inner + i;
            expected[at]! += expected[at - step]!;
          }
      expectNumbers(reference.output, expected);
    }
  });

  test("keeps what float32 alone would lose", async () => {
    const input = new Float32Array(1000).fill(1);
    input[0] = 2 ** 25;
    const { reference } = await compareKernel("cumulativeSum", {
      buffers: { output: new Float32Array(1000), input },
      numbers: { outer: 1, length: 1000, inner: 1, reverse: 0 },
      outputs: ["output"],
      relative: 2 ** -24,
    });
    expect(reference.output![999]).toBe(2 ** 25 + 999);
  });
});

test.each(matrixSizes)("sumColumns %i×%i", async (rows, columns) => {
  const input = new Bfloat16(sampleNumbers(rows * columns, 1));
  const { reference } = await compareKernel("sumColumns", {
    buffers: { output: sampleNumbers(columns, 2), input },
    numbers: { rows, columns },
    outputs: ["output"],
    absolute: 1e-4,
  });
  const values = Bfloat16.numbers(input.bits);
  expectNumbers(
    reference.output,
    Array.from({ length: columns }, (_, c) => total(rows, (r) => values[r * columns + c]!)),
    { relative: 1e-6, absolute: 1e-6 },
  );
});

describe("dotColumns", () => {
  test.each([...matrixSizes, [5, 0] as const, [3000, 3] as const])("%i×%i", async (rows, columns) => {
    const a = sampleNumbers(rows * columns, 1);
    const b = sampleNumbers(rows * columns, 2);
    const { reference } = await compareKernel("dotColumns", {
      buffers: { output: new Float32Array(columns), a, b },
      numbers: { rows, columns },
      outputs: ["output"],
      absolute: 1e-4,
    });
    const expected = Array.from({ length: columns }, (_, c) =>
      total(rows, (r) => a[r * columns + c]! * b[r * columns + c]!),
    );
    expectNumbers(reference.output, expected, { relative: 1e-6, absolute: 1e-6 });
  });
});

describe("dotRows", () => {
  test.each([...matrixSizes, [4, 0] as const])("%i×%i", async (rows, columns) => {
    const a = sampleNumbers(rows * columns, 1);
    const b = sampleNumbers(rows * columns, 2);
    const { reference } = await compareKernel("dotRows", {
      buffers: { output: new Float32Array(rows), a, b },
      numbers: { rows, columns },
      outputs: ["output"],
      absolute: 2e-5,
    });
    expectNumbers(
      reference.output,
      Array.from({ length: rows }, (_, r) =>
        total(columns, (c) => a[r * columns + c]! * b[r * columns + c]!),
      ),
      { absolute: 1e-10 },
    );
  });
});

describe("argmaxRows and topK", () => {
  /** Columns in falling order of value, NaN first, ties by column. */
  function ranking(row: Float32Array): number[] {
    const key = (x: number) => (Number.isNaN(x) ? Infinity : Number.isFinite(x) ? x : Math.sign(x) * 1e30);
    return [...row.keys()].sort((x, y) => key(row[y]!) - key(row[x]!) || x - y);
  }

  async function check(rows: number, columns: number, input: Float32Array, ks: number[]): Promise<void> {
    const expected = Array.from({ length: rows }, (_, r) =>
      ranking(input.subarray(r * columns, (r + 1) * columns)),
    );
    const { reference } = await compareKernel("argmaxRows", {
      buffers: { output: new Int32Array(rows), input },
      numbers: { rows, columns },
      outputs: ["output"],
    });
    expectNumbers(
      reference.output,
      expected.map(([first], r) => (Number.isNaN(input[r * columns + first!]) ? -1 : first!)),
    );
    for (const k of ks) {
      const { reference: top } = await compareKernel("topK", {
        buffers: { values: new Float32Array(rows * k), indices: new Int32Array(rows * k), input },
        numbers: { rows, columns, k },
        outputs: ["values", "indices"],
      });
      const indices = expected.flatMap((order) => order.slice(0, k));
      expectNumbers(top.indices, indices);
      expectNumbers(
        top.values,
        indices.map((c, i) => input[Math.floor(i / k) * columns + c]!),
      );
    }
  }

  test.each(matrixSizes)("%i×%i", async (rows, columns) => {
    await check(rows, columns, sampleNumbers(rows * columns, 1), [1, Math.min(20, columns)]);
  });
  test("ties: the first column", async () => {
    await check(40, 83, Float32Array.from(sampleIntegers(40 * 83, 2, 3)), [0, 1, 5, 83]);
  });
  test("rising rows", async () => {
    await check(
      2,
      100,
      Float32Array.from({ length: 200 }, (_, i) => i),
      [7],
    );
  });
  test("NaN is the largest and has no argmax, rows of −∞", async () => {
    const columns = 37;
    const input = sampleNumbers(5 * columns, 3);
    input[20] = NaN;
    input[30] = NaN;
    input[columns + 36] = NaN;
    input[columns + 3] = Infinity;
    input.fill(-Infinity, 2 * columns, 3 * columns);
    input.fill(NaN, 3 * columns, 4 * columns);
    input.fill(-Infinity, 4 * columns, 5 * columns - 1);
    await check(5, columns, input, [1, 3, 37]);
  });
  test("errors", async () => {
    const device = createDevice({ threads: 1 });
    const some = { buffer: device.allocate(64), byteOffset: 0 };
    device.run("topK", "float32", { values: some, indices: some, input: some, rows: 1, columns: 3, k: 4 });
    await expect(device.synchronize()).rejects.toThrow("topK: k is 4, but the rows have 3 columns");
    device.run("argmaxRows", "float32", { output: some, input: some, rows: 1, columns: 0 });
    await expect(device.synchronize()).rejects.toThrow(
      "argmaxRows: a row without columns has no largest value",
    );
    device.close();
  });
});

describe("counts of integers", () => {
  test.each([0, 1, 100, 5000])("binCount of %i", async (size) => {
    const input = sampleIntegers(size, 1, 13);
    const counts = sampleNumbers(13, 2, 0, 10).map(Math.floor);
    const { reference } = await compareKernel("binCount", {
      buffers: { counts, input },
      numbers: { size, bins: 13 },
      outputs: ["counts"],
    });
    const expected = counts.slice();
    for (const value of input) expected[value]! += 1;
    expectNumbers(reference.counts, expected);
  });
  test("binCount out of range", async () => {
    for (const value of [-2, 3]) {
      const buffers = { counts: new Float32Array(3), input: Int32Array.of(0, value) };
      await expect(
        compareKernel("binCount", { buffers, numbers: { size: 2, bins: 3 }, outputs: ["counts"] }),
      ).rejects.toThrow(`binCount: index ${value} is out of range: it must be at least 0 and less than 3`);
    }
  });
  test("binCount with a −1, which is no number", async () => {
    const { reference } = await compareKernel("binCount", {
      buffers: { counts: new Float32Array(3), input: Int32Array.of(0, -1, 2) },
      numbers: { size: 3, bins: 3 },
      outputs: ["counts"],
    });
    expect([...reference.counts!]).toEqual([NaN, NaN, NaN]);
  });
  test("equalShare", async () => {
    const share = async (a: Int32Array, b: Int32Array) =>
      (
        await compareKernel("equalShare", {
          buffers: { output: new Float32Array(1), a, b },
          numbers: { size: a.length },
          outputs: ["output"],
        })
      ).reference.output![0];
    expect(await share(Int32Array.of(1, 2, 3, 4), Int32Array.of(1, 2, 0, 4))).toBe(0.75);
    expect(await share(Int32Array.of(-1, 2), Int32Array.of(3, 2))).toBeNaN();
    expect(await share(Int32Array.of(4, 2), Int32Array.of(-1, 2))).toBeNaN();
    expect(await share(new Int32Array(0), new Int32Array(0))).toBeNaN();
  });
});
