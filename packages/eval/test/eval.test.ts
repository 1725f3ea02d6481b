import { readFileSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type HostTensor, slice, type Tensor } from "@splitmask/autograd";
import { arrayDataset, centerCrop, type ImageDataset, PictureError } from "@splitmask/data";
import {
  classifyDataset,
  embedDataset,
  embedLayers,
  evaluateClassifier,
  KnnClassifier,
  knnAccuracy,
  type LabelledFeatures,
  nearestNeighbors,
  npyBytes,
  writeFeatures,
} from "@splitmask/eval";
import { createDevice, type Device } from "@splitmask/kernels";
import { VisionTransformer } from "@splitmask/vit";
import ndarray from "ndarray";
import { largestDifference, readEvalFixture } from "./fixtureFeatures.js";

const fixtures = new URL("fixtures/", import.meta.url);
let device: Device;
let expected: ReadonlyMap<string, HostTensor>;
let metadata: Readonly<Record<string, string>>;
let train: LabelledFeatures;
let test_: LabelledFeatures;

beforeAll(async () => {
  device = createDevice({ threads: 2 });
  ({ tensors: expected, metadata, train, test: test_ } = await readEvalFixture());
});
afterAll(() => device.close());

describe("knnAccuracy", () => {
  test("predicts what PyTorch predicts", async () => {
    const result = await knnAccuracy({ device, train, test: test_ });
    expect([...result.predictions]).toEqual([...expected.get("knn.predictions")!.data]);
    expect(result.accuracy).toBeCloseTo(Number(metadata["knn.accuracy"]), 12);
    const counted = result.confusion.flat().reduce((total, count) => total + count, 0);
    expect(counted).toBe(test_.labels.length);
    const hits = result.confusion.map(
      (row, label) => row[label]! / row.reduce((total, count) => total + count, 0),
    );
    expect(result.perClass).toEqual(hits);
  });

  test("training rows in pieces vote as all at once", async () => {
    const whole = await knnAccuracy({ device, train, test: test_, k: 30 });
    const pieces = await knnAccuracy({ device, train, test: test_, k: 30, columnsAtOnce: 64 });
    const uneven = await knnAccuracy({ device, train, test: test_, k: 30, columnsAtOnce: 17 });
    expect(pieces).toEqual(whole);
    expect(uneven).toEqual(whole);
  });

  test("its own training pictures with k = 1 are all right", async () => {
    expect((await knnAccuracy({ device, train, test: train, k: 1 })).accuracy).toBe(1);
  });

  test.each([0.07, 0.01, 0.002])("probabilities at the temperature %p are PyTorch's", async (temperature) => {
    const classifier = new KnnClassifier({ device, train, temperature });
    const { labels, probabilities } = await classifier.rank(test_.features, 5);
    classifier.dispose();
    const wanted = expected.get(`knn.probabilities.${temperature}`)!.data as Float32Array;
    const ofClass = new Float32Array(wanted.length);
    for (const [place, label] of labels.entries())
      ofClass[5 * Math.floor(place / 5) + label] = probabilities[place]!;
    // Similarities have 1e-7 of rounding, which the temperature divides.
    expect(largestDifference(ofClass, wanted)).toBeLessThan(3e-7 / temperature);
  });

  test("at the smallest temperatures the nearest neighbor decides", async () => {
    const nearest = expected.get("knn.indices")!.data as Int32Array;
    const wanted = test_.labels.map((_, row) => train.labels[nearest[20 * row]!]!);
    for (const temperature of [1e-6, 1e-30, 1e-300]) {
      const result = await knnAccuracy({ device, train, test: test_, temperature });
      expect(result.predictions).toEqual(wanted);
    }
  });

  test("features that are not finite are an error, not a class", async () => {
    const withNaN = (set: typeof train, row: number) => {
      const features = ndarray(Float32Array.from(set.features.data), [...set.features.shape]);
      features.set(row, 2, Number.NaN);
      return { ...set, features };
    };
    await expect(knnAccuracy({ device, train, test: withNaN(test_, 4) })).rejects.toThrow(
      "KnnClassifier: picture 4 has no class, because its probabilities are NaN",
    );
    await expect(knnAccuracy({ device, train: withNaN(train, 9), test: test_ })).rejects.toThrow(
      "or those of a training picture, hold a NaN or an infinity",
    );
    await expect(nearestNeighbors(device, train.features, withNaN(test_, 4).features, 3)).rejects.toThrow(
      "nearestNeighbors: query 4 has no neighbors",
    );
  });

  test.each([
    [{ temperature: 0 }, "temperature is 0; it must be above 0."],
    [{ temperature: Number.NaN }, "temperature is NaN; it must be above 0."],
    [{ k: 0 }, "k is 0 and train has 300 pictures"],
    [{ k: 1.5 }, "k is 1.5 and train has 300 pictures"],
    [{ columnsAtOnce: 0 }, "columnsAtOnce is 0; it must be a whole number from 1 on."],
  ])("%j is an error", (options, text) => {
    expect(() => new KnnClassifier({ device, train, ...options })).toThrow(`KnnClassifier: ${text}`);
  });

  test("errors", async () => {
    await expect(knnAccuracy({ device, train, test: test_, k: 301 })).rejects.toThrow(
      "KnnClassifier: k is 301 and train has 300 pictures; k must be a whole number from 1 to 300.",
    );
    const narrow = { ...test_, features: ndarray(new Float32Array(80 * 3), [80, 3]) };
    await expect(knnAccuracy({ device, train, test: narrow })).rejects.toThrow(
      "train.features has 24 columns and test.features 3; embed both with the same encoder.",
    );
    const unlabelled = { ...test_, labels: new Int32Array(80).fill(-1) };
    await expect(knnAccuracy({ device, train, test: unlabelled })).rejects.toThrow(
      "test has pictures without a label",
    );
    const named = (classes: string[]) => ({ ...train, classes });
    await expect(
      knnAccuracy({
        device,
        train: named(["a", "b", "c", "d", "e"]),
        test: { ...test_, classes: ["a", "b"] },
      }),
    ).rejects.toThrow("both folders must have the same class folders");
  });
});

