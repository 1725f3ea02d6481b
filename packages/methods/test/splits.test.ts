import type { Tensor } from "@splitmask/autograd";
import { createDevice } from "@splitmask/kernels";
import { type PatchSplitOptions, resolvePatchSplitOptions, sampleSplits } from "@splitmask/methods";

const device = createDevice({ threads: 1 });
afterAll(() => device.close());

async function rows(x: Tensor): Promise<number[][]> {
  const values = Array.from(await x.data());
  const columns = x.shape[1]!;
  return Array.from({ length: x.shape[0]! }, (_, row) => values.slice(row * columns, (row + 1) * columns));
}

async function draw(
  options: PatchSplitOptions,
  grid: readonly [number, number],
  batch: number,
  seed = 1,
  step = 0,
) {
  const split = resolvePatchSplitOptions(options, grid);
  const groups = sampleSplits(device, { batch, split, seed, step });
  const branches: { visible: number[]; hidden: number[]; picture: number }[][] = [];
  for (const group of groups) {
    const [visible, hidden] = [await rows(group.visible), await rows(group.hidden)];
    for (let branch = 0; branch < group.branches; branch++) {
      branches.push(
        Array.from({ length: batch }, (_, picture) => ({
          visible: visible[branch * batch + picture]!,
          hidden: hidden[branch * batch + picture]!,
          picture,
        })),
      );
    }
  }
  return { groups, first: branches[0]!, second: branches[1]!, split };
}

const rising = (row: number[]) => row.every((place, i) => i === 0 || place > row[i - 1]!);

test.each([
  ["blocks of half", {}, [14, 14], 98, 98, 1],
  ["single patches, half", { mode: "uniform" }, [4, 5], 10, 10, 1],
  ["single patches, half of an odd number", { mode: "uniform" }, [3, 3], 4, 4, 1],
  ["two quarters", { mode: "uniform", visible: 0.25 }, [8, 8], 16, 16, 1],
  ["a quarter and the rest", { mode: "uniform", visible: 0.25, second: "complement" }, [8, 8], 16, 48, 2],
] as [string, PatchSplitOptions, [number, number], number, number, number][])(
  "%s: each branch's visible and hidden patches are all patches, and no patch is seen twice",
  async (_, options, grid, firstCount, secondCount, groupCount) => {
    const { groups, first, second } = await draw(options, grid, 5);
    expect(groups.length).toBe(groupCount);
    const all = Array.from({ length: grid[0] * grid[1] }, (_, place) => place);
    for (const [branch, count] of [
      [first, firstCount],
      [second, secondCount],
    ] as const) {
      for (const { visible, hidden } of branch) {
        expect(visible.length).toBe(count);
        expect([...visible, ...hidden].sort((a, b) => a - b)).toEqual(all);
        expect(rising(visible) && rising(hidden)).toBe(true);
      }
    }
    first.forEach(({ visible }, picture) => {
      const seenTwice = visible.filter((place) => second[picture]!.visible.includes(place));
      expect(seenTwice).toEqual([]);
    });
  },
);

test("splits depend on seed, step and picture only", async () => {
  const once = await draw({}, [8, 8], 4, 3, 7);
  expect(await draw({}, [8, 8], 4, 3, 7)).toEqual(
    expect.objectContaining({ first: once.first, second: once.second }),
  );
  expect((await draw({}, [8, 8], 2, 3, 7)).first).toEqual(once.first.slice(0, 2));
  expect((await draw({}, [8, 8], 4, 3, 8)).first).not.toEqual(once.first);
  expect((await draw({}, [8, 8], 4, 4, 7)).first).not.toEqual(once.first);
  expect(once.first[0]!.visible).not.toEqual(once.first[1]!.visible);
});

test("uniform splits see every patch equally often; blocks keep neighbors together", async () => {
  const neighbours = async (options: PatchSplitOptions) => {
    const { first } = await draw(options, [8, 8], 400);
    const seen = new Array(64).fill(0);
    let together = 0;
    for (const { visible } of first) {
      for (const place of visible) {
        seen[place]++;
        if (place % 8 < 7 && visible.includes(place + 1)) together++;
      }
    }
    return { seen, together: together / (400 * 56) };
  };
  const uniform = await neighbours({ mode: "uniform" });
  // 400 draws of probability 1/2: standard deviation 10; five of them either way.
  for (const count of uniform.seen) expect(Math.abs(count - 200)).toBeLessThan(50);
  expect(uniform.together).toBeCloseTo((32 / 64) * (31 / 63), 1);
  expect((await neighbours({})).together).toBeGreaterThan(uniform.together + 0.05);
});

test("block sizes are the paper's 16 and 75 of 196, in proportion", () => {
  const sizes = (rows: number, columns: number) => {
    const { minimumBlock, maximumBlock, visibleCount } = resolvePatchSplitOptions({}, [rows, columns]);
    return [minimumBlock, maximumBlock, visibleCount];
  };
  expect(sizes(14, 14)).toEqual([16, 75, 98]);
  expect(sizes(8, 8)).toEqual([5, 24, 32]);
  expect(sizes(4, 4)).toEqual([1, 6, 8]);
  expect(sizes(2, 2)).toEqual([1, 2, 2]);
});

test.each([
  [
    { visible: 0.25 },
    'split.visible is 0.25 with mode "block", whose two branches are a mask and its complement, ' +
      'half and half. Use mode "uniform" for another share.',
  ],
  [{ visible: 0.6 }, "split.visible is 0.6; expected a number in (0, 0.5]"],
  [{ mode: "uniform", visible: 0.1 }, "a branch would see 0.1 of 9 patches, which is less than one."],
  [
    {},
    'a grid of 3×3 has 9 patches, which have no halves for mode "block". ' +
      'Use mode "uniform", or a picture size with an even number of patches.',
  ],
  [
    { mode: "uniform", minimumBlock: 5, maximumBlock: 4 },
    "blocks of 5 to 4 patches were asked for; expected whole numbers with 1 ≤ minimumBlock ≤ maximumBlock ≤ 9.",
  ],
  [{ mode: "uniform", minimumAspect: 2 }, "split.minimumAspect is 2; expected a number in (0, 1]."],
] as [PatchSplitOptions, string][])("says which option to change: %o", (options, text) => {
  expect(() => resolvePatchSplitOptions(options, [3, 3])).toThrow(text);
});
