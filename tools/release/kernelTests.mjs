// Runs the tests of packages/kernels with a given binary under a given Node.js.
import { spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const kernels = join(root, "packages/kernels");

const startsPrograms = (file) =>
  /child_process|runProgram/.test(readFileSync(join(kernels, "test", file), "utf8"));

/** The tests that start no program of their own, which an emulator could not run. */
export const kernelTests = readdirSync(join(kernels, "test"))
  .filter((file) => file.endsWith(".test.ts") && !startsPrograms(file))
  .map((file) => file.replace(".test.ts", ""));

/**
 * Runs Node.js in packages/kernels with a binary of the addon.
 *
 * @param node `{ command, environment }`, as foreignNode gives it.
 * @returns what it wrote, and whether it succeeded
 */
export async function runWithBinary(node, binary, nodeArguments, environment = {}) {
  const folder = mkdtempSync(join(tmpdir(), "splitmask-run-"));
  const outputFile = join(folder, "output");
  // A file, because a program under Wine cannot write into a pipe.
  const output = openSync(outputFile, "w");
  const [program, ...words] = node.command;
  try {
    const status = await new Promise((resolve) => {
      const child = spawn(program, [...words, ...nodeArguments], {
        cwd: kernels,
        stdio: ["ignore", output, output],
        env: { ...process.env, ...node.environment, ...environment, SPLITMASK_KERNELS_BINARY: binary },
      });
      child.once("error", (error) => resolve(String(error)));
      child.once("close", resolve);
    });
    const text = readFileSync(outputFile, "utf8");
    return { succeeded: status === 0, output: status === 0 ? text : `${text}\nended with ${status}` };
  } finally {
    closeSync(output);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs tests by name, as many at a time as there are cores, and prints what becomes of each. @returns failures */
export async function runKernelTests({ label, names, node, binary, environment }) {
  const waiting = [...names];
  let failures = 0;
  const workers = Array.from({ length: availableParallelism() }, async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const started = performance.now();
      const jest = [
        "--experimental-vm-modules",
        "--no-warnings",
        join(root, "node_modules/jest/bin/jest.js"),
      ];
      const options = ["--config", join(root, "jest.config.mjs"), "--rootDir", "."];
      const run = [...jest, ...options, `test/${name}.test.ts`];
      const { succeeded, output } = await runWithBinary(node, binary, run, environment);
      const seconds = ((performance.now() - started) / 1000).toFixed(0);
      if (!succeeded) {
        failures += 1;
        console.error(output);
      }
      console.log(`${label}: ${name} ${succeeded ? "holds" : "FAILED"} (${seconds} s)`);
    }
  });
  await Promise.all(workers);
  return failures;
}
