import { spawnSync } from "node:child_process";

/**
 * Runs a program.
 * @returns what it wrote to its standard output
 * @throws Error with all that it wrote, when it fails
 */
export function run(program, programArguments, options = {}) {
  const child = spawnSync(program, programArguments, {
    encoding: "utf8",
    shell: process.platform === "win32",
    maxBuffer: 1e8,
    ...options,
  });
  if (child.status === 0) return child.stdout;
  throw new Error(
    `${program} ${programArguments.join(" ")}\n${child.stdout ?? ""}${child.stderr ?? ""}${child.error ?? ""}`,
  );
}
