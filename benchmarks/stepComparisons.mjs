// The SplitMask step beside PyTorch's: speed and memory.
import { availableInstructionSets } from "@splitmask/kernels";
import { narrow8, parameterCount, small16, stepOperations, tiny4, tiny16 } from "./models.mjs";
import { nodeSide, torchSide } from "./starts.mjs";

const script = "../tools/reference/bench_step.py";
const best = "PyTorch at its best";
const floor = "the step's operations at the limit of";

/**
 * The models with the ratios to reach in either precision: against PyTorch at its best, and of the limit; and against
 * PyTorch as installed (null: only its memory counts).
 */
const targets = [
  { model: tiny16, installed: 4, best: 1.4, limit: { float32: 0.8, bfloat16: 0.6 } },
  { model: small16, installed: null, best: 1.4, limit: { float32: 0.8, bfloat16: 0.6 } },
  { model: tiny4, installed: null, best: 1.4, limit: { float32: 0.8, bfloat16: 0.6 } },
  { model: narrow8, installed: null, best: 1.6, limit: { float32: 0.7, bfloat16: 0.6 } },
];

/**
 * Why a precision cannot be compared here; null: it can. Where the CPU has to imitate bfloat16, a step of PyTorch takes
 * minutes.
 */
export const obstacleTo = (precision) =>
  precision === "bfloat16" && !availableInstructionSets().includes("avx512bf16")
    ? "this CPU has no bfloat16 dot instruction (AVX512-BF16)"
    : null;

/** Throws unless all sides trained the same model on the same task. */
export function checkSameWork(model, results) {
  for (const [name, { seconds, information }] of Object.entries(results)) {
    if (seconds === null || information.parameters === undefined) continue;
    const expected = parameterCount(model);
    if (information.parameters !== expected) {
      throw new Error(
        `${model.name}: the model of ${name} has ${information.parameters} parameters; expected ${expected}.`,
      );
    }
    // Before the first step nothing is known: ln V for the words and ln B for the match, and a little for the spread of
    // the first logits.
    const blind = Math.log(model.vocabulary) + Math.log(model.batch);
    if (!(Math.abs(information.loss / blind - 1) < 0.05)) {
      throw new Error(
        `${model.name}: the first loss of ${name} is ${information.loss}; ` +
          `expected about ${blind.toFixed(2)}, ln vocabulary + ln batch.`,
      );
    }
  }
}

/** The faster of PyTorch's two ways, and what both did. */
function fasterOf(results, speed) {
  const ways = ["eager", "compiled"].filter((way) => results[way].seconds !== null);
  if (ways.length === 0) return { ...results.eager, against: best };
  const way = ways.reduce((a, b) => (results[a].seconds <= results[b].seconds ? a : b));
  const rest = ways
    .filter((other) => other !== way)
    .map((other) => `; ${other}: ${speed(results[other]).toFixed(1)}`);
  return { ...results[way], against: `${best} (${way}${rest.join("")})` };
}

function stepComparison(target, precision, threads) {
  const { model } = target;
  const settings = { ...model, precision, threads };
  const work = `SplitMask step, ${model.name}, batch ${model.batch}, ${precision}`;
  const single = precision === "float32";
  const sides = {
    ours: { start: nodeSide("sides/splitmask.mjs", settings) },
    eager: { start: torchSide(script, { ...settings, compiled: false }, true) },
    compiled: { start: torchSide(script, { ...settings, compiled: true }, true) },
  };
  sides.limit = {
    start: nodeSide("sides/limit.mjs", { operations: stepOperations(model), precision, threads }),
  };
  if (single) {
    sides.installed = { start: torchSide(script, { ...settings, compiled: false }, false) };
    if (target.installed === null) sides.installed.rounds = 1;
  }
  const speed = ({ seconds }) => (seconds === null ? null : model.batch / seconds);
  const row = (ours, theirs, against, goal) => ({
    work,
    against,
    target: goal,
    ours: speed(ours),
    theirs: speed(theirs),
    unit: "pictures/s",
    note: ours.note ?? theirs.note,
  });
  const ownFloor = `${floor} ${precision}`;
  const bestRow = (ours, theirs, against) => row(ours, theirs, against, target.best);
  const floorRow = (ours, theirs) => row(ours, theirs, ownFloor, target.limit[precision]);
  const obstacle = obstacleTo(precision);
  return {
    work,
    against: [best, ownFloor, ...(single ? ["PyTorch as installed", "peak memory"] : [])],
    async run(measure) {
      if (obstacle !== null) {
        const nothing = { seconds: null, note: obstacle };
        return [bestRow(nothing, nothing, best), floorRow(nothing, nothing)];
      }
      const results = await measure(sides);
      checkSameWork(model, results);
      const { ours, installed } = results;
      const faster = fasterOf(results, speed);
      const rows = [];
      if (single && target.installed !== null) {
        rows.push(row(ours, installed, "PyTorch as installed", target.installed));
      }
      rows.push(bestRow(ours, faster, faster.against), floorRow(ours, results.limit));
      if (single) {
        const mebibytes = ({ peakBytes }) => (peakBytes === null ? null : peakBytes / 2 ** 20);
        rows.push({
          work: `peak memory, ${model.name}, batch ${model.batch}, float32`,
          against: "PyTorch as installed",
          target: 0.4,
          atMost: true,
          ours: mebibytes(ours),
          theirs: mebibytes(installed),
          unit: "MiB",
          note: installed.note,
        });
      }
      return rows;
    },
  };
}

/** @param {number} threads */
export function stepComparisons(threads) {
  return ["float32", "bfloat16"].flatMap((precision) =>
    targets.map((target) => stepComparison(target, precision, threads)),
  );
}
