// Compiles and links C++: as many sources at a time as there are cores, and only what changed since the last time.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { partsOf } from "./addonParts.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const require = createRequire(import.meta.url);

async function run([program, ...words]) {
  const child = spawn(program, words, { cwd: root, stdio: "inherit" });
  const [status] = await Promise.race([
    once(child, "close"),
    once(child, "error").then(([error]) => Promise.reject(error)),
  ]);
  if (status !== 0) throw new Error(`${[program, ...words].join(" ")} failed (see above).`);
}

/** The files that an object was made of, from the rules for make that the compiler wrote. */
const dependenciesOf = (file) =>
  readFileSync(file, "utf8")
    .replaceAll("\\\n", " ")
    .replace(/^.*?\.o:/, "")
    .trim()
    .split(/(?<!\\)\s+/)
    .map((path) => path.replaceAll("\\ ", " "));

const timeOf = (file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY;

/**
 * Compiles and links.
 *
 * @param output The program or library; objects and what is known about them are kept in `folder`.
 * @param parts `[{ name, sources, flags }]`: sources from the package's folder.
 * @param compiler The command of the compiler, as a list of words.
 * @param libraries Flags of the linker.
 * @returns whether anything had to be done
 */
export async function compile({ output, folder, parts, compiler, libraries = [] }) {
  mkdirSync(folder, { recursive: true });
  mkdirSync(dirname(output), { recursive: true });
  const recordFile = join(folder, "commands.json");
  const record = existsSync(recordFile) ? JSON.parse(readFileSync(recordFile, "utf8")) : {};
  const version = spawnSync(compiler[0], [...compiler.slice(1), "--version"], { encoding: "utf8" }).stdout;
  const units = parts.flatMap(({ name, sources, flags }) =>
    sources.map((source) => {
      const object = join(folder, `${name}-${basename(source, ".cpp")}.o`);
      const rule = object.replace(/o$/, "d");
      const command = [...compiler, ...flags, "-c", source, "-o", object, "-MMD", "-MF", rule];
      return { object, rule, command, identity: [version, ...command].join(" ") };
    }),
  );
  const isFresh = ({ object, rule, identity }) => {
    if (record[object] !== identity || !existsSync(object) || !existsSync(rule)) return false;
    const made = statSync(object).mtimeMs;
    return dependenciesOf(rule).every((path) => timeOf(resolve(root, path)) <= made);
  };
  const waiting = units.filter((unit) => !isFresh(unit));
  const linked = [...units.map(({ identity }) => identity), ...libraries].join();
  const isLinked = record[output] === linked && existsSync(output);
  if (waiting.length === 0 && isLinked) return false;
  delete record[output];
  // After each source, so that a build that is interrupted goes on where it was.
  const keep = (file, identity) => {
    record[file] = identity;
    writeFileSync(recordFile, JSON.stringify(record));
  };
  const workers = Array.from({ length: availableParallelism() }, async () => {
    for (let unit = waiting.shift(); unit !== undefined; unit = waiting.shift()) {
      await run(unit.command);
      keep(unit.object, unit.identity);
    }
  });
  await Promise.all(workers);
  await run([...compiler, ...units.map(({ object }) => object), ...libraries, "-o", output]);
  keep(output, linked);
  return true;
}

/** Flags of the linker for a library that a host process loads, by system (as `process.platform`). */
const linking = {
  linux: ["-shared", "-pthread", "-Wl,--version-script=native/runtime/exports.map"],
  darwin: ["-shared", "-Wl,-undefined,dynamic_lookup", "-Wl,-install_name,@rpath/splitmask_kernels.node"],
  win32: ["-shared"],
};

/**
 * Compiles the addon.
 *
 * @param output The file to write.
 * @param folder Where objects are kept.
 * @param compiler The command of the compiler, as a list of words.
 * @param os As `process.platform`.
 * @param cpu As `process.arch`.
 * @param without Instruction sets that are left out.
 * @param flags Further flags of the compiler.
 * @param libraries Further flags of the linker.
 * @returns whether anything had to be done
 */
export function compileAddon({ output, folder, compiler, os, cpu, without, flags = [], libraries = [] }) {
  const headers = [
    dirname(require.resolve("node-addon-api/package.json")),
    require("node-api-headers").include_dir,
  ];
  const own = headers.map((path) => `-I${path}`);
  mkdirSync(folder, { recursive: true });
  if (os === "win32") {
    writeNodeApiFunctions(folder);
    // Called through the places that nodeApiWindows.cpp fills.
    own.push(`-I${folder}`, "-DNAPI_EXTERN=__declspec(dllimport)");
  }
  const common = [...(os === "win32" ? [] : ["-fPIC"]), ...(os === "linux" ? ["-pthread"] : []), ...flags];
  const parts = partsOf(cpu, without).map((part) => ({
    ...part,
    flags: [...part.flags, ...common, ...(part.name === "runtime" ? own : [])],
  }));
  const link = [...(linking[os] ?? linking.linux), ...libraries];
  return compile({ output, folder, parts, compiler, libraries: link });
}

/** The list of Node-API's functions, for nodeApiWindows.cpp. */
function writeNodeApiFunctions(folder) {
  const { js_native_api_symbols: language, node_api_symbols: system } =
    require("node-api-headers").symbols.v8;
  const text = [...language, ...system].map((name) => `FUNCTION(${name})\n`).join("");
  const file = join(folder, "nodeApiFunctions.def");
  if (!existsSync(file) || readFileSync(file, "utf8") !== text) writeFileSync(file, text);
}
