import { type HostTensor, tensor } from "@splitmask/autograd";
import {
  fitLinearProbe,
  fitLinearProbeSweep,
  fitLogisticRegression,
  heldOutFifths,
  KnnClassifier,
  knnAccuracy,
  type LabelledFeatures,
  linearProbe,
  linearProbeSweep,
  selectRows,
  trainLinearHeads,
} from "@splitmask/eval";
import { createDevice, type Device } from "@splitmask/kernels";
import ndarray from "ndarray";
import { largestDifference, readEvalFixture, standardized } from "./fixtureFeatures.js";

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

describe("logistic regression", () => {
  test.each([0.1, 0.001])("with the penalty %p comes to PyTorch's optimum", async (penalty) => {
    const name = `probe.${penalty}`;
    const [rows, width] = train.features.shape as [number, number];
    const fit = await fitLogisticRegression(
      tensor(device, standardized(train), [rows, width]),
      tensor(device, Int32Array.from(train.labels)),
      {
        classes: 5,
        penalty,
      },
    );
    expect(fit.converged).toBe(true);
    expect(fit.gradient).toBeLessThanOrEqual(1e-6);
    expect(Math.abs(fit.loss - Number(expected.get(`${name}.loss`)!.data[0]))).toBeLessThan(1e-6);
    const weight = expected.get(`${name}.weight`)!.data as Float32Array;
    const scale = Math.max(...weight.map(Math.abs));
    expect(largestDifference(await fit.weight.data(), weight)).toBeLessThan(2e-3 * scale);
  });
});