describe("nearestNeighbors", () => {
  test("finds what PyTorch finds", async () => {
    const found = await nearestNeighbors(device, train.features, test_.features, 20);
    expect(
      largestDifference(found.similarities.data, expected.get("knn.similarities")!.data as Float32Array),
    ).toBeLessThan(2e-6);
    expect([...found.indices.data]).toEqual([...expected.get("knn.indices")!.data]);
  });

  test("errors", async () => {
    await expect(nearestNeighbors(device, train.features, test_.features, 0)).rejects.toThrow(
      "nearestNeighbors: k is 0 and there are 300 features",
    );
  });
});

describe("embedDataset", () => {
  const view = { size: 16, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] } as const;
  const picture = (index: number) => {
    const size = 16 + (index % 3);
    return ndarray(
      Uint8Array.from({ length: size * size * 3 }, (_, at) => (at * (index + 3)) % 256),
      [size, size, 3],
    );
  };
  const count = 11;
  const good = () =>
    arrayDataset(
      Array.from({ length: count }, (_, index) => picture(index)),
      { labels: Int32Array.from({ length: count }, (_, index) => index % 2), classes: ["even", "odd"] },
    );

  function encoder(classToken = false): VisionTransformer {
    return new VisionTransformer(
      device,
      { imageSize: 16, patchSize: 8, width: 32, depth: 2, heads: 2, classToken },
      { seed: 4 },
    );
  }

  test("one row a picture, whatever the batch size", async () => {
    const progress: [number, number][] = [];
    const model = encoder();
    const embedded = await embedDataset({
      device,
      encoder: model,
      dataset: good(),
      view,
      batchSize: 4,
      onProgress: (...now) => void progress.push(now),
    });
    expect(embedded.features.shape).toEqual([count, 32]);
    expect(progress).toEqual([
      [4, 11],
      [8, 11],
      [11, 11],
    ]);
    expect([...embedded.indices]).toEqual(Array.from({ length: count }, (_, index) => index));
    expect([...embedded.labels]).toEqual(Array.from({ length: count }, (_, index) => index % 2));
    expect(embedded.classes).toEqual(["even", "odd"]);
    const single = await embedDataset({ device, encoder: model, dataset: good(), view, batchSize: 1 });
    expect(largestDifference(single.features.data, embedded.features.data)).toBeLessThan(1e-5);
    expect(
      largestDifference(embedded.features.data.subarray(0, 32), embedded.features.data.subarray(32, 64)),
    ).toBeGreaterThan(1e-3);
  });

  test("the class token, where there is one", async () => {
    const model = encoder(true);
    const mean = await embedDataset({ device, encoder: model, dataset: good(), view });
    const token = await embedDataset({ device, encoder: model, dataset: good(), view, pooling: "class" });
    expect(largestDifference(mean.features.data, token.features.data)).toBeGreaterThan(1e-3);
    await expect(
      embedDataset({ device, encoder: encoder(), dataset: good(), view, pooling: "class" }),
    ).rejects.toThrow("has no class token");
  });

  test("several layers in one pass, the last as embedDataset", async () => {
    const model = encoder();
    const options = { device, dataset: good(), view, batchSize: 4 };
    const embedded = await embedDataset({ ...options, encoder: model });
    const layers = await embedLayers({ ...options, encoder: model, layers: [1, 2] });
    expect(layers).toHaveLength(2);
    expect(layers[1]).toEqual(embedded);
    expect(layers[0]!.labels).toEqual(embedded.labels);
    expect(layers[0]!.features.shape).toEqual([count, 32]);
    expect(largestDifference(layers[0]!.features.data, embedded.features.data)).toBeGreaterThan(1e-3);
    await expect(embedLayers({ ...options, encoder: model, layers: [3] })).rejects.toThrow(
      "encodeLayers: there is no layer 3 in a model of 2 blocks",
    );
  });

  /** A data set of which some pictures cannot be read. */
  function damaged(bad: (index: number) => boolean): ImageDataset {
    const dataset = good();
    return {
      length: dataset.length,
      classes: dataset.classes,
      path: (index) => `${index}.png`,
      label: (index) => dataset.label(index),
      image: async (index) => {
        if (bad(index)) throw new PictureError(`${index}.png`, "truncated");
        return dataset.image(index);
      },
    };
  }

  /** Scores seven classes by the first numbers of an embedding. */
  function classifier() {
    const model = encoder();
    return { classify: (images: Tensor) => slice(model.encode(images), 1, 0, 7) };
  }

  test("classifyDataset ranks the classes of each picture, whatever the batch size", async () => {
    const scoring = classifier();
    const options = { device, classifier: scoring, dataset: good(), view, cropRatio: 1 };
    const { indices, labels, ranked } = await classifyDataset({ ...options, k: 7, batchSize: 4 });
    expect([...indices]).toEqual(Array.from({ length: count }, (_, index) => index));
    expect([...labels]).toEqual(Array.from({ length: count }, (_, index) => index % 2));
    const { features } = await embedDataset({
      ...{ device, dataset: good(), view, augmentation: centerCrop({ ratio: 1 }) },
      encoder: { encode: scoring.classify },
    });
    for (let row = 0; row < count; row++) {
      const logits = Array.from({ length: 7 }, (_, label) => features.get(row, label));
      const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
      const order = logits.map((_, label) => label).sort((a, b) => logits[b]! - logits[a]!);
      expect([...ranked.labels.subarray(7 * row, 7 * row + 7)]).toEqual(order);
      for (const [place, label] of order.entries())
        expect(ranked.probabilities[7 * row + place]).toBeCloseTo(Math.exp(logits[label]!) / total, 5);
    }
    const two = (await classifyDataset({ ...options, k: 2, batchSize: 64 })).ranked;
    expect([...two.labels]).toEqual([...ranked.labels].filter((_, at) => at % 7 < 2));
  });

  test("evaluateClassifier counts what classifyDataset finds; pictures without a label are an error", async () => {
    const names = { classes: ["a", "b", "c", "d", "e", "f", "g"] };
    const dataset = { ...damaged((index) => index === 3), ...names };
    const options = { device, classifier: classifier(), dataset, view };
    const found = await evaluateClassifier(options);
    const { ranked } = await classifyDataset({ ...options, k: 5 });
    const hits = [...found.labels].map((label, row) => ranked.labels.indexOf(label, 5 * row) - 5 * row);
    const share = (k: number) => hits.filter((place) => place >= 0 && place < k).length / hits.length;
    expect([found.accuracy, found.top5]).toEqual([share(1), share(5)]);
    expect(found.skipped.map(({ path }) => path)).toEqual(["3.png"]);
    expect(found.indices).toHaveLength(count - 1);
    const unlabelled = { ...dataset, label: (index: number) => (index === 4 ? -1 : 0) };
    await expect(evaluateClassifier({ ...options, dataset: unlabelled })).rejects.toThrow(
      "evaluateClassifier: 4.png has no label. Leave such pictures out with subset().",
    );
    const none = { ...damaged(() => true), ...names };
    await expect(classifyDataset({ ...options, dataset: none, k: 1 })).rejects.toThrow(
      /classifyDataset: none of the 11 pictures can be read, e.g. \d+.png: truncated/,
    );
  });

  test("bad pictures have no row and are named; none at all is an error", async () => {
    const embedded = await embedDataset({
      device,
      encoder: encoder(),
      dataset: damaged((index) => index % 4 === 2),
      view,
      batchSize: 3,
    });
    expect([...embedded.indices]).toEqual([0, 1, 3, 4, 5, 7, 8, 9]);
    expect(embedded.features.shape).toEqual([8, 32]);
    expect(embedded.skipped.map((skipped) => skipped.path).sort()).toEqual(["10.png", "2.png", "6.png"]);
    await expect(
      embedDataset({ device, encoder: encoder(), dataset: damaged(() => true), view }),
    ).rejects.toThrow(/none of the 11 pictures can be read, e.g. \d+.png: truncated/);
  });
});

