// Versions of Node.js, Bun and Deno, which npm has as packages.
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const ending = process.platform === "win32" ? ".exe" : "";

/** Whether a name, such as `22.12.0`, is a version of Node.js. */
export const isNodeVersion = (name) => /^\d/.test(name);

function packageOf(name) {
  if (!isNodeVersion(name)) return name;
  const system = process.platform === "win32" ? "win" : process.platform;
  return `runtime@npm:node-${system}-${process.arch}@${name}`;
}

/** The program, in the folder of modules, and what comes before the file that it runs. */
function runtimeIn(modules, name) {
  const onlyIn = (scope) => join(modules, scope, readdirSync(join(modules, scope))[0]);
  if (name.startsWith("bun@")) return { program: join(onlyIn("@oven"), "bin", `bun${ending}`), prefix: [] };
  if (name.startsWith("deno@")) {
    const prefix = ["run", "-A", "--node-modules-dir=manual"];
    return { program: join(onlyIn("@deno"), `deno${ending}`), prefix };
  }
  return { program: join(modules, "runtime", "bin", `node${ending}`), prefix: [] };
}

/**
 * Brings a runtime into `folder`: a version of Node.js, `bun@…` or `deno@…`.
 *
 * @param npm Runs npm with these arguments in a folder.
 * @returns the path of its program, and the arguments that come before the file that it is to run
 */
export function installRuntime(name, folder, npm) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), `${JSON.stringify({ private: true })}\n`);
  npm(["install", packageOf(name)], folder);
  const runtime = runtimeIn(join(folder, "node_modules"), name);
  chmodSync(runtime.program, 0o755); // Bun's and Deno's install scripts do that
  return runtime;
}
