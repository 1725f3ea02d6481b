import { join } from "node:path";
import {
  arrayDataset,
  concatenateDatasets,
  type ImageDataset,
  randomIndices,
  randomSplit,
  randomSubset,
  readIndices,
  subset,
} from "@splitmask/data";
import ndarray from "ndarray";
import { scratchFolder, write } from "./pictures.js";

const root = scratchFolder();

const dataset = arrayDataset(ndarray(new Uint8Array(100 * 12), [100, 2, 2, 3]), {
  labels: Array.from({ length: 100 }, (_, index) => (index < 70 ? 0 : index < 90 ? 1 : index < 99 ? 2 : -1)),
  classes: ["cat", "dog", "owl"],
});

/** As of shards of ten pictures, with a fingerprint. */
function sharded(name: string, length = 100): ImageDataset & { closed: number } {
  return {
    length,
    classes: ["dog", "fox"],
    groups: Int32Array.from({ length: length / 10 }, (_, group) => 10 * group),
    path: (index) => `${name} ${index}`,
    label: (index) => index % 2,
    image: (index) => dataset.image(index),
    fingerprint: async () => name,
    closed: 0,
    async close() {
      this.closed++;
    },
  };
}

const pathsOf = (part: ImageDataset) => Array.from({ length: part.length }, (_, index) => part.path(index));
const counts = (part: ImageDataset) => {
  const found = [0, 0, 0, 0];
  for (let index = 0; index < part.length; index++) found[part.label(index) + 1]!++;
  return found;
};

describe("randomSubset", () => {
  test("a share or a number of pictures; each class keeps its share, the order stays", () => {
    const tenth = randomSubset(dataset, { fraction: 0.1, seed: 3 });
    expect(tenth.length).toBe(10);
    const [none, cats, dogs, owls] = counts(tenth) as [number, number, number, number];
    expect(Math.abs(cats - 7)).toBeLessThanOrEqual(1);
    expect(Math.abs(dogs - 2)).toBeLessThanOrEqual(1);
    expect(Math.abs(owls - 1)).toBeLessThanOrEqual(1);
    expect(none).toBeLessThanOrEqual(1);
    const places = pathsOf(tenth).map((path) => Number(path.replace("picture ", "")));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(counts(randomSubset(dataset, { count: 100, seed: 3 }))).toEqual([1, 70, 20, 9]);
    expect(pathsOf(randomSubset(dataset, { fraction: 0.1, seed: 3 }))).toEqual(pathsOf(tenth));
    expect(pathsOf(randomSubset(dataset, { fraction: 0.1, seed: 4 }))).not.toEqual(pathsOf(tenth));
  });

  test("randomIndices says which", () => {
    const options = { perClass: 3, seed: 5 };
    const indices = randomIndices(dataset, options);
    expect([...indices]).toEqual([...indices].sort((a, b) => a - b));
    expect(pathsOf(randomSubset(dataset, options))).toEqual([...indices].map((index) => dataset.path(index)));
  });

  test.each([true, false])("a smaller one lies in a larger one (stratified: %s)", (stratified) => {
    let before = new Set<string>();
    for (const count of [1, 2, 5, 17, 60, 99]) {
      const now = new Set(pathsOf(randomSubset(dataset, { count, seed: 8, stratified })));
      expect(now.size).toBe(count);
      for (const path of before) expect(now.has(path)).toBe(true);
      before = now;
    }
  });

  test("so many of every class", () => {
    expect(counts(randomSubset(dataset, { perClass: 9, seed: 1 }))).toEqual([0, 9, 9, 9]);
    const few = pathsOf(randomSubset(dataset, { perClass: 2, seed: 1 }));
    const more = pathsOf(randomSubset(dataset, { perClass: 5, seed: 1 }));
    expect(few.every((path) => more.includes(path))).toBe(true);
    expect(() => randomSubset(dataset, { perClass: 10, seed: 1 })).toThrow(
      "randomSubset: perClass is 10, but fewer pictures are there of owl (9). Lower it, or leave these classes out.",
    );
  });

  test("what makes no sense", () => {
    expect(() => randomSubset(dataset, { seed: 1 })).toThrow(
      "randomSubset: none of fraction, count and perClass was given; expected exactly one.",
    );
    expect(() => randomSubset(dataset, { seed: 1, fraction: 0.5, count: 3 })).toThrow(
      "fraction and count of fraction",
    );
    expect(() => randomSubset(dataset, { seed: 1, fraction: 10 })).toThrow(
      "fraction is 10; expected a share above 0",
    );
    expect(() => randomSubset(dataset, { seed: 1, count: 101 })).toThrow(
      "count is 101; expected a whole number from 1 to 100",
    );
    const bare = arrayDataset(ndarray(new Uint8Array(12), [1, 2, 2, 3]));
    expect(() => randomSubset(bare, { seed: 1, perClass: 1 })).toThrow("but the data set has no classes");
  });
});

