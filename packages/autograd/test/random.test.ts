import { normal, philox, RandomStream, uniform } from "@splitmask/autograd";
import { createDevice } from "@splitmask/kernels";

const device = createDevice({ threads: 1 });
afterAll(() => device.close());

describe("philox", () => {
  // The known answers that come with the authors' Random123 library.
  test.each([
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ] as const)("gives the published words for counter %p", (counter, key, words) => {
    const output = new Uint32Array(4);
    philox(output, [...counter], [...key]);
    expect([...output]).toEqual([...words]);
  });
});

describe("RandomStream", () => {
  test.each([
    { seed: 0, purpose: "" },
    { seed: 7, purpose: "crop", step: 12, sample: 3 },
    { seed: 2 ** 40 + 5, purpose: "Größe ×", step: 2 ** 32 - 1 },
  ])("has the bits of the kernel for %p", async (key) => {
    const stream = new RandomStream(key);
    const expected = Float32Array.from({ length: 37 }, () => stream.uniform());
    expect(await uniform(device, [37], { key }).data()).toEqual(expected);
  });

  test("draws different numbers for another purpose, step or sample", () => {
    const keys = [
      { seed: 1, purpose: "a" },
      { seed: 1, purpose: "b" },
      { seed: 1, purpose: "a", step: 1 },
      { seed: 1, purpose: "a", sample: 1 },
      { seed: 2, purpose: "a" },
    ];
    expect(new Set(keys.map((key) => new RandomStream(key).bits())).size).toBe(keys.length);
  });

  test("a permutation holds every number once", () => {
    const order = new RandomStream({ seed: 3, purpose: "shuffle" }).permutation(200_000);
    expect([...order].sort((a, b) => a - b).every((value, index) => value === index)).toBe(true);
    expect(order.slice(0, 5)).not.toEqual(Int32Array.of(0, 1, 2, 3, 4));
  });

  test("integers are spread evenly", () => {
    const stream = new RandomStream({ seed: 4, purpose: "dice" });
    const counts = new Array<number>(6).fill(0);
    for (let draw = 0; draw < 60_000; draw++) counts[stream.integer(6)]! += 1;
    // Five standard deviations of a count are 456.
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(456);
  });

  test("says which part of a key is wrong", () => {
    expect(() => new RandomStream({ seed: -1, purpose: "crop" })).toThrow(
      'random key "crop": seed is -1; expected a whole number from 0 to 9007199254740991.',
    );
    expect(() => new RandomStream({ seed: 1, purpose: "crop", step: 0.5 })).toThrow("step is 0.5");
    expect(() => new RandomStream({ seed: 1, purpose: "a" }).integer(0)).toThrow("integer: below is 0");
  });
});

test("normal numbers have their mean and deviation", async () => {
  const values = await normal(device, [20_000], {
    mean: 2,
    standardDeviation: 3,
    key: { seed: 5, purpose: "n" },
  }).data();
  const drawn = Array.from(values);
  const average = drawn.reduce((sum, value) => sum + value, 0) / drawn.length;
  const variance = drawn.reduce((sum, value) => sum + (value - average) ** 2, 0) / drawn.length;
  // Five standard deviations of each estimate.
  expect(Math.abs(average - 2)).toBeLessThan(0.107);
  expect(Math.abs(Math.sqrt(variance) - 3)).toBeLessThan(0.075);
});
