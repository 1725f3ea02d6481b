import {
  arrayDataset,
  IMAGENET_MEAN,
  type ImageBatch,
  type ImageDataset,
  measureNormalization,
  orderedBatches,
  PictureError,
  randomSplit,
  subset,
} from "@splitmask/data";
import { createDevice } from "@splitmask/kernels";
import ndarray from "ndarray";
import { until } from "./pictures.js";

const device = createDevice({ threads: 1 });
afterAll(() => device.close());

const raw = { mean: [0, 0, 0], std: [1, 1, 1] } as const;

describe("arrayDataset", () => {
  test("one array, color and grayscale, without copying", async () => {
    const data = Uint8Array.from({ length: 2 * 2 * 3 * 3 }, (_, place) => place);
    const dataset = arrayDataset(ndarray(data, [2, 2, 3, 3]), { labels: [1, 0] });
    expect(dataset.classes).toEqual(["0", "1"]);
    expect(dataset.label(0)).toBe(1);
    expect(dataset.path(1)).toBe("picture 1");
    const picture = await dataset.image(1);
    expect(picture.shape).toEqual([2, 3, 3]);
    expect([...picture.data]).toEqual([...data.subarray(18)]);
    expect(picture.data.buffer).toBe(data.buffer);
    const grey = arrayDataset(ndarray(data, [6, 2, 3]));
    expect(grey.classes).toEqual([]);
    expect(grey.label(3)).toBe(-1);
    expect([...(await grey.image(1)).data]).toEqual(
      [6, 7, 8, 9, 10, 11].flatMap((value) => [value, value, value]),
    );
  });

  test("any number of channels as it is stored", async () => {
    const data = Uint8Array.from({ length: 2 * 2 * 3 * 5 }, (_, place) => place);
    const many = arrayDataset(ndarray(data, [2, 2, 3, 5]));
    expect([many.channels, (await many.image(1)).shape]).toEqual([5, [2, 3, 5]]);
    expect([...(await many.image(1)).data]).toEqual([...data.subarray(30)]);
    const grey = arrayDataset(ndarray(data, [10, 2, 3]), { channels: 1 });
    expect([grey.channels, (await grey.image(9)).shape]).toEqual([1, [2, 3, 1]]);
    expect(await grey.size(0)).toEqual({ height: 2, width: 3 });
    expect(() =>
      arrayDataset([ndarray(new Uint8Array(12), [2, 2, 3]), ndarray(new Uint8Array(16), [2, 2, 4])]),
    ).toThrow(
      "arrayDataset: picture 1 is 2×2×4, and picture 0 has 3 channels; expected the same for all. " +
        "Grayscale pictures beside others: set channels, or give them as H×W×3.",
    );
  });

  test("wrong shapes and labels", () => {
    const picture = ndarray(new Uint8Array(24), [4, 2, 3]);
    expect(() => arrayDataset([])).toThrow("arrayDataset: there are no pictures; expected at least one.");
    expect(() => arrayDataset([ndarray(new Uint8Array(8), [2, 2, 2, 1])])).toThrow(
      "arrayDataset: picture 0 is 2×2×2×1 uint8; expected H×W×C or H×W uint8 with at least one pixel.",
    );
    expect(() => arrayDataset([picture.transpose(1, 0, 2)])).toThrow(
      "arrayDataset: picture 0 (2×4×3) has strides 3, 6, 1; expected contiguous rows. " +
        "Copy it into a fresh ndarray first.",
    );
    expect(() => arrayDataset([picture], { labels: [0, 1] })).toThrow(
      "arrayDataset: 2 labels were given for 1 pictures; expected one each.",
    );
    expect(() => arrayDataset([picture], { labels: [2], classes: ["a", "b"] })).toThrow(
      "arrayDataset: a label is 2, but there are 2 classes; labels run from 0 to 1 (−1: none).",
    );
  });
});

describe("subset and split", () => {
  const dataset = arrayDataset(ndarray(new Uint8Array(100 * 12), [100, 2, 2, 3]), {
    labels: Array.from({ length: 100 }, (_, index) => (index < 70 ? 0 : index < 99 ? 1 : 2)),
  });
  const pathsOf = (part: typeof dataset | ReturnType<typeof subset>) =>
    Array.from({ length: part.length }, (_, index) => part.path(index));

  test("subset", async () => {
    const part = subset(dataset, [99, 3, 3]);
    expect(pathsOf(part)).toEqual(["picture 99", "picture 3", "picture 3"]);
    expect(part.label(0)).toBe(2);
    expect(part.classes).toBe(dataset.classes);
    expect((await part.image(0)).shape).toEqual([2, 2, 3]);
    expect(() => subset(dataset, [100])).toThrow(
      "subset: index is 100; expected a whole number from 0 to 99 (there are 100 pictures).",
    );
  });

  test("split keeps the share of every class, without overlap, by the seed", () => {
    const [train, test] = randomSplit(dataset, { fraction: 0.2, seed: 4 });
    const count = (part: typeof train, label: number) =>
      Array.from({ length: part.length }, (_, index) => part.label(index)).filter((own) => own === label)
        .length;
    expect([count(train, 0), count(train, 1), count(train, 2)]).toEqual([56, 23, 1]);
    expect([count(test, 0), count(test, 1), count(test, 2)]).toEqual([14, 6, 0]);
    expect(new Set([...pathsOf(train), ...pathsOf(test)]).size).toBe(100);
    expect(pathsOf(randomSplit(dataset, { fraction: 0.2, seed: 4 })[1])).toEqual(pathsOf(test));
    expect(pathsOf(randomSplit(dataset, { fraction: 0.2, seed: 5 })[1])).not.toEqual(pathsOf(test));
    expect(() => randomSplit(dataset, { fraction: 1, seed: 0 })).toThrow(
      "randomSplit: fraction is 1; expected a share between 0 and 1, e.g. 0.2.",
    );
  });
});

