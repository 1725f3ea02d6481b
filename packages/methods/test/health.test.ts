import { normal, tensor } from "@splitmask/autograd";
import { createDevice } from "@splitmask/kernels";
import { descriptorSpread, SplitMask } from "@splitmask/methods";
import { RandomProjectionTokenizer, tokenStatistics } from "@splitmask/tokenizer";

const device = createDevice({ threads: 2 });
afterAll(() => device.close());

async function spreadOf(rows: number[][]): Promise<{ variance: number; rank: number }> {
  const { effectiveRank, variance } = descriptorSpread(tensor(device, rows));
  return { variance: await variance.item(), rank: await effectiveRank.item() };
}

/** From the formula, on the D×D covariance instead of the B×B products: (tr C)² / tr(C²). */
function slowSpread(rows: number[][]): { variance: number; rank: number } {
  const unit = rows.map((row) => row.map((value) => value / Math.hypot(...row)));
  const width = unit[0]!.length;
  const means = Array.from({ length: width }, (_, j) =>
    unit.reduce((sum, row) => sum + row[j]! / unit.length, 0),
  );
  const covariance = means.map((meanI, i) =>
    means.map((meanJ, j) =>
      unit.reduce((sum, row) => sum + ((row[i]! - meanI) * (row[j]! - meanJ)) / unit.length, 0),
    ),
  );
  const trace = covariance.reduce((sum, row, i) => sum + row[i]!, 0);
  const squares = covariance.flat().reduce((sum, value) => sum + value ** 2, 0);
  return { variance: trace, rank: trace ** 2 / squares };
}

test("descriptorSpread: the formula, and what collapsed and well spread descriptors give", async () => {
  const random = await normal(device, [12, 7], { key: { seed: 1, purpose: "rows" } }).data();
  const rows = Array.from({ length: 12 }, (_, i) => [...random.slice(7 * i, 7 * i + 7)].map(Number));
  const [given, expected] = [await spreadOf(rows), slowSpread(rows)];
  expect(given.variance).toBeCloseTo(expected.variance, 5);
  expect(given.rank).toBeCloseTo(expected.rank, 4);

  // The same direction, whatever its length.
  const same = await spreadOf([1, 2, 3, 4].map((length) => [length, 2 * length, -length]));
  expect(same.variance).toBeCloseTo(0, 6);
  // Two opposite directions lie on a line.
  const line = await spreadOf([
    [1, 0, 0],
    [-1, 0, 0],
    [1, 0, 0],
    [-1, 0, 0],
  ]);
  expect(line.variance).toBeCloseTo(1, 6);
  expect(line.rank).toBeCloseTo(1, 5);
  // Each along an axis of its own: the mean takes one direction away.
  const axes = Array.from({ length: 5 }, (_, i) => Array.from({ length: 5 }, (_, j) => (i === j ? 1 : 0)));
  const spread = await spreadOf(axes);
  expect(spread.variance).toBeCloseTo(4 / 5, 5);
  expect(spread.rank).toBeCloseTo(4, 4);
  const none = await spreadOf([
    [0, 1],
    [0, 1],
  ]);
  expect(none).toEqual({ variance: 0, rank: 0 });
});

test("health of SplitMask: entropies of what predictWords gives, and no trace in the model", async () => {
  const task = new SplitMask(device, {
    encoder: { imageSize: 32, patchSize: 8, width: 16, depth: 2, heads: 2 },
    tokenizer: new RandomProjectionTokenizer(device, { vocabularySize: 24, patchSize: 4 }),
  });
  const view = (size: number) => normal(device, [6, 3, size, size], { key: { seed: 1, purpose: `${size}` } });
  const batch = { views: [view(32), view(16)], labels: new Int32Array(6), indices: new Int32Array(6) };
  const context = { training: false, seed: 3, step: 7 };
  const before = await task.model.hostStateDict();
  const figures = task.health(batch, context);
  expect(Object.keys(figures)).toEqual([
    "descriptorVariance",
    "effectiveRank",
    "tokenEntropy",
    "targetEntropy",
    "tokenEntropyShare",
  ]);
  const [first] = task.predictWords(batch, context);
  const predicted = (await tokenStatistics(first.predicted, 24)).entropyBits;
  const targets = (await tokenStatistics(first.targets, 24)).entropyBits;
  expect(await figures.tokenEntropy!.item()).toBeCloseTo(predicted, 5);
  expect(await figures.targetEntropy!.item()).toBeCloseTo(targets, 5);
  expect(await figures.tokenEntropyShare!.item()).toBeCloseTo(predicted / (targets + 1e-3), 5);
  expect(await figures.effectiveRank!.item()).toBeGreaterThanOrEqual(1);
  expect(await task.model.hostStateDict()).toEqual(before);
  expect(Object.values(figures).every(({ node }) => node === null)).toBe(true);
  expect(task.alarms.every(({ figure }) => figure in figures)).toBe(true);
});