describe("linearProbe", () => {
  test.each(["1e-05", "0.005", "1"])(
    "with the penalty %s predicts what scikit-learn predicts",
    async (penalty) => {
      const { shape, data } = expected.get("scikit.train")!;
      const wide = {
        features: ndarray(data as Float32Array, [...shape]),
        labels: expected.get("scikit.labels")!.data as Int32Array,
      };
      const unseen = {
        features: ndarray(expected.get("scikit.test")!.data as Float32Array, [500, shape[1]!]),
        labels: new Int32Array(500),
      };
      const fit = (options: { maximumIterations?: number }) =>
        linearProbe({ device, train: wide, test: unseen, penalties: [Number(penalty)], ...options });
      const result = await fit({});
      expect(result.predictions).toEqual(expected.get(`scikit.${penalty}.predictions`)!.data);
      expect(result.converged).toBe(true);
      expect((await fit({ maximumIterations: 3 })).converged).toBe(false);
    },
  );

  test("with one penalty predicts what PyTorch predicts", async () => {
    const accuracies = JSON.parse(metadata.probe!) as Record<string, number>;
    for (const penalty of [0.1, 0.001]) {
      const result = await linearProbe({ device, train, test: test_, penalties: [penalty] });
      const wanted = expected.get(`probe.${penalty}.predictions`)!.data as Int32Array;
      expect(result.predictions).toEqual(wanted);
      expect(result.accuracy).toBeCloseTo(accuracies[`probe.${penalty}`]!, 12);
      expect(result.heldOut).toEqual([]);
    }
  });

  test("chooses the penalty on held-out training pictures, the same each time", async () => {
    const progress: number[] = [];
    const result = await linearProbe({
      device,
      train,
      test: test_,
      seed: 3,
      onProgress: (done, total) => void progress.push(done / total),
    });
    // Six penalties on each of five fifths, and the chosen one.
    expect(progress).toEqual(Array.from({ length: 31 }, (_, done) => (done + 1) / 31));
    expect(result.heldOut.map((tried) => tried.value)).toEqual([1, 0.1, 0.01, 1e-3, 1e-4, 1e-5]);
    const best = Math.max(...result.heldOut.map((tried) => tried.accuracy));
    expect(result.heldOut.find((tried) => tried.accuracy === best)!.value).toBe(result.penalty);
    expect(result.accuracy).toBeGreaterThan(0.65);
    expect(result.trainAccuracy).toBeGreaterThan(result.accuracy);
    const single = createDevice({ threads: 1 });
    expect(await linearProbe({ device: single, train, test: test_, seed: 3 })).toEqual(result);
    single.close();
  });

  test("features without any signal come to chance, and constant ones do no harm", async () => {
    const constant = (set: LabelledFeatures) => ({
      ...set,
      features: ndarray(new Float32Array(set.labels.length * 2).fill(3), [set.labels.length, 2]),
    });
    const result = await linearProbe({ device, train: constant(train), test: constant(test_) });
    const counts = [0, 1, 2, 3, 4].map((label) => train.labels.filter((other) => other === label).length);
    const frequent = counts.indexOf(Math.max(...counts));
    expect(result.accuracy).toBe(test_.labels.filter((label) => label === frequent).length / 80);
  });

  test("features whose squares float32 cannot hold are an error, not chance", async () => {
    const large = (set: LabelledFeatures) => ({
      ...set,
      features: ndarray(
        Float32Array.from(set.features.data, (value) => value * 1e25),
        [...set.features.shape],
      ),
    });
    await expect(
      linearProbe({ device, train: large(train), test: large(test_), penalties: [0.1] }),
    ).rejects.toThrow("linearProbe: the squares of the training features are beyond float32.");
    // Nearest neighbors look at directions only.
    const { predictions } = await knnAccuracy({ device, train: large(train), test: large(test_) });
    expect([...predictions]).toEqual([...expected.get("knn.predictions")!.data]);
  });

  test("features that are not finite are an error that names the picture", async () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const damaged = ndarray(Float32Array.from(train.features.data), [300, 24]);
      damaged.set(7, 3, value);
      await expect(
        linearProbe({ device, train: { ...train, features: damaged }, test: test_, penalties: [0.1] }),
      ).rejects.toThrow("linearProbe: train picture 7 has features that are NaN or infinite.");
      const shown = ndarray(Float32Array.from(test_.features.data), [80, 24]);
      shown.set(5, 23, value);
      await expect(
        linearProbe({ device, train, test: { ...test_, features: shown }, penalties: [0.1] }),
      ).rejects.toThrow("LinearClassifier: picture 5 has no class");
    }
  });

  test("errors", async () => {
    await expect(linearProbe({ device, train, test: test_, penalties: [0] })).rejects.toThrow(
      "linearProbe: penalties is 0; give at least one number above 0.",
    );
  });
});

