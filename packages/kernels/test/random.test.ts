import { createDevice } from "@splitmask/kernels";
import { compareKernel } from "./compareKernel.js";
import { expectNumbers } from "./expectNumbers.js";
import { philox } from "./philox.js";
import { sampleNumbers } from "./sampleNumbers.js";

interface Key {
  readonly seed: number;
  readonly purpose: number;
  readonly step: number;
  readonly sample: number;
}
const keys: Key[] = [
  { seed: 0, purpose: 0, step: 0, sample: 0 },
  { seed: 1, purpose: 0xffffffff, step: 12345, sample: 7 },
  { seed: 2 ** 53 - 1, purpose: 0x299f31d0, step: 2 ** 32 - 1, sample: 2 ** 32 - 1 },
];

/** The words that the kernel must use: word i % 4 of the counter (i / 4, sample, step, high word of the seed). */
function words(size: number, { seed, purpose, step, sample }: Key): number[] {
  const high = Math.floor(seed / 2 ** 32);
  const blocks = Array.from({ length: Math.ceil(size / 4) }, (_, i) =>
    philox([i, sample, step, high], [seed % 2 ** 32, purpose]),
  );
  return blocks.flat().slice(0, size);
}

async function draws(
  size: number,
  distribution: number,
  a: number,
  b: number,
  key: Key,
  [low, high]: readonly [number, number] = [a, b],
) {
  const { reference } = await compareKernel("random", {
    buffers: { output: new Float32Array(size) },
    numbers: { size, distribution, a, b, low, high, ...key },
    outputs: ["output"],
    absolute: 1e-7 * Math.max(1, Math.abs(a), Math.abs(b)),
    relative: 1e-7,
  });
  return reference.output!;
}

/** Φ(x), by Simpson's rule on the density; 1e-13 or better for |x| < 7. */
function normalDistribution(x: number): number {
  const steps = 2000;
  const width = x / steps;
  const density = (t: number) => Math.exp((-t * t) / 2) / Math.sqrt(2 * Math.PI);
  let sum = density(0) + density(x);
  for (let i = 1; i < steps; i += 1) sum += (i % 2 === 1 ? 4 : 2) * density(i * width);
  return 0.5 + (sum * width) / 3;
}

test("Philox 4×32-10 gives the known answers of Random123", () => {
  const hex = (values: readonly number[]) =>
    values.map((value) => value.toString(16).padStart(8, "0")).join(" ");
  const ones = 0xffffffff;
  expect(hex(philox([0, 0, 0, 0], [0, 0]))).toBe("6627e8d5 e169c58d bc57ac4c 9b00dbd8");
  expect(hex(philox([ones, ones, ones, ones], [ones, ones]))).toBe("408f276d 41c83b0e a20bc7c6 6d5451fd");
  const pi = [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344];
  expect(hex(philox(pi, [0xa4093822, 0x299f31d0]))).toBe("d16cfe09 94fdcceb 5001e420 24126ea1");
});

