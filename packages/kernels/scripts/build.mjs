#!/usr/bin/env node
// Compiles the native addon for this machine into build/Release. It is called explicitly (`npm run build`, or by its
// path where no prebuilt binary fits); there is no install script. Options: --force compiles although nothing changed;
// --debug keeps symbols. CXX names the compiler, CXXFLAGS further flags. With SPLITMASK_ADDON=this-cpu the instruction
// sets that this machine would not choose are left out, which takes three quarters of the time.
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { unusedSets } from "./addonParts.mjs";
import { compileAddon } from "./compile.mjs";
import { generate } from "./generate.mjs";

const build = fileURLToPath(new URL("../build", import.meta.url));
const words = (text = "") => text.split(/\s+/).filter(Boolean);

function fail(text) {
  console.error(`@splitmask/kernels: ${text}`);
  process.exit(1);
}

const compiler = [words(process.env.CXX), ["c++"], ["g++"], ["clang++"]].find(
  ([program, ...rest]) =>
    program !== undefined && spawnSync(program, [...rest, "--version"], { stdio: "ignore" }).status === 0,
);
if (compiler === undefined) {
  fail(
    "the native addon cannot be compiled: a C++17 compiler (g++ 12 or clang 11, or newer) was not found.\n" +
      "  Debian, Ubuntu: apt install g++;  Fedora: dnf install gcc-c++;  Alpine: apk add g++;  " +
      "macOS: xcode-select --install\n" +
      `  Then run this once more: node ${fileURLToPath(import.meta.url)}`,
  );
}

await generate().catch((error) => fail(error.message));
/** What the compiler defines for this machine's CPU. */
function machineMacros() {
  const [program, ...rest] = compiler;
  const asked = [...rest, "-march=native", "-dM", "-E", "-x", "c++", "-"];
  return spawnSync(program, asked, { input: "", encoding: "utf8" }).stdout ?? "";
}

if (process.argv.includes("--force")) rmSync(build, { recursive: true, force: true });
const started = Date.now();
try {
  const compiled = await compileAddon({
    output: join(build, "Release/splitmask_kernels.node"),
    folder: join(build, "objects"),
    compiler,
    os: process.platform,
    cpu: process.arch,
    without: process.env.SPLITMASK_ADDON === "this-cpu" ? unusedSets(machineMacros()) : [],
    flags: [...(process.argv.includes("--debug") ? ["-g"] : []), ...words(process.env.CXXFLAGS)],
    libraries: process.platform === "darwin" ? ["-mmacosx-version-min=11.0"] : [],
  });
  console.log(
    compiled
      ? `@splitmask/kernels: compiled the native addon in ${((Date.now() - started) / 1000).toFixed(1)} s`
      : "@splitmask/kernels: the native addon is up to date",
  );
} catch (error) {
  fail(`${error.message} Set CXX to use another compiler; --force starts afresh.`);
}
