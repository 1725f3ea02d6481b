// Compiles a C++ program of this folder together with the addon's sources, with the flags that the addon has.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** The compiler: `CXX`, as for the addon, or the machine's own. */
export const compiler = process.env.CXX ?? "c++";

/**
 * What binding.gyp compiles a target with: with other flags the compiler may share out registers otherwise, which is
 * worth a factor of two.
 */
export function flagsOf(target) {
  const gyp = JSON.parse(readFileSync(join(root, "binding.gyp"), "utf8"));
  const targets = [...gyp.targets, ...gyp.conditions.flatMap(([, then]) => then.targets)];
  const { cflags, defines } = targets.find(({ target_name }) => target_name === target);
  const { cflags: common, cflags_cc: language } = gyp.target_defaults;
  return [...language, ...common, ...cflags, ...defines.map((name) => `-D${name}`), "-w"];
}

/**
 * Compiles and links a program, as many sources at a time as there are cores.
 *
 * @param program The path of the program; object files lie beside it.
 * @param parts `[{ sources, flags }]`: sources from the package's folder, and what they are compiled with.
 * @param libraries Flags of the linker.
 */
export async function compileProgram(program, parts, libraries = []) {
  const run = async (flags) => {
    const [status] = await once(spawn(compiler, flags, { cwd: root, stdio: "inherit" }), "close");
    if (status !== 0) throw new Error(`${compiler} ${flags.join(" ")} failed (see above).`);
  };
  const units = parts.flatMap(({ sources, flags }) => sources.map((source) => ({ source, flags })));
  const objects = units.map((_, index) => join(dirname(program), `${index}.o`));
  const waiting = [...units.entries()];
  const workers = Array.from({ length: availableParallelism() }, async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, { source, flags }] = next;
      await run([...flags, "-c", source, "-o", objects[index]]);
    }
  });
  await Promise.all(workers);
  await run([...objects, "-pthread", ...libraries, "-o", program]);
}
