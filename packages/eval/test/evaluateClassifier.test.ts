import { add, linear, reshape, type Tensor, tensor } from "@splitmask/autograd";
import { arrayDataset } from "@splitmask/data";
import { evaluateClassifier } from "@splitmask/eval";
import { createDevice } from "@splitmask/kernels";
import ndarray from "ndarray";

const device = createDevice({ threads: 1 });
afterAll(() => device.close());

/** Gray pictures: class k is a picture of the brightness 32·k, so that class 7 is the brightest. */
const brightness = [0, 1, 2, 3, 4, 5, 6, 7, 0, 1];
const side = 8;
const pixels = Uint8Array.from(
  { length: brightness.length * side * side * 3 },
  (_, place) => 32 * brightness[Math.floor(place / (side * side * 3))]!,
);
const labelled = (labels: readonly number[]) =>
  arrayDataset(ndarray(pixels, [brightness.length, side, side, 3]), {
    labels: [...labels],
    classes: Array.from({ length: 8 }, (_, label) => `gray ${label}`),
  });
const view = { size: 1, mean: [0, 0, 0], std: [1, 1, 1] };

/** Scores that fall with the square of the distance between a picture's brightness and that of each class. */
const middles = Array.from({ length: 8 }, (_, label) => (32 * label) / 255);
const weight = tensor(
  device,
  middles.map((middle) => [2 * middle, 0, 0]),
);
const bias = tensor(
  device,
  middles.map((middle) => -(middle ** 2)),
);
const classifier = {
  classify: (images: Tensor) => linear(reshape(images, [images.shape[0]!, 3]), weight, bias),
};

test("accuracy, top 5, accuracy by class and confusion, whatever the batch", async () => {
  // The first is called 7, which is last among its eight; the second is called 2, which is close to 1.
  const dataset = labelled([7, 2, 2, 3, 4, 5, 6, 7, 0, 1]);
  const seen: number[] = [];
  for (const batchSize of [4, 64]) {
    const result = await evaluateClassifier({
      ...{ device, classifier, dataset, view, batchSize },
      onProgress: (done) => seen.push(done),
    });
    expect([...result.predictions]).toEqual(brightness);
    expect([...result.labels]).toEqual([7, 2, 2, 3, 4, 5, 6, 7, 0, 1]);
    expect(result.accuracy).toBeCloseTo(0.8, 12);
    expect(result.top5).toBeCloseTo(0.9, 12);
    expect(result.perClass[7]).toBe(0.5);
    expect(result.confusion[7]).toEqual([1, 0, 0, 0, 0, 0, 0, 1]);
    expect(result.skipped).toEqual([]);
  }
  expect(seen).toEqual([4, 8, 10, 10]);
});

test("pixels that give no scores are an error that names the picture", async () => {
  const unsure = {
    classify: (images: Tensor) => {
      const scores = classifier.classify(images);
      return add(scores, tensor(device, [0, Number.NaN, ...new Array(scores.shape[1]! - 2).fill(0)]));
    },
  };
  const dataset = labelled(brightness);
  await expect(evaluateClassifier({ device, classifier: unsure, dataset, view })).rejects.toThrow(
    "classifyDataset: picture 0 has no class, because its probabilities are NaN",
  );
});

test("a picture without a label is an error that names it", async () => {
  const labels = [...brightness];
  labels[3] = -1;
  const dataset = labelled(labels);
  await expect(evaluateClassifier({ device, classifier, dataset, view })).rejects.toThrow(
    `evaluateClassifier: ${dataset.path(3)} has no label. Leave such pictures out with subset().`,
  );
});
