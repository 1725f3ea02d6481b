// Builds the native addon for every platform on one machine, with zig's C++ compiler:
//
//   node tools/release/buildBinaries.mjs [linux-x64 darwin-arm64 …]
//
// writes tools/release/binaries/<target>/splitmask_kernels.node. Needs the TypeScript compiled (`npm run build`) and
// zig (`pip install ziglang==0.17.1`; `ZIG` names it otherwise). What did not change is not compiled again.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compileAddon } from "../../packages/kernels/scripts/compile.mjs";
import { generate } from "../../packages/kernels/scripts/generate.mjs";
import { binaryOf, platforms } from "./platforms.mjs";
import { findZig } from "./zig.mjs";

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => platforms.every(({ target }) => target !== name));
if (unknown.length > 0) {
  const known = platforms.map(({ target }) => target);
  console.error(`buildBinaries.mjs: got ${unknown.join(", ")}; expected some of ${known.join(", ")}.`);
  process.exit(2);
}

const zig = findZig();
await generate();
for (const platform of platforms) {
  const { target, os, cpu, zigTarget } = platform;
  if (asked.length > 0 && !asked.includes(target)) continue;
  const started = performance.now();
  const compiled = await compileAddon({
    output: binaryOf(platform),
    folder: join(fileURLToPath(new URL("objects", import.meta.url)), target),
    compiler: [...zig, "c++", "-target", zigTarget],
    os,
    cpu,
    // Without symbols: they are half of the file.
    libraries: ["-s"],
  });
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  console.log(`${target}: ${compiled ? `built in ${seconds} s` : "is up to date"}`);
}
