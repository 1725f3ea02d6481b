import { join } from "node:path";
import {
  type ImageBatch,
  type ImageDataset,
  ImageLoader,
  type ImageLoaderOptions,
  imageFolder,
  PictureError,
  type View,
} from "@splitmask/data";
import { createDevice } from "@splitmask/kernels";
import ndarray from "ndarray";
import { loopTurns } from "../../../scripts/jest/loopTurns.js";
import { gradient, plain, scratchFolder, until, write, writePictures } from "./pictures.js";

const device = createDevice({ threads: 2 });
afterAll(() => device.close());

const view: View = { size: 16, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };
const root = scratchFolder();
const folder = join(root, "pictures");
let dataset: ImageDataset;
beforeAll(async () => {
  await writePictures(folder, 23);
  dataset = await imageFolder(folder);
});

const loaderOf = (options: Partial<ImageLoaderOptions> = {}) =>
  new ImageLoader({ dataset, device, batchSize: 4, views: [view], seed: 3, ...options });

/** Time in which too much would happen, if it did; what has to happen is waited for by `until`. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 50));

/** Everything that a batch is, as text. */
async function contentOf(batch: ImageBatch): Promise<string> {
  const views = await Promise.all(
    batch.views.map(async (own) => Buffer.from((await own.data()).buffer as ArrayBuffer)),
  );
  for (const own of batch.views) own.dispose();
  return `${[...batch.indices]} ${[...batch.labels]} ${views.map((bytes) => bytes.toString("base64")).join()}`;
}

async function contents(loader: ImageLoader, steps: number[]): Promise<string[]> {
  const all: string[] = [];
  for (const step of steps) all.push(await contentOf(await loader.batch(step)));
  loader.close();
  return all;
}

/** A data set of which some pictures are bad, and which counts. */
function partlyBad(length: number, bad: ReadonlySet<number>) {
  const calls: number[] = [];
  const made: ImageDataset = {
    length,
    classes: ["even", "odd"],
    path: (index) => `picture ${index}`,
    label: (index) => index % 2,
    image: async (index) => {
      calls.push(index);
      if (bad.has(index)) throw new PictureError(`picture ${index}`, "it is torn");
      return ndarray(new Uint8Array(12).fill(index), [2, 2, 3]);
    },
  };
  return { dataset: made, calls };
}

