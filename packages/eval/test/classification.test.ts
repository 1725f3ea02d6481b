import {
  classification,
  mostConfused,
  studentQuantile,
  summarizeAccuracies,
  summarizeConfusion,
  wilsonInterval,
} from "@splitmask/eval";
import { readEvalFixture } from "./fixtureFeatures.js";

test("counts, top-1 and top-5 by the definitions", () => {
  // Six classes, three pictures, the five likeliest classes of each.
  const labels = Int32Array.of(0, 1, 5);
  const ranked = { k: 5, labels: Int32Array.of(0, 1, 2, 3, 4, 3, 2, 1, 0, 4, 4, 3, 2, 1, 0) };
  const result = classification(ranked, labels, 6);
  expect(result.accuracy).toBeCloseTo(1 / 3);
  expect(result.top5Accuracy).toBeCloseTo(2 / 3);
  expect([...result.predictions]).toEqual([0, 3, 4]);
  expect(result.perClass).toEqual([1, 0, Number.NaN, Number.NaN, Number.NaN, 0]);
  expect(result.confusion[1]).toEqual([0, 0, 0, 1, 0, 0]);
  expect(result.interval).toEqual(wilsonInterval(1, 3));
});

test("top-5 of five classes says nothing", () => {
  const ranked = { k: 5, labels: Int32Array.of(4, 3, 2, 1, 0) };
  expect(classification(ranked, Int32Array.of(0), 5).top5Accuracy).toBeNull();
});

test("what is no class is an error, not a class", () => {
  const ranked = { k: 1, labels: Int32Array.of(0, -1) };
  expect(() => classification(ranked, Int32Array.of(0, 1), 2)).toThrow(
    "classification: picture 1 has the label 1 and the predicted class -1; expected numbers from 0 to 1",
  );
  expect(() => classification({ k: 1, labels: Int32Array.of(0) }, Int32Array.of(-1), 2)).toThrow(
    "picture 0 has the label -1",
  );
});

test("the most confused pairs, by their share of the class", () => {
  const confusion = [
    [8, 2, 0],
    [30, 60, 10],
    [0, 0, 4],
  ];
  expect(mostConfused(confusion)).toEqual([
    { label: 1, predicted: 0, count: 30, share: 0.3 },
    { label: 0, predicted: 1, count: 2, share: 0.2 },
    { label: 1, predicted: 2, count: 10, share: 0.1 },
  ]);
  expect(mostConfused(confusion, 1)).toHaveLength(1);
  expect(summarizeConfusion(confusion).accuracy).toBeCloseTo(72 / 114);
});

describe("confidence, as SciPy", () => {
  test("Wilson's interval", async () => {
    const { metadata } = await readEvalFixture();
    for (const [hits, trials, low, high] of JSON.parse(metadata.wilson!) as [
      number,
      number,
      number,
      number,
    ][]) {
      const interval = wilsonInterval(hits, trials);
      expect(interval.low).toBeCloseTo(low, 12);
      expect(interval.high).toBeCloseTo(high, 12);
    }
  });

  test("Student's quantiles", async () => {
    const { metadata } = await readEvalFixture();
    const quantiles = JSON.parse(metadata.student!) as [number, number][];
    expect(quantiles).toHaveLength(41);
    for (const [freedom, quantile] of quantiles)
      expect([freedom, studentQuantile(freedom) / quantile]).toEqual([freedom, expect.closeTo(1, 11)]);
  });

  test("over seeds", async () => {
    const { metadata } = await readEvalFixture();
    const { accuracies, expected } = JSON.parse(metadata.overSeeds!) as Record<string, number[]>;
    const { mean, standardDeviation, interval } = summarizeAccuracies(accuracies!);
    for (const [place, value] of [mean, standardDeviation, interval.low, interval.high].entries())
      expect(value).toBeCloseTo(expected![place]!, 12);
    expect(summarizeAccuracies([0.5])).toEqual({
      mean: 0.5,
      standardDeviation: 0,
      interval: { low: Number.NaN, high: Number.NaN },
    });
    expect(() => summarizeAccuracies([])).toThrow("summarizeAccuracies: there is no accuracy");
  });
});
