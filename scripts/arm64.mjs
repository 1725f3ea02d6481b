// Builds the native addon for arm64 with a cross compiler (warnings are errors) and runs tests of the kernels on it
// under emulation, so that NEON stays right where no such machine is at hand. `node scripts/arm64.mjs` runs the quick
// ones that CI runs; `--all` every one that starts no program of its own; names of test files, e.g. `gemm maths`,
// those. What is missing on this machine (compiler, emulator, network) is said, and that much is not checked.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compileAddon } from "../packages/kernels/scripts/compile.mjs";
import { foreignNode } from "../tools/release/foreignNode.mjs";
import { kernelTests, runKernelTests } from "../tools/release/kernelTests.mjs";

const cache = fileURLToPath(new URL("../node_modules/.cache/arm64", import.meta.url));
const compiler = "aarch64-linux-gnu-g++";

/**
 * What is most likely to go wrong with another vector width, done in some two minutes of two cores; the longest first.
 */
const quickTests = ["gemm", "maths", "attention", "losses", "gemmArgmax"];

/** Leaves with the reason why no more than this is checked. */
function stop(reason) {
  console.log(`arm64: ${reason}`);
  process.exit(0);
}

const asked = process.argv.slice(2);
const names = asked.length === 0 ? quickTests : asked[0] === "--all" ? kernelTests : asked;
const unknown = names.filter((name) => !kernelTests.includes(name));
if (unknown.length > 0) {
  console.error(
    `arm64: there is no test ${unknown.join(", ")}; expected --all or some of ${kernelTests.join(", ")}`,
  );
  process.exit(2);
}

if (spawnSync(compiler, ["--version"], { stdio: "ignore" }).status !== 0)
  stop(`${compiler} is not installed (Debian: apt install g++-aarch64-linux-gnu): nothing was checked`);
const output = join(cache, "splitmask_kernels.node");
await compileAddon({
  output,
  folder: join(cache, "objects"),
  compiler: [compiler],
  os: "linux",
  cpu: "arm64",
  flags: ["-Werror"],
});
const node = foreignNode("linux-arm64");
if (node.missing !== undefined) stop(`the addon compiles; ${node.missing}: no test ran`);
const environment = { SPLITMASK_INSTRUCTION_SET: "neon" };
const failures = await runKernelTests({ label: "arm64", names, node, binary: output, environment });
process.exitCode = failures === 0 ? 0 : 1;