describe("trainLinearHeads", () => {
  const onDevice = () => ({
    features: tensor(device, standardized(train), [300, 24]),
    labels: tensor(device, Int32Array.from(train.labels)),
  });

  test.each([
    ["sgd", [0.01, 0.3], { weightDecay: 1e-3 }],
    ["lars", [1, 4], { warmupEpochs: 2 }],
  ] as const)(
    "%s comes to PyTorch's weights, each learning rate as if alone",
    async (optimizer, rates, options) => {
      const { features, labels } = onDevice();
      const order = expected.get("heads.order")!.data as Int32Array;
      const start = {
        weight: tensor(device, expected.get("heads.start.weight")!),
        bias: tensor(device, expected.get("heads.start.bias")!),
      };
      const layers = await trainLinearHeads(features, labels, {
        ...options,
        ...{ classes: 5, learningRates: rates, optimizer, epochs: 6, batchSize: 64, start },
        order: (epoch) => order.slice(300 * epoch, 300 * epoch + 300),
      });
      for (const [head, rate] of rates.entries()) {
        const name = `heads.${optimizer}.${optimizer === "lars" ? rate.toFixed(1) : rate}`;
        for (const part of ["weight", "bias"] as const) {
          const wanted = expected.get(`${name}.${part}`)!.data as Float32Array;
          const scale = Math.max(...wanted.map(Math.abs));
          expect(largestDifference(await layers[head]![part].data(), wanted)).toBeLessThan(2e-5 * scale);
        }
      }
    },
  );

  test("a head of a sweep equals the one that is trained alone, bit for bit, on any number of threads", async () => {
    const options = { classes: 5, epochs: 3, batchSize: 50, seed: 2 };
    const { features, labels } = onDevice();
    const all = await trainLinearHeads(features, labels, { ...options, learningRates: [0.5, 0.02, 0.1] });
    const single = createDevice({ threads: 1 });
    const [alone] = await trainLinearHeads(
      tensor(single, standardized(train), [300, 24]),
      tensor(single, Int32Array.from(train.labels)),
      { ...options, learningRates: [0.02] },
    );
    expect(await all[1]!.weight.data()).toEqual(await alone!.weight.data());
    expect(await all[1]!.bias.data()).toEqual(await alone!.bias.data());
    expect(await all[0]!.weight.data()).not.toEqual(await alone!.weight.data());
    single.close();
  });

  test("leaves nothing behind but its layers", async () => {
    const { features, labels } = onDevice();
    const run = async () => {
      const layers = await trainLinearHeads(features, labels, {
        ...{ classes: 5, epochs: 2, learningRates: [0.1, 0.2] },
      });
      for (const layer of layers) {
        layer.weight.dispose();
        layer.bias.dispose();
      }
    };
    await run();
    const before = device.memory().liveBuffers;
    await run();
    expect(device.memory().liveBuffers).toBe(before);
  });

  test("errors", async () => {
    const { features, labels } = onDevice();
    await expect(trainLinearHeads(features, labels, { classes: 5, learningRates: [0.1, 0] })).rejects.toThrow(
      "trainLinearHeads: learningRates is [0.1, 0]; expected at least one number above 0.",
    );
  });
});

describe("linearProbeSweep", () => {
  test("a learning rate with which training runs away is never chosen, and is no chance hit", async () => {
    const options = { device, train, test: test_, epochs: 3, batchSize: 64 };
    const result = await linearProbeSweep({ ...options, learningRates: [0.1, 3e38] });
    expect(result.learningRate).toBe(0.1);
    expect(result.rates[1]).toEqual({ learningRate: 3e38, heldOutAccuracy: 0, accuracy: 0 });
    await expect(linearProbeSweep({ ...options, learningRates: [3e38] })).rejects.toThrow(
      "linearProbeSweep: training ran away with the setting 3e+38. Give smaller learning rates.",
    );
  });

  test("chooses the learning rate on held-out training pictures and reports every one", async () => {
    const progress: number[] = [];
    const options = { device, train, test: test_, learningRates: [3, 0.001, 0.1], epochs: 20, batchSize: 64 };
    const result = await linearProbeSweep({
      ...options,
      onProgress: (done, total) => void progress.push(done / total),
    });
    expect(progress).toHaveLength(6 * 20);
    expect(progress.at(-1)).toBe(1);
    expect(result.rates.map(({ learningRate }) => learningRate)).toEqual([0.001, 0.1, 3]);
    const best = Math.max(...result.rates.map(({ heldOutAccuracy }) => heldOutAccuracy!));
    const chosen = result.rates.find(({ heldOutAccuracy }) => heldOutAccuracy === best)!;
    expect(result.learningRate).toBe(chosen.learningRate);
    expect(result.accuracy).toBe(chosen.accuracy);
    expect(result.accuracy).toBeGreaterThan(0.6);
    // A classifier for use is the one that was reported.
    const { classifier, chosen: rate } = await fitLinearProbeSweep(options);
    expect(rate).toBe(result.learningRate);
    expect((await classifier.rank(test_.features, 1)).labels).toEqual(result.predictions);
    classifier.dispose();
  });

  test("the test pictures take part in no choice", async () => {
    const options = { device, train, learningRates: [0.001, 0.1, 3], epochs: 5 };
    const once = await linearProbeSweep({ ...options, test: test_ });
    const labels = test_.labels.map((label) => (label + 1) % 5);
    const shifted = await linearProbeSweep({ ...options, test: { ...test_, labels } });
    expect(shifted.learningRate).toBe(once.learningRate);
    expect(shifted.predictions).toEqual(once.predictions);
    expect(shifted.accuracy).not.toBe(once.accuracy);
  });

  test("one learning rate needs nothing held out", async () => {
    const result = await linearProbeSweep({
      ...{ device, train, test: test_, learningRates: [0.1], epochs: 5, optimizer: "lars" as const },
    });
    expect(result.rates).toEqual([{ learningRate: 0.1, heldOutAccuracy: null, accuracy: result.accuracy }]);
  });
});

