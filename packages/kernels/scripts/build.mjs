#!/usr/bin/env node
// Compiles the native addon into build/Release. It is called explicitly (`pnpm build`, or by its path where no prebuilt
// binary fits); there is no install script. Options: --force compiles although nothing changed;
// --debug keeps symbols; --prebuild also puts the binary into prebuilds/, where the package carries it to machines of
// the same kind.
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { generate } from "./generate.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const binary = join(root, "build/Release/splitmask_kernels.node");
const sourceListFile = join(root, "build/sources.txt");

/** Every file that the addon is made of. */
function sources() {
  const native = readdirSync(join(root, "native"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(cpp|h|def)$/.test(entry.name))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
  return [...native, join(root, "binding.gyp")].sort();
}

function isUpToDate(files) {
  if (!existsSync(binary)) return false;
  const built = statSync(binary).mtimeMs;
  return files.every((file) => statSync(file).mtimeMs <= built);
}

/** The first of the commands that answers to --version, or undefined. */
function findCommand(commands) {
  return commands.find((command) => spawnSync(command, ["--version"], { stdio: "ignore" }).status === 0);
}

function fail(text) {
  console.error(`@splitmask/kernels: ${text}`);
  process.exit(1);
}

/** With --prebuild: a copy under the name that node-gyp-build looks for. */
function keepPrebuilt() {
  if (!process.argv.includes("--prebuild")) return;
  const { glibcVersionRuntime } = process.report.getReport().header;
  const libc = process.platform !== "linux" ? "" : glibcVersionRuntime ? ".glibc" : ".musl";
  const file = join(
    root,
    "prebuilds",
    `${process.platform}-${process.arch}`,
    `splitmask_kernels.napi${libc}.node`,
  );
  mkdirSync(dirname(file), { recursive: true });
  copyFileSync(binary, file);
  console.log(`@splitmask/kernels: wrote ${relative(root, file)}`);
}

function findNodeGyp() {
  const bases = [
    import.meta.url,
    process.execPath,
    join(dirname(process.execPath), "../lib/node_modules/npm/package.json"),
  ];
  for (const base of bases) {
    try {
      return createRequire(base).resolve("node-gyp/bin/node-gyp.js");
    } catch {
      // the next place
    }
  }
  return fail(
    "node-gyp was not found. Install it beside this package (npm install --save-dev node-gyp) and try again.",
  );
}

await generate().catch((error) => fail(error.message));
const files = sources();
const isForced = process.argv.includes("--force");
if (!isForced && isUpToDate(files)) {
  console.log("@splitmask/kernels: the native addon is up to date");
  keepPrebuilt();
  process.exit(0);
}

const missing = [
  findCommand([process.env.CXX, "c++", "g++", "clang++"].filter(Boolean))
    ? ""
    : "a C++17 compiler (g++ 12 or clang 11, or newer)",
  findCommand(["make", "gmake"]) ? "" : "make",
  findCommand([process.env.PYTHON, "python3", "python"].filter(Boolean)) ? "" : "python3 (for node-gyp)",
].filter(Boolean);
if (missing.length > 0) {
  fail(
    `the native addon cannot be compiled: ${missing.join(", ")} not found.\n` +
      "  Debian, Ubuntu: apt install g++ make python3;  Fedora: dnf install gcc-c++ make python3;  " +
      "Alpine: apk add g++ make python3;  macOS: xcode-select --install\n" +
      `  Then run this once more: node ${fileURLToPath(import.meta.url)}`,
  );
}

// Makefiles too: those of a copied folder name the other one's files.
if (isForced) rmSync(join(root, "build"), { recursive: true, force: true });

// npm and pnpm hand their own settings down as npm_config_*; node-gyp would take some of them for its own.
const environment = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) =>
      !/^npm_config_/i.test(name) ||
      /^npm_config_(nodedir|disturl|cache|proxy|https_proxy|noproxy|cafile)$/i.test(name),
  ),
);
environment.MAKEFLAGS = "-s";
const nodeGyp = findNodeGyp();
const prefix = join(dirname(process.execPath), "..");
const flags = [`--jobs=${availableParallelism()}`];
// Node's own headers where they came with it: then the build needs no network.
if (existsSync(join(prefix, "include/node/node_api.h"))) flags.push(`--nodedir=${prefix}`);
if (process.argv.includes("--debug")) environment.CXXFLAGS = `${environment.CXXFLAGS ?? ""} -g`;

// The list of files is read when the makefiles are made, so a new file asks for new makefiles.
const sourceList = `${[process.execPath, ...files.map((file) => relative(root, file))].join("\n")}\n`;
const sameList = existsSync(sourceListFile) && readFileSync(sourceListFile, "utf8") === sourceList;
const steps = sameList && existsSync(join(root, "build/Makefile")) ? ["build"] : ["configure", "build"];
for (const step of steps) {
  const started = Date.now();
  const result = spawnSync(process.execPath, [nodeGyp, step, "--silent", ...flags], {
    cwd: root,
    env: environment,
    stdio: "inherit",
  });
  if (result.status !== 0) {
    fail(`node-gyp ${step} failed (see above). Set CXX to use another compiler; --force starts afresh.`);
  }
  if (step === "configure") {
    mkdirSync(dirname(sourceListFile), { recursive: true });
    writeFileSync(sourceListFile, sourceList);
  } else {
    console.log(
      `@splitmask/kernels: compiled the native addon in ${((Date.now() - started) / 1000).toFixed(1)} s`,
    );
  }
}
keepPrebuilt();
