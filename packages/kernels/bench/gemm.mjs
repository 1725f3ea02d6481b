// Matrix products and attention beside OpenBLAS and beside the machine's limit: `node bench/gemm.mjs [--json] [--threads N] [--rounds N] [--set avx512|avx2|portable|neon]`.
// Compiles bench/gemm.cpp with the flags of binding.gyp into a temporary folder; needs a C++ compiler.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { availableInstructionSets } from "../dist/index.js";

const { values: options } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    threads: { type: "string", default: String(availableParallelism()) },
    rounds: { type: "string", default: "9" },
    set: { type: "string", default: availableInstructionSets().at(-1) },
  },
});

const here = fileURLToPath(new URL(".", import.meta.url));
const gyp = JSON.parse(readFileSync(join(here, "../binding.gyp"), "utf8"));
const targets = [...gyp.targets, ...gyp.conditions.flatMap(([, then]) => then.targets)];
const flags = targets.find((target) => target.target_name === `fast_${options.set}`).cflags;
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
    "native/fast/gemm.cpp",
    "native/fast/attention.cpp",
    "native/fast/attentionBackward.cpp",
    "native/runtime/thread_pool.cpp",
  ];
  execFileSync(
    process.env.CXX ?? "c++",
    [
      "-std=c++17",
      "-O3",
      "-w",
      "-pthread",
      `-DSPLITMASK_SET=${options.set}`,
      ...flags.filter((flag) => flag !== "-fno-exceptions"),
      ...sources,
      "-o",
      program,
      "-ldl",
    ],
    { cwd: join(here, ".."), stdio: ["ignore", "inherit", "inherit"] },
  );
  // OpenBLAS shall choose its kernels by itself, whatever the environment says.
  const { OPENBLAS_CORETYPE, OPENBLAS_L2_SIZE, OPENBLAS_NUM_THREADS, ...environment } = process.env;
  lines = execFileSync(program, [options.threads, options.rounds, libraries[0] ?? "-"], {
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
print(`\n${"work".padEnd(34)} ours GFLOP/s  OpenBLAS  ratio   limit  ratio`);
for (const line of lines) {
  const [work, ...numbers] = line.split("|");
  const [operations, ours, theirs, limit] = numbers.map(Number);
  const speed = (time) => (1e-9 * operations) / time;
  const found = theirs > 0;
  const other = found
    ? `${speed(theirs).toFixed(1).padStart(9)} ${(theirs / ours).toFixed(2).padStart(6)}`
    : `${"–".padStart(9)} ${"–".padStart(6)}`;
  print(
    `${work.padEnd(34)} ${speed(ours).toFixed(1).padStart(12)} ${other} ${speed(limit).toFixed(0).padStart(7)} ${(limit / ours).toFixed(2).padStart(6)}`,
  );
  if (!options.json) continue;
  const row = { work, ours: speed(ours), unit: "GFLOP/s" };
  // Targets: half of OpenBLAS for now.
  if (found) {
    const against = `OpenBLAS ${core}`;
    console.log(
      JSON.stringify({ ...row, against, ratio: theirs / ours, target: 0.5, theirs: speed(theirs) }),
    );
  }
  const against = "multiply-add limit";
  console.log(JSON.stringify({ ...row, against, ratio: limit / ours, target: null, theirs: speed(limit) }));
}