describe("held-out fifths", () => {
  test("each picture is held out once, each class spread over all", () => {
    const labels = Int32Array.from({ length: 103 }, (_, row) => (row < 60 ? 0 : row < 100 ? 1 : 2));
    const folds = heldOutFifths(labels, 1);
    expect(folds).toHaveLength(5);
    expect(folds.flatMap(({ judged }) => [...judged]).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 103 }, (_, row) => row),
    );
    for (const { judged, learned } of folds) {
      expect([...judged, ...learned].sort((a, b) => a - b)).toHaveLength(103);
      const count = (label: number) => judged.filter((row) => labels[row] === label).length;
      expect([count(0), count(1)]).toEqual([12, 8]);
      expect(count(2)).toBeLessThanOrEqual(1);
    }
    expect(heldOutFifths(labels, 1)).toEqual(folds);
    expect(heldOutFifths(labels, 2)).not.toEqual(folds);
  });

  test("many pictures are held out once only, one cannot be", () => {
    const labels = Int32Array.from({ length: 2000 }, (_, row) => row % 10);
    expect(heldOutFifths(labels, 0).map(({ judged }) => judged.length)).toEqual([400]);
    expect(heldOutFifths(labels.slice(1), 0)).toHaveLength(5);
    expect(heldOutFifths(Int32Array.of(3), 0)).toEqual([]);
  });

  test("one picture of each class is enough for a probe", async () => {
    const rows = [0, 1, 2, 3, 4].map((label) => train.labels.indexOf(label));
    const few = selectRows(train, rows);
    const result = await linearProbe({ device, train: few, test: test_ });
    expect(result.penalty).toBe(1);
    expect(result.trainAccuracy).toBe(1);
    expect(result.accuracy).toBeGreaterThan(0.2);
  });
});

describe("classifiers", () => {
  test("give the classes that the probe is tested with, with probabilities that sum to 1", async () => {
    const { classifier, chosen } = await fitLinearProbe({ device, train });
    const tested = await linearProbe({ device, train, test: test_ });
    expect(chosen).toBe(tested.penalty);
    const knn = new KnnClassifier({ device, train, k: 7 });
    for (const each of [classifier, knn]) {
      const ranked = await each.rank(test_.features, 5);
      for (let row = 0; row < 80; row++) {
        const probabilities = [...ranked.probabilities.subarray(5 * row, 5 * row + 5)];
        expect(probabilities.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 5);
        expect([...probabilities].sort((a, b) => b - a)).toEqual(probabilities);
        expect([...ranked.labels.subarray(5 * row, 5 * row + 5)].sort()).toEqual([0, 1, 2, 3, 4]);
      }
      if (each === classifier)
        expect(ranked.labels.filter((_, at) => at % 5 === 0)).toEqual(tested.predictions);
      each.dispose();
    }
  });

  test("selectRows takes rows with their labels", () => {
    const some = selectRows({ ...train, classes: ["a", "b", "c", "d", "e"] }, [7, 2]);
    expect(some.features.shape).toEqual([2, 24]);
    expect([...some.labels]).toEqual([train.labels[7], train.labels[2]]);
    expect(some.features.get(1, 3)).toBe(train.features.get(2, 3));
    expect(some.classes).toHaveLength(5);
  });
});