test("readIndices: one number a line, comments, and errors with the line", async () => {
  const path = write(join(root, "list.txt"), "# chosen by hand\n3\n\n 1 # twice\n3\r\n");
  expect(pathsOf(subset(dataset, await readIndices(path)))).toEqual(["picture 3", "picture 1", "picture 3"]);
  const wrong = write(join(root, "wrong.txt"), "1\ncat.jpg\n");
  await expect(readIndices(wrong)).rejects.toThrow(
    `readIndices: line 2 of ${wrong} is "cat.jpg"; expected a whole number from 0 on.`,
  );
  await expect(readIndices(write(join(root, "none.txt"), "#\n"))).rejects.toThrow("holds no index");
  await expect(readIndices(join(root, "missing.txt"))).rejects.toThrow("missing.txt cannot be read (ENOENT)");
});

test("a subset keeps groups, channels and the fingerprint, and closes", async () => {
  const source = { ...sharded("a"), channels: 1 };
  const part = subset(source, [3, 9, 10, 12, 55, 4, 5]);
  expect(part.channels).toBe(1);
  expect([...part.groups!]).toEqual([0, 2, 4, 5]);
  const print = await part.fingerprint!();
  expect(print).toBe(await subset(sharded("a"), [3, 9, 10, 12, 55, 4, 5]).fingerprint!());
  expect(print).not.toBe(await subset(sharded("b"), [3, 9, 10, 12, 55, 4, 5]).fingerprint!());
  expect(print).not.toBe(await subset(sharded("a"), [3, 9, 10, 12, 55, 4, 6]).fingerprint!());
  expect(subset(dataset, [1]).fingerprint).toBeUndefined();
  expect(subset(dataset, [1]).groups).toBeUndefined();
  await part.close!();
  expect([...randomSplit(sharded("a"), { fraction: 0.5, seed: 1 })[0].groups!]).toHaveLength(10);
});

describe("concatenateDatasets", () => {
  test("classes become one by name; labels, paths and pictures follow", async () => {
    const both = concatenateDatasets([dataset, sharded("shard", 20)]);
    expect(both.length).toBe(120);
    expect(both.classes).toEqual(["cat", "dog", "owl", "fox"]);
    expect([0, 70, 99, 100, 101].map((index) => both.label(index))).toEqual([0, 1, -1, 1, 3]);
    expect(both.path(99)).toBe("picture 99");
    expect(both.path(100)).toBe("shard 0");
    expect((await both.image(119)).shape).toEqual([2, 2, 3]);
    expect(() => both.path(120)).toThrow("expected a whole number from 0 to 119");
  });

  test("groups of all; what has none is cut in stretches as long as the others' groups", () => {
    const both = concatenateDatasets([
      arrayDataset(ndarray(new Uint8Array(25 * 12), [25, 2, 2, 3])),
      sharded("s", 20),
    ]);
    expect([...both.groups!]).toEqual([0, 10, 20, 25, 35]);
    expect(concatenateDatasets([dataset, dataset]).groups).toBeUndefined();
  });

  test("fingerprints depend on the parts and their order; closing closes each once", async () => {
    const [a, b] = [sharded("a"), sharded("b")];
    const one = await concatenateDatasets([a, b]).fingerprint!();
    expect(one).not.toBe(await concatenateDatasets([b, a]).fingerprint!());
    expect(concatenateDatasets([a, dataset]).fingerprint).toBeUndefined();
    await concatenateDatasets([a, b, a]).close!();
    expect([a.closed, b.closed]).toEqual([1, 1]);
  });

  test("nothing, and other channels", () => {
    expect(() => concatenateDatasets([])).toThrow(
      "concatenateDatasets: there are no data sets; expected at least one.",
    );
    expect(() => concatenateDatasets([dataset, { ...sharded("a"), channels: 1 }])).toThrow(
      "concatenateDatasets: data set 0 has 3 channels and data set 1 has 1; expected the same. " +
        "Open both with the same number of channels.",
    );
  });
});
