import { tensor } from "@splitmask/autograd";
import { arrayDataset, type ImageDataset, ImageLoader, MixedBatches, mixup, subset } from "@splitmask/data";
import { createDevice } from "@splitmask/kernels";
import ndarray from "ndarray";

const device = createDevice({ threads: 1 });
afterAll(() => device.close());

const pixels = Uint8Array.from({ length: 12 * 20 * 20 * 3 }, (_, place) => (place * 31) % 256);
const dataset: ImageDataset = arrayDataset(ndarray(pixels, [12, 20, 20, 3]), {
  labels: Array.from({ length: 12 }, (_, i) => i % 3),
});
const options = { classes: 3, mixupAlpha: 0.8, cutmixAlpha: 1, labelSmoothing: 0.1 };
const seed = 6;

function load(batchSize = 4, from = dataset) {
  const views = [{ size: 16, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] }];
  return new ImageLoader({ dataset: from, device, batchSize, views, seed });
}
const mixed = () => new MixedBatches({ device, loader: load(), mixup: options, seed });

test("a batch is the loader's, mixed with draws of (seed, step) alone", async () => {
  const plain = load();
  const batches = mixed();
  for (const step of [3, 0, 1]) {
    const batch = await batches.batch(step);
    const from = await plain.batch(step);
    const labels = tensor(device, Int32Array.from(from.labels));
    const expected = mixup(from.views[0]!, labels, options, { seed, step });
    expect(await batch.views[0]!.data()).toEqual(await expected.images.data());
    expect(await batch.targets.data()).toEqual(await expected.targets.data());
    expect([batch.labels, batch.indices]).toEqual([from.labels, from.indices]);
    expect(batches.samples(batch)).toEqual(plain.samples(from));
  }
  const [first, second] = [await batches.batch(0), await batches.batch(1)];
  expect(await first.targets.data()).not.toEqual(await second.targets.data());
  expect(batches.skipped()).toEqual([]);
  for (const held of [plain, batches]) held.close();
});

test("a part of a batch has its own rows, targets too", async () => {
  const batches = mixed();
  const batch = await batches.batch(0);
  const part = batches.slice(batch, 1, 3);
  expect(part.targets.shape).toEqual([2, 3]);
  expect(await part.targets.data()).toEqual(((await batch.targets.data()) as Float32Array).slice(3, 9));
  expect([...part.labels]).toEqual([...batch.labels.slice(1, 3)]);
  batches.release(batch);
  batches.close();
});

test("odd batches and pictures without a label are errors", async () => {
  const odd = load(3);
  expect(() => new MixedBatches({ device, loader: odd, mixup: options, seed })).toThrow(
    "MixedBatches: a batch has 3 pictures; " +
      "picture i is mixed with picture B − 1 − i, so that their number must be even.",
  );
  odd.close();
  const unlabelled = Object.assign(subset(dataset, [0, 1]), { label: () => -1 });
  const batches = new MixedBatches({ device, loader: load(2, unlabelled), mixup: options, seed });
  await expect(batches.batch(0)).rejects.toThrow(
    /^MixedBatches: .* has no label\. Leave such pictures out with subset\(\)\.$/,
  );
  batches.close();
});
