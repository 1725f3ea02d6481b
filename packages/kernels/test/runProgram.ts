import { spawnSync } from "node:child_process";

/** Where the built package is, as a string literal for a program's import. */
export const entry = JSON.stringify(import.meta.resolve("@splitmask/kernels"));

/** Runs a program, which has createDevice, in a process of its own; it has to end by itself. */
export function runProgram(code: string, environment: Readonly<Record<string, string>> = {}) {
  const child = spawnSync(
    process.execPath,
    ["--input-type=module", "--eval", `import { createDevice } from ${entry};\n${code}`],
    { encoding: "utf8", timeout: 1_200_000, env: { ...process.env, ...environment } },
  );
  const { status, stdout, stderr } = child;
  return { status, stdout, stderr };
}
