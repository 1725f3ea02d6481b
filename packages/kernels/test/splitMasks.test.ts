import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createDevice } from "@splitmask/kernels";
import { compareKernel } from "./compareKernel.js";

interface Grid {
  readonly rows: number;
  readonly columns: number;
  readonly visible: number;
  readonly minimumBlock: number;
  readonly maximumBlock: number;
  readonly minimumAspect: number;
}
const blockMode = 0;
const uniformMode = 1;
const beit: Grid = {
  rows: 14,
  columns: 14,
  visible: 98,
  minimumBlock: 16,
  maximumBlock: 75,
  minimumAspect: 0.3,
};
const key = { seed: 3, purpose: 4, step: 5 };

async function split(grid: Grid, mode: number, batch: number, sample0 = 0) {
  const hidden = grid.rows * grid.columns - grid.visible;
  const { reference } = await compareKernel("splitMasks", {
    buffers: {
      first: new Int32Array(batch * grid.visible),
      second: new Int32Array(batch * grid.visible),
      firstHidden: new Int32Array(batch * hidden),
      secondHidden: new Int32Array(batch * hidden),
    },
    numbers: { batch, ...grid, mode, ...key, sample0 },
    outputs: ["first", "second", "firstHidden", "secondHidden"],
  });
  const rows = (name: string, width: number) =>
    Array.from({ length: batch }, (_, b) => [...reference[name]!.subarray(b * width, (b + 1) * width)]);
  return {
    first: rows("first", grid.visible),
    second: rows("second", grid.visible),
    firstHidden: rows("firstHidden", hidden),
    secondHidden: rows("secondHidden", hidden),
  };
}

/** Two disjoint rising sets of exactly `visible` patches, and their rising complements. */
function checkProperties(grid: Grid, sets: Awaited<ReturnType<typeof split>>): void {
  const all = Array.from({ length: grid.rows * grid.columns }, (_, i) => i);
  sets.first.forEach((first, b) => {
    const second = sets.second[b]!;
    const rising = (values: readonly number[]) => [...new Set(values)].sort((x, y) => x - y);
    expect(first).toEqual(rising(first));
    expect(second).toEqual(rising(second));
    expect(new Set([...first, ...second]).size).toBe(2 * grid.visible);
    const without = (set: readonly number[]) => all.filter((i) => !set.includes(i));
    expect(sets.firstHidden[b]).toEqual(without(first));
    expect(sets.secondHidden[b]).toEqual(without(second));
  });
}