describe("random", () => {
  test.each([0, 1, 3, 4, 5, 333, 9001])(
    "%i uniform numbers are the upper 24 bits of the words",
    async (size) => {
      for (const key of size > 1000 ? keys.slice(2) : keys) {
        const expected = words(size, key).map((word) => (word >>> 8) / 2 ** 24);
        expectNumbers(await draws(size, 0, 0, 1, key), expected);
        expectNumbers(
          await draws(size, 0, -3, 5, key),
          expected.map((u) => -3 + 8 * u),
          { absolute: 1e-12 },
        );
      }
    },
  );

  test("normal numbers have the words as their probabilities", async () => {
    const size = 1001;
    const values = await draws(size, 1, 0, 1, keys[1]!);
    expectNumbers(
      Array.from(values, normalDistribution),
      words(size, keys[1]!).map((word) => (word + 0.5) / 2 ** 32),
      { absolute: 1e-12 },
    );
    const scaled = await draws(size, 1, 10, 0.5, keys[1]!);
    expectNumbers(
      scaled,
      Array.from(values, (x) => 10 + 0.5 * x),
      { absolute: 1e-12 },
    );
  });

  test("the normal tails: words near both ends", async () => {
    // Words below 2⁻¹² of their range, and above 1 − 2⁻¹²: found among many.
    const size = 60_000;
    const values = await draws(size, 1, 0, 1, keys[0]!);
    const all = words(size, keys[0]!);
    const extreme = all.flatMap((word, i) => (word < 2 ** 20 || word >= 2 ** 32 - 2 ** 20 ? [i] : []));
    expect(extreme.length).toBeGreaterThan(10);
    for (const i of extreme)
      expect(Math.abs(normalDistribution(values[i]!) - (all[i]! + 0.5) / 2 ** 32)).toBeLessThan(1e-12);
  });

  test("truncated normal numbers stay within bounds, with the probabilities of the cut distribution", async () => {
    const size = 801;
    for (const [low, high] of [
      [0.46, 0.54],
      [0.51, 0.6],
    ] as const) {
      const values = await draws(size, 2, 0.5, 0.02, keys[2]!, [low, high]);
      const below = normalDistribution((low - 0.5) / 0.02);
      const share = normalDistribution((high - 0.5) / 0.02) - below;
      expectNumbers(
        Array.from(values, (x) => (normalDistribution((x - 0.5) / 0.02) - below) / share),
        words(size, keys[2]!).map((word) => (word + 0.5) / 2 ** 32),
        { absolute: 1e-11 },
      );
      expect(values.every((x) => x >= low && x <= high)).toBe(true);
    }
  });

  test("bounds far away cut nothing: truncated normal numbers are normal ones", async () => {
    const normal = await draws(801, 1, 0, 0.02, keys[2]!);
    expect(await draws(801, 2, 0, 0.02, keys[2]!, [-2, 2])).toEqual(normal);
  });

  test("Bernoulli numbers are b or 0", async () => {
    const size = 3001;
    const all = words(size, keys[1]!);
    for (const probability of [0, 0.3, 1]) {
      const values = await draws(size, 3, probability, 1.25, keys[1]!);
      expectNumbers(
        values,
        all.map((word) => (word / 2 ** 32 < probability ? 1.25 : 0)),
      );
    }
  });

  test("the upper end stays excluded where float32 rounds to it", async () => {
    const device = createDevice();
    const output = { buffer: device.allocate(4 * 1000), byteOffset: 0 };
    const [a, b] = [2 ** 23, 2 ** 23 + 1];
    device.run("random", "float32", {
      output,
      size: 1000,
      distribution: 0,
      a,
      b,
      low: a,
      high: b,
      ...keys[0]!,
    });
    expect(new Set(new Float32Array(await device.download(output, 4000)))).toEqual(new Set([a]));
    device.close();
  });

  test("every part of the key counts", async () => {
    const base = { seed: 5, purpose: 6, step: 7, sample: 8 };
    const changed = [
      base,
      { ...base, seed: 6 },
      { ...base, seed: 5 + 2 ** 32 },
      { ...base, purpose: 7 },
      { ...base, step: 8 },
      { ...base, sample: 9 },
    ];
    const all = await Promise.all(changed.map((key) => draws(8, 0, 0, 1, key)));
    expect(new Set(all.map((values) => values.join())).size).toBe(changed.length);
  });
});

test.each(keys)("dropout is the product with numbers of bernoulli, row by row: seed $seed", async (key) => {
  for (const [rows, columns, probability, count, total] of [
    [0, 5, 0.5, 1, 1],
    [2, 0, 0.5, 2, 2],
    [3, 1003, 0.25, 3, 3],
    [1, 8192 + 9, 0.9, 1, 1],
    [6, 70, 0.3, 2, 5],
    [2, 33, 1e-9, 2, 2],
    [2, 33, 1, 2, 2],
    [2, 33, 0, 2, 2],
  ] as const) {
    const input = sampleNumbers(rows * columns, 3);
    const { reference } = await compareKernel("dropout", {
      buffers: { output: input, input: "output" },
      numbers: { rows, columns, probability, count, total, ...key },
      outputs: ["output"],
    });
    const kept = 1 - probability;
    const drawn = Array.from({ length: rows }, (_, r) => {
      const sample = (key.sample + Math.floor(r / count) * total + (r % count)) % 2 ** 32;
      return words(columns, { ...key, sample });
    });
    const expected = drawn.flat().map((word, i) => (word * 2 ** -32 < kept ? input[i]! / kept : 0));
    expectNumbers(reference.output, expected, { absolute: 1e-12 });
  }
});