describe("ImageLoader", () => {
  test("repeated augmentation: a picture some times in a row, each cut otherwise, the first as without", async () => {
    const once = await loaderOf({ batchSize: 2 }).batch(0);
    const batch = await loaderOf({ repeats: 2 }).batch(0);
    const [first, second] = once.indices;
    expect([...batch.indices]).toEqual([first, first, second, second]);
    const values = await batch.views[0]!.data();
    const picture = (place: number) => [...values.subarray(place * 768, (place + 1) * 768)];
    expect(picture(0)).not.toEqual(picture(1));
    expect(picture(2)).not.toEqual(picture(3));
    expect(picture(0)).toEqual([...(await once.views[0]!.data()).subarray(0, 768)]);
    expect(() => loaderOf({ repeats: 0.5 })).toThrow("ImageLoader: repeats is 0.5; expected a whole number");
  });

  test("a slice of a batch is its pictures in the same memory", async () => {
    const loader = loaderOf({ views: [view, { ...view, size: 8 }] });
    const batch = await loader.batch(0);
    const part = loader.slice(batch, 1, 3);
    expect(part.views.map((own) => own.shape)).toEqual([
      [2, 3, 16, 16],
      [2, 3, 8, 8],
    ]);
    expect([...part.indices, ...part.labels]).toEqual([
      ...batch.indices.slice(1, 3),
      ...batch.labels.slice(1, 3),
    ]);
    for (const [index, own] of part.views.entries()) {
      const whole = batch.views[index]!;
      const size = whole.size / 4;
      expect(own.buffer).toBe(whole.buffer);
      expect(await own.data()).toEqual((await whole.data()).slice(size, 3 * size));
    }
    expect(() => loader.slice(batch, 3, 5)).toThrow("slice: the range 3 … 5 does not lie in axis 0 of x");
    loader.close();
  });

  test("shapes, labels, indices; an epoch holds every picture at most once, in a new order", async () => {
    const views = [view, { ...view, size: 8 }];
    const loader = loaderOf({ views });
    expect(loader.batchesPerEpoch).toBe(5);
    expect(loader.decodeSize).toBe(32);
    const epochs: number[][] = [];
    for (let epoch = 0; epoch < 2; epoch++) {
      const indices: number[] = [];
      for (let step = 0; step < 5; step++) {
        const batch = await loader.batch(5 * epoch + step);
        expect(batch.views.map(({ shape }) => shape)).toEqual([
          [4, 3, 16, 16],
          [4, 3, 8, 8],
        ]);
        expect(batch.views[0]!.dtype).toBe("float32");
        expect([...batch.labels]).toEqual([-1, -1, -1, -1]);
        indices.push(...batch.indices);
      }
      expect(new Set(indices).size).toBe(20);
      epochs.push(indices);
    }
    expect(epochs[0]).not.toEqual(epochs[1]);
    loader.close();
  });

  test("all views show the same crop and flip", async () => {
    const pictures = join(root, "one");
    write(join(pictures, "1.png"), await gradient(64, 64, 3).png().toBuffer());
    const loader = loaderOf({
      dataset: await imageFolder(pictures),
      batchSize: 1,
      views: [
        { ...view, size: 32 },
        { size: 16, mean: [0, 0, 0], std: [1, 1, 1] },
      ],
    });
    for (let step = 0; step < 6; step++) {
      const batch = await loader.batch(step);
      const [large, small] = await Promise.all(batch.views.map((own) => own.data()));
      // The picture is a plane, so the corner values tell the box; away from the border a 2×2 mean of the large view is
      // the small one.
      for (const [y, x] of [
        [2, 2],
        [2, 13],
        [13, 2],
        [8, 9],
      ] as const) {
        for (const channel of [0, 1]) {
          const at = (dy: number, dx: number) =>
            large![channel * 1024 + (2 * y + dy) * 32 + 2 * x + dx]! * 0.5 + 0.5;
          const mean = (at(0, 0) + at(0, 1) + at(1, 0) + at(1, 1)) / 4;
          expect(Math.abs(mean - small![channel * 256 + y * 16 + x]!)).toBeLessThan(0.01);
        }
      }
    }
    loader.close();
  });

  test("a batch depends on seed and step only, not on workers, cache, read-ahead, threads or first step", async () => {
    const steps = [0, 1, 2, 3, 4, 5, 6, 7, 8];
    const expected = await contents(loaderOf(), steps);
    expect(await contents(loaderOf({ workers: 1, cacheBytes: 0, readAhead: 0 }), steps)).toEqual(expected);
    expect(await contents(loaderOf({ workers: 4, cacheBytes: 20_000, readAhead: 5 }), steps)).toEqual(
      expected,
    );
    expect(await contents(loaderOf(), [6, 7, 8])).toEqual(expected.slice(6)); // resumed
    expect(await contents(loaderOf(), [8, 0, 5, 5, 1])).toEqual(
      [8, 0, 5, 5, 1].map((step) => expected[step]),
    );
    expect(await contents(loaderOf({ seed: 4 }), [0])).not.toEqual(expected.slice(0, 1));
    const single = createDevice({ threads: 1 });
    expect(await contents(loaderOf({ device: single }), [0, 1])).toEqual(expected.slice(0, 2));
    single.close();
  });

  test("asked for several steps at once", async () => {
    const expected = await contents(loaderOf(), [0, 1, 2, 3]);
    const loader = loaderOf();
    const batches = await Promise.all([3, 0, 2, 1].map((step) => loader.batch(step)));
    expect(await Promise.all(batches.map(contentOf))).toEqual([3, 0, 2, 1].map((step) => expected[step]));
    loader.close();
  });

  test("what fits into memory is decoded once; what does not is decoded again", async () => {
    const all = loaderOf();
    await contents(all, [...Array(15).keys()]);
    expect(all.decodes).toBe(23);
    const none = loaderOf({ cacheBytes: 0, readAhead: 0 });
    await contents(none, [...Array(10).keys()]);
    expect(none.decodes).toBe(40);
    const some = loaderOf({ cacheBytes: 16_000, readAhead: 0 });
    for (let step = 0; step < 10; step++) await contentOf(await some.batch(step));
    expect(some.keptPictures).toBeGreaterThan(2);
    expect(some.keptPictures).toBeLessThan(8);
    expect(some.decodes).toBeLessThan(40);
    some.close();
  });

  test("gives all memory back", async () => {
    const before = device.memory().liveBuffers;
    const loader = loaderOf();
    for (let step = 0; step < 3; step++) loader.release(await loader.batch(step));
    await loader.batch(40).then((batch) => batch.views[0]!.dispose()); // drops what was read ahead
    loader.close();
    await until(() => device.memory().liveBuffers <= before);
    expect(device.memory().liveBuffers).toBe(before);
  });

  test("reads ahead while nobody waits", async () => {
    const { dataset: counted, calls } = partlyBad(40, new Set());
    const loader = loaderOf({ dataset: counted, readAhead: 3 });
    await contentOf(await loader.batch(0));
    await until(() => calls.length >= 16);
    await settled();
    expect(calls).toHaveLength(16);
    await contentOf(await loader.batch(1));
    await until(() => calls.length >= 20);
    await settled();
    expect(calls).toHaveLength(20);
    loader.close();
  });

  test("pictures that wait take no more than readAheadBytes, but for the batch that is asked for", async () => {
    const { dataset: counted, calls } = partlyBad(64, new Set());
    const large: ImageDataset = {
      ...counted,
      image: async (index) => {
        calls.push(index);
        return ndarray(new Uint8Array(3000).fill(index), [20, 50, 3]);
      },
    };
    const options = { dataset: large, cacheBytes: 0, workers: 2, batchSize: 4, readAhead: 4 };
    const loader = loaderOf({ ...options, readAheadBytes: 14_000 });
    await contentOf(await loader.batch(0));
    await until(() => calls.length >= 9);
    await settled();
    // Batch 0, and then five pictures: with four of them 12,000 bytes wait, with five 15,000, and two are decoded at a
    // time.
    expect(calls.length).toBeLessThanOrEqual(10);
    await contentOf(await loader.batch(1));
    await settled();
    expect(calls.length).toBeLessThanOrEqual(14);
    const tight = loaderOf({ ...options, batchSize: 16, readAheadBytes: 0 });
    expect((await tight.batch(0)).indices).toHaveLength(16);
    const steps = [0, 1, 2, 3];
    const expected = await contents(loaderOf({ ...options, cacheBytes: 1e6 }), steps);
    expect(await contents(loaderOf({ ...options, readAheadBytes: 0 }), steps)).toEqual(expected);
    expect(await contents(loaderOf({ ...options, readAheadBytes: 7_000, workers: 5 }), steps)).toEqual(
      expected,
    );
    loader.close();
    tight.close();
  });

  test("one picture for two batches is decoded for the sooner one", async () => {
    // Batch 5 is read ahead and may not go on; then batch 3 wants pictures of it, asked for out of order.
    const { dataset: few } = partlyBad(6, new Set());
    const loader = loaderOf({
      dataset: few,
      batchSize: 6,
      cacheBytes: 0,
      workers: 1,
      readAhead: 2,
      readAheadBytes: 1,
    });
    for (const step of [3, 1, 2, 0, 0, 4]) expect((await loader.batch(step)).indices).toHaveLength(6);
    loader.close();
  });

  test("closing or aborting ends at once what is waited for, and drops what is not decoded", async () => {
    const { dataset: inner } = partlyBad(64, new Set());
    const pending: (() => void)[] = [];
    let begun = 0;
    const slow: ImageDataset = {
      ...inner,
      image: async (index) => {
        begun++;
        await new Promise<void>((resolve) => pending.push(resolve));
        return inner.image(index);
      },
    };
    const before = device.memory().liveBuffers;
    const stop = new AbortController();
    const closed = loaderOf({ dataset: slow, workers: 2, cacheBytes: 0 });
    const aborted = loaderOf({ dataset: slow, workers: 2, cacheBytes: 0, signal: stop.signal });
    const batches = [closed.batch(0), closed.batch(1), aborted.batch(0)];
    const results = Promise.allSettled(batches);
    await until(() => begun >= 4);
    await settled();
    expect(begun).toBe(4);
    closed.close();
    closed.close();
    stop.abort(new Error("Ctrl-C"));
    expect((await results).map((result) => (result as PromiseRejectedResult).reason.message)).toEqual([
      "ImageLoader: it was closed.",
      "ImageLoader: it was closed.",
      "Ctrl-C",
    ]);
    await expect(closed.batch(2)).rejects.toThrow("ImageLoader: it was closed.");
    await expect(aborted.batch(2)).rejects.toThrow("Ctrl-C");
    await expect(loaderOf({ dataset: slow, signal: stop.signal }).batch(0)).rejects.toThrow("Ctrl-C");
    for (const resolve of pending.splice(0)) resolve(); // those that were being decoded
    await until(() => device.memory().liveBuffers <= before);
    await settled();
    expect(begun).toBe(4);
    expect(device.memory().liveBuffers).toBe(before);
  });

  test("a data set with groups is read a few groups at a time, the same whatever the workers", async () => {
    const groups = Int32Array.from([0, 8, 16, 24, 32, 40, 48, 56]);
    const { dataset: inner, calls } = partlyBad(64, new Set());
    const options = { dataset: { ...inner, groups }, cacheBytes: 0, groupWindow: 2 };
    const loader = loaderOf({ ...options, workers: 4, readAhead: 0 });
    const indices: number[] = [];
    for (let step = 0; step < 16; step++) indices.push(...(await loader.batch(step)).indices);
    expect([...indices].sort((a, b) => a - b)).toEqual([...Array(64).keys()]);
    for (let first = 0; first < 64; first += 16) {
      expect(new Set(calls.slice(first, first + 16).map((index) => index >> 3)).size).toBe(2);
    }
    const again = loaderOf({ ...options, workers: 1 });
    for (let step = 0; step < 16; step++) {
      expect([...(await again.batch(step)).indices]).toEqual(indices.slice(4 * step, 4 * step + 4));
    }
    loader.close();
    again.close();
  });

  test("at most `workers` pictures are decoded at a time", async () => {
    let active = 0;
    let most = 0;
    const { dataset: inner } = partlyBad(32, new Set());
    const slow: ImageDataset = {
      ...inner,
      image: async (index) => {
        most = Math.max(most, ++active);
        await new Promise((resolve) => setTimeout(resolve, 1));
        active--;
        return inner.image(index);
      },
    };
    const loader = loaderOf({ dataset: slow, workers: 3, batchSize: 8 });
    for (let step = 0; step < 4; step++) await contentOf(await loader.batch(step));
    expect(most).toBe(3);
    loader.close();
  });

  test("a bad picture is replaced by the next good one and named", async () => {
    const bad = new Set([3, 4, 9]);
    const run = async (options: Partial<ImageLoaderOptions>) => {
      const made = partlyBad(10, bad);
      const loader = loaderOf({ dataset: made.dataset, batchSize: 5, ...options });
      const batches = [await loader.batch(0), await loader.batch(1)];
      const indices = batches.flatMap((batch) => [...batch.indices]);
      const labels = batches.flatMap((batch) => [...batch.labels]);
      const content = await Promise.all(batches.map(contentOf));
      const skipped = loader.skipped();
      loader.close();
      return { indices, labels, content, skipped };
    };
    const { indices, labels, content, skipped } = await run({});
    expect([...indices].sort()).toEqual([0, 0, 1, 2, 5, 5, 5, 6, 7, 8]); // 3 and 4 → 5, 9 → 0
    expect(labels).toEqual(indices.map((index) => index % 2));
    expect(skipped).toEqual([3, 4, 9].map((index) => ({ path: `picture ${index}`, reason: "it is torn" })));
    expect((await run({ workers: 1, cacheBytes: 0, readAhead: 0 })).content).toEqual(content);
  });

  test("real bad files among good ones", async () => {
    const mixed = join(root, "mixed");
    await writePictures(mixed, 5);
    const good = await gradient(90, 70).jpeg().toBuffer();
    write(join(mixed, "truncated.jpg"), good.subarray(0, good.length / 2));
    write(join(mixed, "text.png"), "not a picture");
    write(join(mixed, "dot.png"), await plain(1, 1, "red").png().toBuffer());
    const loader = loaderOf({ dataset: await imageFolder(mixed), batchSize: 8 });
    const batch = await loader.batch(0);
    expect((await batch.views[0]!.data()).every(Number.isFinite)).toBe(true);
    expect(loader.skipped()).toEqual([
      {
        path: join(mixed, "text.png"),
        reason: "not a picture: looks like text",
      },
      { path: join(mixed, "truncated.jpg"), reason: "truncated: the JPEG data ends too early" },
    ]);
    loader.close();
  });

  test("all pictures bad", async () => {
    const { dataset: allBad } = partlyBad(6, new Set([0, 1, 2, 3, 4, 5]));
    const loader = loaderOf({ dataset: allBad });
    await expect(loader.batch(0)).rejects.toThrow(
      "ImageLoader: none of the 6 pictures can be decoded, e.g. picture 0: it is torn. " +
        "Check that the files are whole and are pictures.",
    );
  });

  test("an error that is not the picture's fault is not swallowed", async () => {
    const { dataset: inner } = partlyBad(6, new Set());
    const broken: ImageDataset = {
      ...inner,
      image: () => Promise.reject(new TypeError("a mistake in the data set")),
    };
    await expect(loaderOf({ dataset: broken }).batch(0)).rejects.toThrow("a mistake in the data set");
  });

  test("fewer pictures than the batch, and wrong numbers", async () => {
    expect(() => loaderOf({ batchSize: 24 })).toThrow(
      "ImageLoader: the batch size is 24, but there are only 23 pictures. " +
        "Lower it to at most 23, add pictures, or set dropLast: false for smaller batches.",
    );
    const partial = loaderOf({ batchSize: 24, dropLast: false });
    expect(partial.batchesPerEpoch).toBe(1);
    expect((await partial.batch(1)).views[0]!.shape).toEqual([23, 3, 16, 16]);
    partial.close();
    expect(() => loaderOf({ workers: 0 })).toThrow(
      "ImageLoader: workers is 0; expected a whole number, at least 1.",
    );
    expect(() => loaderOf({ views: [{ ...view, size: 7.5 }] })).toThrow(
      "ImageLoader: the size of view 0 is 7.5; expected a whole number of pixels.",
    );
    expect(() => loaderOf({ readAheadBytes: -1 })).toThrow(
      "ImageLoader: readAheadBytes is -1; expected 0 or more bytes.",
    );
    expect(() => loaderOf({ groupWindow: 0 })).toThrow(
      "ImageLoader: groupWindow is 0; expected a whole number, at least 1.",
    );
    await expect(loaderOf().batch(-1)).rejects.toThrow(
      "ImageLoader: step is -1; expected a whole number, at least 0.",
    );
  });

  test("the event loop stays free while pictures are decoded", async () => {
    const large = join(root, "large");
    for (let number = 0; number < 12; number++) {
      write(join(large, `${number}.jpg`), await gradient(900, 700, number).jpeg().toBuffer());
    }
    const loader = loaderOf({
      dataset: await imageFolder(large),
      batchSize: 12,
      cacheBytes: 0,
      views: [{ ...view, size: 128 }],
    });
    await contentOf(await loader.batch(0));
    const turns = await loopTurns(
      (async () => {
        for (let step = 1; step < 4; step++) await contentOf(await loader.batch(step));
      })(),
    );
    loader.close();
    // 36 pictures: each takes a few turns by itself, and hundreds while a pool decodes it.
    expect(turns).toBeGreaterThan(36 * 20);
  });
});