describe("feature files", () => {
  test("the bytes are NumPy's", () => {
    const rows = Float32Array.from({ length: 7 * 5 }, (_, at) =>
      test_.features.get(Math.floor(at / 5), at % 5),
    );
    expect(Buffer.from(npyBytes(ndarray(rows, [7, 5])))).toEqual(
      readFileSync(new URL("features.npy", fixtures)),
    );
  });

  test("writes features and a line a picture", async () => {
    const folder = await mkdtemp(join(tmpdir(), "splitmask-eval-"));
    const features = ndarray(new Float32Array([1, 2, 3, 4]), [2, 2]);
    const path = join(folder, "features.npy");
    await writeFeatures(path, features, {
      paths: ["a.png", 'b"ü.png'],
      labels: Int32Array.from([1, -1]),
      classes: ["x", "y"],
    });
    expect((await readdir(folder)).sort()).toEqual(["features.jsonl", "features.npy"]);
    const lines = readFileSync(join(folder, "features.jsonl"), "utf8").trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      { row: 0, path: "a.png", label: "y" },
      { row: 1, path: 'b"ü.png' },
    ]);
    await expect(writeFeatures(join(folder, "f.txt"), features, { paths: ["a", "b"] })).rejects.toThrow(
      "does not end in .npy",
    );
    await expect(writeFeatures(path, features, { paths: ["a"] })).rejects.toThrow(
      "features is 2×2 and there are 1 paths",
    );
    await expect(writeFeatures(join(folder, "no", "f.npy"), features, { paths: ["a", "b"] })).rejects.toThrow(
      "could not be written",
    );
    await rm(folder, { recursive: true });
  });
});
