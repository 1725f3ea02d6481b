// Shapes with tails beside the nearest shapes without: operations a second of the same step.
import { stepOperations, tiny16 } from "./models.mjs";
import { nodeSide } from "./starts.mjs";

// An odd number of patches has no halves that are each other's rest, so both sides draw patches one by one.
const even = { ...tiny16, batch: 16, split: "uniform" };
const odd = [
  { ...even, name: "15×15 patches", imageSize: 240 },
  { ...even, name: "width 200, 4 heads of 50", width: 200, heads: 4 },
  { ...even, name: "15×15 patches, width 200, 4 heads of 50", imageSize: 240, width: 200, heads: 4 },
];
const against = "ours, 14×14 patches, width 192, 3 heads of 64";

/** @param {number} threads */
export function tailComparisons(threads) {
  return odd.map((model) => {
    const work = `SplitMask step, ${model.name}, batch ${model.batch}, float32`;
    return {
      work,
      against: [against],
      async run(measure) {
        const start = (settings) => ({
          start: nodeSide("sides/splitmask.mjs", { ...settings, threads, precision: "float32" }),
        });
        const results = await measure({ tails: start(model), even: start(even) });
        const speed = (settings, { seconds }) =>
          seconds === null ? null : stepOperations(settings) / seconds / 1e9;
        const [ours, theirs] = [speed(model, results.tails), speed(even, results.even)];
        return [{ work, against, target: 0.8, ours, theirs, unit: "GFLOP/s", note: results.tails.note }];
      },
    };
  });
}
