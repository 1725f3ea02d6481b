import type { StudyComparison, StudyResults, StudyValue } from "../studyData.js";
import { percentagePoints } from "./format.js";

const signed = (share: number) => `${share < 0 ? "−" : "+"}${percentagePoints(Math.abs(share))}`;

/** Mean and standard deviation: `"41.2 ± 0.6"`; `"–"` where nothing was measured. */
export function valueText(value: StudyValue | null): string {
  if (value === null || value.mean === null) return "–";
  return value.standardDeviation === null
    ? percentagePoints(value.mean)
    : `${percentagePoints(value.mean)} ± ${percentagePoints(value.standardDeviation)}`;
}

/** A difference with its interval: `"+3.2 (+1.1 to +5.3)"`. */
export function differenceText({ difference, interval }: StudyComparison): string {
  return interval === null
    ? signed(difference)
    : `${signed(difference)} (${signed(interval.low)} to ${signed(interval.high)})`;
}

/** A p-value as people write it. */
export function pValueText(pValue: number | null): string {
  if (pValue === null) return "";
  return pValue < 0.001 ? "p < 0.001" : `p = ${pValue.toFixed(3)}`;
}

/** How to read the tables. */
export function readingNote({ baseline, seeds }: StudyResults): readonly string[] {
  const many = seeds.length === 1 ? "seed" : "seeds";
  return [
    `Accuracy on the test pictures in percent: mean ± standard deviation over ${seeds.length} ${many} ` +
      `(${seeds.join(", ")}).`,
    `Differences from "${baseline}" are paired over the seeds: points, 95 % interval and p-value by Student's t. ` +
      "They cover the chance of training, not the choice of pictures, and are not corrected for the number of rows.",
  ];
}