describe("splitMasks", () => {
  test.each<[string, number, Grid]>([
    ["BEiT's halves", blockMode, beit],
    [
      "halves of 8×8",
      blockMode,
      { ...beit, rows: 8, columns: 8, visible: 32, minimumBlock: 5, maximumBlock: 25 },
    ],
    [
      "an odd grid",
      blockMode,
      { ...beit, rows: 5, columns: 3, visible: 7, minimumBlock: 2, maximumBlock: 6 },
    ],
    [
      "blocks that never fit",
      blockMode,
      { ...beit, rows: 4, columns: 4, visible: 8, minimumBlock: 99, maximumBlock: 99 },
    ],
    ["one patch", blockMode, { ...beit, rows: 1, columns: 1, visible: 0 }],
    ["uniform halves", uniformMode, beit],
    ["uniform quarters", uniformMode, { ...beit, visible: 49 }],
    ["uniform, an odd grid", uniformMode, { ...beit, rows: 3, columns: 5, visible: 7 }],
    ["uniform, none", uniformMode, { ...beit, visible: 0 }],
  ])("%s: disjoint, exact, rising, with complements", async (_name, mode, grid) => {
    for (const batch of [0, 1, 20]) checkProperties(grid, await split(grid, mode, batch));
  });

  test("sample b of a batch is sample sample0 + b by itself", async () => {
    const together = await split(beit, blockMode, 5, 100);
    for (let b = 0; b < 5; b += 1)
      expect((await split(beit, blockMode, 1, 100 + b)).first[0]).toEqual(together.first[b]);
    expect(new Set(together.first.map(String)).size).toBe(5);
  });

  const fixture = JSON.parse(
    readFileSync(fileURLToPath(new URL("fixtures/masks.json", import.meta.url)), "utf8"),
  ) as {
    cases: (Grid & {
      draws: number;
      frequency: number[];
      borderMean: number;
      borderDeviation: number;
      borderQuantiles: number[];
      blocksAloneMean: number;
      blocksAloneExact: number;
    })[];
  };

  /** How often each patch is in `first`, and how many neighboring patches differ, over many draws of the kernel. */
  async function measure(grid: Grid, mode: number, draws: number) {
    const patches = grid.rows * grid.columns;
    const device = createDevice();
    const outputs = Object.fromEntries(
      ["first", "second", "firstHidden", "secondHidden"].map((name) => [
        name,
        { buffer: device.allocate(4 * draws * (patches - grid.visible)), byteOffset: 0 },
      ]),
    ) as Record<"first" | "second" | "firstHidden" | "secondHidden", { buffer: never; byteOffset: number }>;
    const { rows, columns, visible, minimumBlock, maximumBlock, minimumAspect } = grid;
    const numbers = { rows, columns, visible, minimumBlock, maximumBlock, minimumAspect };
    device.run("splitMasks", "float32", { ...outputs, batch: draws, ...numbers, mode, ...key, sample0: 0 });
    const first = new Int32Array(await device.download(outputs.first, 4 * draws * visible));
    device.close();
    const frequency = new Float64Array(patches);
    const borders = new Float64Array(draws);
    const mask = new Uint8Array(patches);
    for (let b = 0; b < draws; b += 1) {
      mask.fill(0);
      for (const patch of first.subarray(b * visible, (b + 1) * visible)) {
        mask[patch] = 1;
        frequency[patch]! += 1 / draws;
      }
      for (let i = 0; i < patches; i += 1) {
        if (i % columns > 0 && mask[i] !== mask[i - 1]) borders[b]! += 1;
        if (i >= columns && mask[i] !== mask[i - columns]) borders[b]! += 1;
      }
    }
    return { frequency, borders: borders.sort() };
  }

  test("block masks have the distribution of an independent sampler", async () => {
    expect(fixture.cases[0]).toMatchObject(beit);
    // What PAPER.md reports of BEiT's sampler for this grid holds for the sampler that made the fixture.
    expect(Math.abs(fixture.cases[0]!.blocksAloneMean - 97.57)).toBeLessThan(0.01);
    expect(Math.abs(fixture.cases[0]!.blocksAloneExact - 0.706)).toBeLessThan(0.01);
    for (const expected of fixture.cases) {
      const draws = 20_000;
      const { frequency, borders } = await measure(expected, blockMode, draws);
      // Five standard errors of a difference of two samples.
      const error = 5 * Math.sqrt(1 / draws + 1 / expected.draws);
      frequency.forEach((share, patch) => {
        const p = expected.frequency[patch]!;
        expect(Math.abs(share - p)).toBeLessThan(error * Math.sqrt(p * (1 - p)));
      });
      const mean = borders.reduce((sum, value) => sum + value, 0) / draws;
      const deviation = Math.sqrt(borders.reduce((sum, value) => sum + (value - mean) ** 2, 0) / draws);
      expect(Math.abs(mean - expected.borderMean)).toBeLessThan(error * expected.borderDeviation);
      expect(Math.abs(deviation - expected.borderDeviation)).toBeLessThan(error * expected.borderDeviation);
      [0.1, 0.25, 0.5, 0.75, 0.9].forEach((quantile, i) => {
        const value = borders[Math.round(quantile * (draws - 1))]!;
        expect(Math.abs(value - expected.borderQuantiles[i]!)).toBeLessThanOrEqual(1);
      });
    }
  });

  test("uniform masks: every patch and every pair of neighbors as likely as any", async () => {
    const draws = 20_000;
    const { frequency, borders } = await measure({ ...beit, visible: 49 }, uniformMode, draws);
    for (const share of frequency) expect(Math.abs(share - 0.25)).toBeLessThan(5 * Math.sqrt(0.1875 / draws));
    // 364 neighboring pairs, each different with probability 2·49·147/(196·195).
    const mean = borders.reduce((sum, value) => sum + value, 0) / draws;
    expect(Math.abs(mean - (364 * 2 * 49 * 147) / (196 * 195))).toBeLessThan(0.5);
  });

  test("errors", async () => {
    await expect(split({ ...beit, visible: 99 }, blockMode, 1)).rejects.toThrow(
      "splitMasks: visible is 99, but two disjoint sets of at most 98 patches fit into the grid",
    );
    await expect(split({ ...beit, minimumAspect: 0 }, blockMode, 1)).rejects.toThrow(
      "splitMasks: minimumAspect is 0: it must be above 0 and at most 1, for example 0.3",
    );
  });
});
