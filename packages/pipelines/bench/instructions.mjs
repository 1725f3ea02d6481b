// Whether the kernels take more instructions for a training step than they did: `node bench/instructions.mjs
// [--write]`. One step of each of three small models is made on a dry device, and its kernels are run where
// instructions are counted (packages/kernels/bench/instructionCounts.mjs). The counts are compared with those of
// instructions.json, which --write brings up to date. Prints each model's sum and every kernel whose count is another;
// exits with 1 where one is too high.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { arrayDataset } from "@splitmask/data";
import { createDevice } from "@splitmask/kernels";
import { profileSteps } from "@splitmask/trainer";
import ndarray from "ndarray";
import { compilerVersion, countInstructions, obstacle } from "../../kernels/bench/instructionCounts.mjs";
import { anyMachine } from "../dist/machine/benchStep.js";
import { anyColors } from "../dist/settings/normalization.js";
import { decideSettings } from "../dist/training/pretrain.js";
import { pretrainingStep, trainingLoop } from "../dist/training/runStep.js";

const file = fileURLToPath(new URL("instructions.json", import.meta.url));

/**
 * 36 patches, of which an encoder sees 18 or 9: the kernels' vectors and tiles do not fit into them. Crops and flips
 * alone, because what the colors take depends on what arrays hold, and replayed calls have arrays of their own.
 */
const common = {
  ...{ imageSize: 48, patch: 8, depth: 2, batch: 2, steps: 100 },
  ...{ colorJitter: 0, grayscale: 0, blur: 0, solarize: 0 },
};
const models = {
  "SplitMask, width 96": { ...common, method: "splitmask", width: 96, heads: 3, vocabulary: 512 },
  "SplitMask, width 128, bfloat16": {
    ...{ ...common, method: "splitmask", width: 128, heads: 4, vocabulary: 512 },
    precision: "bfloat16",
  },
  "MAE, width 96": { ...common, method: "mae", width: 96, heads: 3 },
};

/**
 * How many times the file's count a model's sum may be, with the compiler that made the file and with another. Clang
 * 16's sums are 0.991 to 1.014 of GCC 12's, but its counts of single kernels are 0.7 to 1.7 of them.
 */
const margins = { same: 1.02, other: 1.05 };
/** With the same compiler, kernels that take this share of a model's instructions are held to the margin themselves. */
const ownShare = 0.01;

/** The kernels of one step of a model. */
async function stepOf(given) {
  const side = 56;
  const { config, method } = await decideSettings(given, { count: 1_000_000, shortSide: side }, anyMachine);
  const settings = { ...config, ...anyColors };
  const step = pretrainingStep(method);
  const picture = ndarray(new Uint8Array(3 * side * side), [side, side, 3]);
  const dataset = arrayDataset(Array.from({ length: config.batch }, () => picture));
  const device = createDevice({ backend: "dry", threads: 1 });
  const batches = step.batches(device, dataset, settings);
  try {
    const task = step.create(device, settings, await step.standIn(device, settings));
    const { profile } = await profileSteps({
      ...trainingLoop(config, step),
      ...{ device, batches, task },
      ...{ warmUpSteps: 1, timedSteps: 1, profiledSteps: 1 },
    });
    return profile.calls.filter(({ kind }) => kind === "kernel");
  } finally {
    batches.close();
    device.close();
  }
}

const sumOf = (counts) => Object.values(counts).reduce((sum, count) => sum + count, 0);
const row = (name, count, ratio) =>
  console.log(
    `${name.padEnd(48)} ${count.toLocaleString("en").padStart(12)} ${ratio.toFixed(4).padStart(8)}`,
  );

/** Prints how a model's counts compare with the file's. Returns what is too high. */
function compare(model, counts, before, isSameCompiler) {
  const margin = isSameCompiler ? margins.same : margins.other;
  const [sum, sumBefore] = [sumOf(counts), sumOf(before)];
  row(`instructions: ${model}`, sum, sum / sumBefore);
  const tooHigh = sum <= margin * sumBefore ? [] : [model];
  for (const kernel of new Set([...Object.keys(before), ...Object.keys(counts)])) {
    const [count, countBefore] = [counts[kernel] ?? 0, before[kernel] ?? 0];
    if (count === countBefore) continue;
    row(`  ${kernel}`, count, count / countBefore);
    const isHeld = isSameCompiler && count >= ownShare * sumBefore;
    if (isHeld && count > margin * countBefore) tooHigh.push(`${kernel} of ${model}`);
  }
  return tooHigh;
}

const { values: options } = parseArgs({ options: { write: { type: "boolean", default: false } } });
const reason = obstacle();
if (reason !== null) {
  console.log(`instructions: ${reason}: nothing was counted`);
  process.exit(0);
}
const calls = [];
for (const [model, given] of Object.entries(models))
  for (const call of await stepOf(given)) calls.push({ model, ...call });
const counted = Object.fromEntries(Object.keys(models).map((model) => [model, {}]));
for (const [index, count] of (await countInstructions(calls)).entries()) {
  const { kernel, model } = calls[index];
  counted[model][kernel] = (counted[model][kernel] ?? 0) + count;
}
for (const [model, counts] of Object.entries(counted))
  counted[model] = Object.fromEntries(Object.entries(counts).sort(([, a], [, b]) => b - a));
const compiler = compilerVersion();
const before = JSON.parse(readFileSync(file, "utf8"));
if (options.write) writeFileSync(file, `${JSON.stringify({ compiler, models: counted }, null, 2)}\n`);
const isSameCompiler = compiler === before.compiler;
if (!isSameCompiler)
  console.log(
    `instructions: this is ${compiler}, the file's counts are of ${before.compiler}: only sums are held`,
  );
const tooHigh = Object.entries(counted).flatMap(([model, counts]) =>
  compare(model, counts, before.models[model] ?? {}, isSameCompiler),
);
if (tooHigh.length > 0 && !options.write) {
  console.log(
    `instructions: too many for ${tooHigh.join("; ")}. ` +
      "Where they are worth it: node packages/pipelines/bench/instructions.mjs --write",
  );
  process.exitCode = 1;
}