describe("orderedBatches", () => {
  test("every picture once, in order, the last batch smaller, bad ones left out", async () => {
    const data = Uint8Array.from({ length: 7 * 12 }, (_, place) => Math.floor(place / 12) * 10);
    const inner = arrayDataset(ndarray(data, [7, 2, 2, 3]), { labels: [0, 1, 2, 3, 4, 5, 6] });
    const dataset: ImageDataset = {
      length: 7,
      classes: inner.classes,
      path: (index) => inner.path(index),
      label: (index) => inner.label(index),
      image: (index) =>
        index === 4 ? Promise.reject(new PictureError("picture 4", "it is torn")) : inner.image(index),
    };
    const batches = orderedBatches(dataset, {
      device,
      batchSize: 3,
      views: [{ size: 4, ...raw }],
      workers: 2,
    });
    expect(batches.length).toBe(3);
    const seen: ImageBatch[] = [];
    for await (const batch of batches) seen.push(batch);
    expect(seen.map(({ indices }) => [...indices])).toEqual([[0, 1, 2], [3, 5], [6]]);
    expect(seen.map(({ labels }) => [...labels])).toEqual([[0, 1, 2], [3, 5], [6]]);
    expect(seen[1]!.views[0]!.shape).toEqual([2, 3, 4, 4]);
    const values = await seen[1]!.views[0]!.data();
    expect(values[0]).toBeCloseTo(30 / 255, 6);
    expect(values[48]).toBeCloseTo(50 / 255, 6);
    expect(batches.skipped()).toEqual([{ path: "picture 4", reason: "it is torn" }]);
    expect(() => orderedBatches(dataset, { device, batchSize: 0, views: [{ size: 4, ...raw }] })).toThrow(
      "orderedBatches: batchSize is 0; expected a whole number, at least 1.",
    );
    expect(() => orderedBatches(dataset, { device, batchSize: 1, views: [] })).toThrow(
      "orderedBatches: there are no views; expected at least one { size, mean, std }.",
    );
    expect(() =>
      orderedBatches(dataset, {
        device,
        batchSize: 1,
        views: [{ size: 4, mean: IMAGENET_MEAN, std: [1, 0, 1] }],
      }),
    ).toThrow("std [1, 0, 1]; expected three finite numbers each, std above 0");
  });

  test("leaving the loop early leaves nothing behind", async () => {
    const dataset = arrayDataset(ndarray(new Uint8Array(40 * 12), [40, 2, 2, 3]));
    const before = device.memory().liveBuffers;
    for await (const batch of orderedBatches(dataset, {
      device,
      batchSize: 4,
      views: [{ size: 4, ...raw }],
    })) {
      for (const view of batch.views) view.dispose();
      break;
    }
    await until(() => device.memory().liveBuffers <= before);
    expect(device.memory().liveBuffers).toBe(before);
  });
});

describe("measureNormalization", () => {
  test("mean and standard deviation of all pixels", async () => {
    const data = Uint8Array.from(
      { length: 5 * 6 * 3 },
      (_, place) => [0, 100, 51][place % 3]! * (place < 45 ? 1 : 2),
    );
    const dataset = arrayDataset(ndarray(data, [5, 2, 3, 3]));
    const { mean, std, pictures } = await measureNormalization(dataset, { device });
    expect(pictures).toBe(5);
    expect(mean[0]).toBe(0);
    expect(mean[1]).toBeCloseTo(150 / 255, 12);
    expect(mean[2]).toBeCloseTo(0.3, 12);
    expect(std[0]).toBe(1 / 255);
    expect(std[1]).toBeCloseTo(50 / 255, 12);
    expect(std[2]).toBeCloseTo(0.1, 12);
    expect((await measureNormalization(dataset, { device, sample: 2 })).pictures).toBe(2);
    await expect(measureNormalization(dataset, { device, sample: 0 })).rejects.toThrow(
      "measureNormalization: sample is 0; expected a whole number of pictures, at least 1.",
    );
  });
});
