import { readFileSync } from "node:fs";
import { type PairedDifference, pairedDifference } from "@splitmask/eval";

interface Case extends PairedDifference {
  readonly accuracies: readonly number[];
  readonly baseline: readonly number[];
}

const file = new URL("fixtures/pairedDifferences.json", import.meta.url);
const cases = JSON.parse(readFileSync(file, "utf8")) as readonly Case[];

test.each(cases)("is SciPy's paired t-test of $accuracies.length seeds", (expected) => {
  const { accuracies, baseline, ...figures } = expected;
  const found = pairedDifference(accuracies, baseline);
  const flat = ({ interval, mean, pValue, standardDeviation, t }: PairedDifference) => [
    ...[interval.low, interval.high, mean, pValue, standardDeviation, t],
  ];
  for (const [place, value] of flat(figures).entries()) expect(flat(found)[place]).toBeCloseTo(value, 10);
});

test("one seed tells nothing, and no difference is none", () => {
  expect(pairedDifference([0.5], [0.4])).toMatchObject({ t: Number.NaN, pValue: Number.NaN });
  expect(pairedDifference([0.5, 0.25], [0.5, 0.25])).toMatchObject({ mean: 0, t: 0, pValue: 1 });
  expect(pairedDifference([0.5, 0.25], [0.25, 0])).toMatchObject({ t: Number.POSITIVE_INFINITY, pValue: 0 });
});

test("seeds have to be paired", () => {
  expect(() => pairedDifference([0.5, 0.4], [0.5])).toThrow("got 2 accuracies and 1 of the baseline");
  expect(() => pairedDifference([], [])).toThrow(RangeError);
});
