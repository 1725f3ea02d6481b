// Attention beside PyTorch's scaled_dot_product_attention and beside the limit.
import { nodeSide, torchSide } from "./starts.mjs";
import { obstacleTo } from "./stepComparisons.mjs";

/** Halves and wholes of pictures of 196 and 64 patches, as the models of the table have them. */
const shapes = [
  { batch: 64, tokens: 98, heads: 3, headWidth: 64 },
  { batch: 32, tokens: 196, heads: 3, headWidth: 64 },
  { batch: 32, tokens: 98, heads: 6, headWidth: 64 },
  { batch: 256, tokens: 32, heads: 4, headWidth: 32 },
];
const against = "PyTorch's scaled_dot_product_attention";

/** Forward two products over all pairs of tokens, backward five. */
const operationsOf = ({ batch, tokens, heads, headWidth }) => 7 * 2 * batch * heads * tokens ** 2 * headWidth;

/** @param {number} threads */
export function attentionComparisons(threads) {
  return ["float32", "bfloat16"].flatMap((precision) =>
    shapes.map((shape) => {
      const { batch, tokens, heads, headWidth } = shape;
      const work = `attention and its gradient, ${[batch, tokens, heads, headWidth].join("×")}, ${precision}`;
      const limit = `the limit of ${precision}`;
      const operations = operationsOf(shape);
      return {
        work,
        against: [against, limit],
        async run(measure) {
          const row = (ours, theirs, whose, target) => {
            const speed = ({ seconds }) => (seconds === null ? null : operations / seconds / 1e9);
            return {
              ...{ work, against: whose, target, unit: "GFLOP/s", note: ours.note ?? theirs.note },
              ...{ ours: speed(ours), theirs: speed(theirs) },
            };
          };
          const obstacle = obstacleTo(precision);
          if (obstacle !== null) {
            const nothing = { seconds: null, note: obstacle };
            return [row(nothing, nothing, against, 1.3)];
          }
          const settings = { ...shape, precision, threads };
          const results = await measure({
            ours: { start: nodeSide("sides/attention.mjs", settings) },
            theirs: { start: torchSide("../tools/reference/bench_attention.py", settings, true) },
            limit: { start: nodeSide("sides/limit.mjs", { operations, precision, threads }) },
          });
          return [
            row(results.ours, results.theirs, against, 1.3),
            row(results.ours, results.limit, limit, null),
          ];
        },
      };
    }),
  );
}
