import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { arrayDataset, ImageLoader, type ImageLoaderOptions, MixedBatches } from "@splitmask/data";
import { createDevice } from "@splitmask/kernels";
import ndarray from "ndarray";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const device = createDevice({ threads: 1 });
afterAll(() => device.close());

const pictures = ndarray(new Uint8Array(64 * 4 * 4 * 3).fill(100), [64, 4, 4, 3]);
const dataset = arrayDataset(pictures, { labels: Array.from({ length: 64 }, (_, index) => index % 2) });

/** What is still in use, in bytes, when all that was dropped has been collected. */
async function bytesInUse(): Promise<{ heap: number; arrays: number; live: number }> {
  await device.synchronize();
  for (let turn = 0; turn < 4; turn++) {
    collectGarbage();
    await setImmediate();
  }
  const { arrayBuffers, heapUsed } = process.memoryUsage();
  return { heap: heapUsed, arrays: arrayBuffers, live: device.memory().liveBytes };
}

/** How many bytes more are in use after so many batches than after the first 500. */
async function growthOver(
  batches: number,
  options: Partial<ImageLoaderOptions>,
  mixed = false,
): Promise<{ heap: number; arrays: number; live: number }> {
  const view = { size: 4, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };
  const stop = new AbortController();
  const loader = new ImageLoader({
    ...{ dataset, device, batchSize: 4, views: [view], seed: 1, signal: stop.signal },
    ...options,
  });
  const source = mixed
    ? new MixedBatches({ device, loader, mixup: { classes: 2, mixupAlpha: 1 }, seed: 1 })
    : loader;
  let before = await bytesInUse();
  for (let step = 0; step < batches; step++) {
    source.release((await source.batch(step)) as never);
    if (step === 500) before = await bytesInUse();
  }
  const after = await bytesInUse();
  source.close();
  return {
    heap: after.heap - before.heap,
    arrays: after.arrays - before.arrays,
    live: after.live - before.live,
  };
}

/** A heap wavers by less, and 2.3 KB for each of 20,000 batches of four pictures are 47. */
const megabyte = 1 << 20;

describe("what a loader holds does not grow with the batches that it has given", () => {
  test.each([
    ["pictures in memory", 20_000, {}, false],
    ["pictures that do not fit", 20_000, { cacheBytes: 0 }, false],
    ["mixed batches", 5_000, {}, true],
  ] as const)("%s", async (_, batches, options, mixed) => {
    const { heap, arrays, live } = await growthOver(batches, options, mixed);
    expect(heap).toBeLessThan(megabyte);
    expect(arrays).toBeLessThan(megabyte);
    expect(live).toBeLessThan(megabyte);
  });
});
