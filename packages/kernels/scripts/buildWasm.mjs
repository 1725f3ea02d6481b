// Compiles the kernels for WebAssembly into build/wasm: splitmask_kernels.wasm for every engine with SIMD, and
// splitmask_kernels_relaxed.wasm for those with relaxed SIMD, whose multiply-add rounds once.
// Zig compiles them, the one of ZIG or of the Python package ziglang. Where there is none, nothing is built and the
// WebAssembly backend is missing; with SPLITMASK_WASM=required that is an error. SPLITMASK_WASM=none builds nothing.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { generate } from "./generate.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const folder = join(root, "build/wasm");
const features = "simd128+atomics+bulk_memory+mutable_globals+nontrapping_fptoint+sign_ext";
const variants = {
  splitmask_kernels: `-mcpu=generic+${features}`,
  splitmask_kernels_relaxed: `-mcpu=generic+${features}+relaxed_simd`,
};

const common = [
  "-target",
  "wasm32-wasi",
  "-O3",
  "-g0",
  "-std=c++17",
  "-fno-exceptions",
  "-fno-rtti",
  "-Inative",
  "-Wall",
];
const groups = [
  {
    folder: "fast",
    flags: ["-DSPLITMASK_SET=portable", "-ffp-contract=fast", "-fno-math-errno", "-Wno-psabi"],
  },
  { folder: "naive", flags: ["-DSPLITMASK_SET=naive", "-ffp-contract=off"] },
  {
    folder: "runtime",
    flags: [],
    only: ["device_blocks", "executor", "memory_pool", "registry", "thread_pool"],
  },
  { folder: "wasm", flags: [] },
];
// JavaScript makes the memory, of 4 MiB to 4 GiB less one page (wasmInstance.ts); each thread is an instance with a
// stack of its own.
const linking = [
  "-mexec-model=reactor",
  "-s",
  "-Wl,--import-memory",
  "-Wl,--shared-memory",
  "-Wl,--initial-memory=4194304",
  "-Wl,-z,stack-size=1048576",
  "-Wl,--max-memory=4294901760",
  "-Wl,--export=__stack_pointer",
  "-Wl,--export=__wasm_init_tls",
  "-Wl,--export=__tls_size",
];

/** The command that runs Zig, or undefined. */
function findZig() {
  const candidates = [process.env.ZIG, "python3 -m ziglang", "python -m ziglang", "zig"].filter(Boolean);
  return candidates
    .map((command) => command.split(" "))
    .find(([program, ...rest]) => spawnSync(program, [...rest, "version"], { stdio: "ignore" }).status === 0);
}

function run([program, ...first], rest) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...first, ...rest], { cwd: root, stdio: "inherit" });
    child.on("error", reject);
    child.on("close", (code) =>
      code === 0 ? resolve() : reject(new Error(`${program} ended with ${code} (see above)`)),
    );
  });
}

/** Runs the jobs, as many at a time as there are cores. */
async function runAll(jobs) {
  const waiting = [...jobs];
  const worker = async () => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) await job();
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
}

const written = (file) => (existsSync(file) ? statSync(file).mtimeMs : 0);

/** When the newest of what every object depends on was written. */
function newestHeader() {
  const headers = readdirSync(join(root, "native"), { recursive: true })
    .filter((name) => /\.(h|def)$/.test(name))
    .map((name) => join(root, "native", name));
  return Math.max(...[...headers, fileURLToPath(import.meta.url)].map(written));
}

async function build(zig) {
  const headers = newestHeader();
  const jobs = [];
  const objects = new Map();
  for (const [name, cpu] of Object.entries(variants)) {
    mkdirSync(join(folder, name), { recursive: true });
    objects.set(name, []);
    for (const group of groups) {
      for (const file of readdirSync(join(root, "native", group.folder)).sort()) {
        const unit = file.replace(/\.cpp$/, "");
        if (unit === file || (group.only && !group.only.includes(unit))) continue;
        const source = join("native", group.folder, file);
        const object = join(folder, name, `${group.folder}_${unit}.o`);
        objects.get(name).push(object);
        if (written(object) > Math.max(headers, written(join(root, source)))) continue;
        const flags = [...common, cpu, ...group.flags, "-c", source, "-o", object];
        jobs.push(() => run(zig, ["c++", ...flags]));
      }
    }
  }
  await runAll(jobs);
  for (const [name, cpu] of Object.entries(variants)) {
    const output = join(folder, `${name}.wasm`);
    const inputs = objects.get(name);
    if (written(output) > Math.max(...inputs.map(written))) continue;
    rmSync(output, { force: true });
    await run(zig, ["c++", "-target", "wasm32-wasi", "-O3", cpu, ...linking, ...inputs, "-o", output]);
    console.log(`@splitmask/kernels: ${relative(root, output)}, ${statSync(output).size} bytes`);
  }
}

if (process.env.SPLITMASK_WASM === "none") process.exit(0);
await generate();
const zig = findZig();
if (zig === undefined) {
  const advice = "python3 -m pip install ziglang==0.17.1, or set ZIG to its command";
  console.log(`@splitmask/kernels: the WebAssembly backend is not built, for there is no Zig (${advice})`);
  process.exit(process.env.SPLITMASK_WASM === "required" ? 1 : 0);
}
const started = Date.now();
await build(zig);
console.log(
  `@splitmask/kernels: the WebAssembly backend is up to date (${((Date.now() - started) / 1000).toFixed(1)} s)`,
);
