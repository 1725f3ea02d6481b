// Matrix products beside OpenBLAS, attention and the vocabulary head, all beside the machine's limit:
//
//   node bench/gemm.mjs [--json] [--threads N] [--rounds N] [--only REGEXP]
//     [--set avx512bf16|avx512|avx2|portable|neon]
//
// Compiles bench/gemm.cpp with the addon's flags into a temporary folder; needs a C++ compiler.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { availableInstructionSets } from "../dist/index.js";
import { flagsOf } from "../scripts/addonParts.mjs";
import { compileProgram } from "./compileProgram.mjs";

const { values: options } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    threads: { type: "string", default: String(availableParallelism()) },
    rounds: { type: "string", default: "3" },
    only: { type: "string", default: "" },
    set: { type: "string", default: availableInstructionSets().at(-1) },
  },
});

const libraries = [
  process.env.SPLITMASK_OPENBLAS,
  "/usr/lib/x86_64-linux-gnu/openblas-pthread/libopenblas.so.0",
  "/usr/lib/aarch64-linux-gnu/openblas-pthread/libopenblas.so.0",
  "/usr/lib/libopenblas.so.0",
  "/opt/homebrew/opt/openblas/lib/libopenblas.dylib",
].filter((path) => path !== undefined && existsSync(path));

const folder = mkdtempSync(join(tmpdir(), "splitmask-bench-"));
let lines;
try {
  const program = join(folder, "gemm");
  const sources = [
    "bench/gemm.cpp",
    "native/fast/products.cpp",
    "native/fast/linearLosses.cpp",
    "native/fast/limits.cpp",
    "native/fast/attention.cpp",
    "native/runtime/caches.cpp",
    "native/runtime/thread_pool.cpp",
  ];
  // The thread pool is of the standard library, which has exceptions.
  const flags = flagsOf(options.set).filter((flag) => flag !== "-fno-exceptions");
  await compileProgram(program, [{ name: options.set, sources, flags }], ["-ldl"]);
  // OpenBLAS shall choose its kernels by itself, whatever the environment says.
  const { OPENBLAS_CORETYPE, OPENBLAS_L2_SIZE, OPENBLAS_NUM_THREADS, ...environment } = process.env;
  lines = execFileSync(program, [options.threads, options.rounds, libraries[0] ?? "-", options.only], {
    env: environment,
    encoding: "utf8",
  })
    .trim()
    .split("\n");
} finally {
  rmSync(folder, { recursive: true, force: true });
}

const core = lines[0].startsWith("core ") ? lines.shift().slice(5) : undefined;
const print = options.json ? () => {} : console.log;
print(
  `${cpus()[0].model}, ${options.threads} threads, ${options.set}; medians of ${options.rounds} alternating rounds`,
);
print(
  core === undefined
    ? "OpenBLAS was not found (SPLITMASK_OPENBLAS=/path/to/libopenblas.so names it)"
    : `OpenBLAS: ${libraries[0]}, core type ${core}`,
);
const geometricMean = (values) =>
  Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
/** For each kind of row: whose time the third one is, and the ratio to reach. */
const kinds = {
  float32: { against: `OpenBLAS ${core}`, target: 0.95 },
  epilogue: { against: `OpenBLAS ${core} without the epilogue`, target: null },
  small: { against: `OpenBLAS ${core}`, target: null },
  batched: { against: `OpenBLAS ${core}, an item at a time`, target: 1 },
  batched1: { against: `OpenBLAS ${core}, a thread an item`, target: null },
  rows: { against: `OpenBLAS ${core}`, target: null },
  bfloat16: { against: "ours in float32", target: 1.7 },
  "attention bfloat16": { against: "ours in float32", target: 1.1 },
  "attentionBackward bfloat16": { against: "ours in float32", target: 1.1 },
  "held bfloat16": { against: "ours of float32 in memory", target: null },
  tails: { against: "ours without tails", target: 0.8 },
  "tails bfloat16": { against: "ours without tails", target: 0.8 },
};
const ratios = {};
print(`\n${"work".padEnd(58)} ours GFLOP/s   theirs  ratio   limit  ratio`);
for (const line of lines) {
  const [kind, name, ...numbers] = line.split("|");
  const work = `${kind === "batched1" ? "batched" : kind} ${name}`;
  const [operations, ours, theirs, limit] = numbers.map(Number);
  const speed = (time) => (1e-9 * operations) / time;
  const found = theirs > 0;
  ratios[kind] ??= { theirs: [], limit: [], largeLimit: [] };
  const list = ratios[kind];
  if (found) list.theirs.push(theirs / ours);
  list.limit.push(limit / ours);
  if (operations >= 2e9) list.largeLimit.push(limit / ours);
  const other = found
    ? `${speed(theirs).toFixed(1).padStart(9)} ${(theirs / ours).toFixed(2).padStart(6)}`
    : `${"–".padStart(9)} ${"–".padStart(6)}`;
  print(
    `${work.padEnd(58)} ${speed(ours).toFixed(1).padStart(12)} ${other} ` +
      `${speed(limit).toFixed(0).padStart(7)} ${(limit / ours).toFixed(2).padStart(6)}`,
  );
  if (!options.json) continue;
  const row = { work, ours: speed(ours), unit: "GFLOP/s" };
  if (found) {
    const { against, target } = kinds[kind];
    console.log(JSON.stringify({ ...row, against, ratio: theirs / ours, target, theirs: speed(theirs) }));
  }
  const against = kind.endsWith("bfloat16") ? "bfloat16 dot limit" : "multiply-add limit";
  console.log(JSON.stringify({ ...row, against, ratio: limit / ours, target: null, theirs: speed(limit) }));
}
print("\ngeometric means");
for (const [kind, { theirs, limit, largeLimit }] of Object.entries(ratios)) {
  const parts = [`${limit.length} rows`, `${geometricMean(limit).toFixed(2)} of the limit`];
  if (largeLimit.length > 0) parts.push(`${geometricMean(largeLimit).toFixed(2)} from 2 GFLOP on`);
  if (theirs.length > 0) parts.push(`${geometricMean(theirs).toFixed(2)} × ${kinds[kind].against}`);
  print(`${kind.padEnd(16)} ${parts.join(", ")}`);
}
