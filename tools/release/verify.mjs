// Does what a user does: packs every package, installs them with npm into an empty folder, with an empty cache, without
// scripts and without a compiler, python3 or pnpm within reach, and uses them there. `node tools/release/verify.mjs`
// after a build. Where the build made the WebAssembly modules, the examples run once more without the addon;
// `--without-binary` insists on that. `--runtimes 20.15.1,26,bun@1.4.5,deno@2.9.6` takes a training step on these, too;
// `--installers npm@12,pnpm@12.21.0,bun@1.4.5` installs with these, too; `--keep` leaves the folder. Without the npm
// registry nothing is checked, and that is said.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { markdownExamples, programOf } from "../../scripts/examples.mjs";
import { checkDeclarations } from "./declarations.mjs";
import { installWith } from "./installers.mjs";
import { packWorkspace, publishedPackages } from "./pack.mjs";
import { packPlatformPackage, thisPlatform } from "./platforms.mjs";
import { run } from "./run.mjs";
import { installRuntime, isNodeVersion } from "./runtimes.mjs";
import { requireAll, trainingStep } from "./userPrograms.mjs";
import { packWasmPackage, wasmModules, wasmPackageName } from "./wasmPackage.mjs";

const { values: options } = parseArgs({
  options: {
    "without-binary": { type: "boolean", default: false },
    keep: { type: "boolean", default: false },
    runtimes: { type: "string", default: "" },
    installers: { type: "string", default: "" },
  },
});

const hasPlatform = thisPlatform !== undefined;
const hasWasm = options["without-binary"] || wasmModules().length > 0;
const packageNames = publishedPackages.map(({ manifest }) => manifest.name);
const folder = realpathSync(mkdtempSync(join(tmpdir(), "splitmask-verify-")));
const project = join(folder, "project");
/** As deep as the tests run them: examples of @splitmask/onnx read models of its tests. */
const examples = join(project, "examples", "run");
const exampleFile = (name) => join(examples, `${name.replaceAll(/[^A-Za-z0-9]+/g, "-")}.mjs`);

/** An environment in which node and npm are all there is, and nothing was downloaded before. */
function bareEnvironment() {
  const bin = join(folder, "bin");
  mkdirSync(bin);
  const registry = run("npm", ["config", "get", "registry"]).trim();
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(npm_|path$|home$|userprofile$|node_options$|node_path$|splitmask_)/i.test(name),
  );
  let path = bin;
  if (process.platform === "win32") path = dirname(process.execPath);
  else {
    const find = (name) => realpathSync(run("sh", ["-c", `command -v ${name}`]).trim());
    symlinkSync(process.execPath, join(bin, "node"));
    symlinkSync(find("npm"), join(bin, "npm"));
    symlinkSync(find("sh"), join(bin, "sh")); // npm runs its bins with it
  }
  return {
    ...Object.fromEntries(kept),
    PATH: [path].join(delimiter),
    HOME: folder,
    USERPROFILE: folder,
    npm_config_cache: join(folder, "cache"),
    npm_config_registry: registry,
    npm_config_update_notifier: "false",
  };
}

const environment = bareEnvironment();
const node = (programArguments, { program = process.execPath, ...more } = {}) =>
  run(program, programArguments, { cwd: project, env: environment, shell: false, ...more });
const npm = (programArguments, cwd = project) =>
  run("npm", ["--ignore-scripts", "--no-audit", "--no-fund", ...programArguments], { cwd, env: environment });

/** The packages that are installed, `{ name: path of the tarball }`. */
const tarballs = {};

async function install() {
  const packed = await packWorkspace(join(folder, "packs"));
  for (const { manifest, tarball } of packed) tarballs[manifest.name] = tarball;
  if (hasPlatform) tarballs[thisPlatform.packageName] = packPlatformPackage(join(folder, "packs"));
  if (hasWasm) tarballs[wasmPackageName] = packWasmPackage(join(folder, "packs"));
  mkdirSync(project);
  writeFileSync(join(project, "package.json"), `${JSON.stringify({ name: "project", private: true })}\n`);
  npm(["install", ...Object.values(tarballs)]);
  // An optional peer of 288 MB, which the README of @splitmask/onnx says to install.
  const onnx = publishedPackages.find(({ manifest }) => manifest.name === "@splitmask/onnx");
  const runtime = join("node_modules", "onnxruntime-node");
  symlinkSync(realpathSync(join(onnx.folder, runtime)), join(project, runtime), "junction");
  symlinkSync(join(onnx.folder, "test"), join(project, "test"), "junction");
}

/** Runs a program and resolves with a fault, or with undefined. */
function faultOf(file, output) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [file], { cwd: dirname(file), env: environment });
    const texts = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"]) {
      child[name].on("data", (chunk) => {
        texts[name] += chunk;
      });
    }
    child.on("close", (code) => {
      if (code !== 0 || texts.stderr !== "") resolve(`exit code ${code}\n${texts.stderr}`);
      else if (output !== undefined && texts.stdout.trim() !== output.trim())
        resolve(`it prints\n${texts.stdout}\nand not\n${output}`);
      else resolve(undefined);
    });
  });
}

/** The first example of each installed README, as many at a time as there are cores. */
async function runExamples() {
  const waiting = packageNames.map((name) => {
    const [example] = markdownExamples(join(project, "node_modules", name, "README.md"));
    if (example === undefined) throw new Error(`the README of ${name} has no example`);
    return { ...example, name: `${name}: ${example.name}` };
  });
  mkdirSync(examples, { recursive: true });
  const faults = [];
  const work = async () => {
    for (let example = waiting.shift(); example !== undefined; example = waiting.shift()) {
      const file = exampleFile(example.name);
      writeFileSync(file, programOf(example.code));
      const fault = await faultOf(file, example.output);
      if (fault !== undefined) faults.push(`${example.name}: ${fault}`);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  if (faults.length > 0) throw new Error(faults.join("\n"));
}

function expectOutput(expected, actual) {
  if (actual.trim() !== expected) throw new Error(`expected ${expected}, got ${actual}`);
}

/** Whether this version of Node.js has `require()` of ES modules. */
function requiresModules(version) {
  const [major, minor = Number.POSITIVE_INFINITY] = version.split(".").map(Number);
  return major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19);
}

function useOn(program, prefix = [], version = process.versions.node) {
  writeFileSync(join(project, "step.mjs"), trainingStep);
  writeFileSync(join(project, "require.cjs"), requireAll(packageNames));
  expectOutput("lower", node([...prefix, "step.mjs"], { program }));
  if (requiresModules(version)) expectOutput("same", node([...prefix, "require.cjs"], { program }));
  node([...prefix, exampleFile("@splitmask/data: README.md ts block 1")], { program }); // reads a folder
}

function reachesRegistry() {
  try {
    return npm(["view", "ndarray", "version"], folder) !== "";
  } catch {
    return false;
  }
}

const named = (list) => list.split(",").filter(Boolean);

async function use() {
  await step("packed and installed with npm", install);
  await step(`the README examples run${hasPlatform ? "" : " in WebAssembly"}`, runExamples);
  await step("the command starts", () => npm(["exec", "--", "splitmask", "--version"]));
  await step("a training step, and require()", () => useOn(process.execPath));
  await step("the declarations compile", () => checkDeclarations(project, packageNames));
  for (const name of named(options.runtimes)) {
    const runtime = `${isNodeVersion(name) ? "Node.js " : ""}${name}`;
    await step(`a training step, and require(), on ${runtime}`, () => {
      const { program, prefix } = installRuntime(name, join(folder, "runtimes", name), npm);
      useOn(program, prefix, isNodeVersion(name) ? name : "26");
    });
  }
  for (const name of named(options.installers)) {
    await step(`installed with ${name}: a training step`, () => {
      const other = join(folder, "installers", name, "project");
      installWith(name, other, tarballs, {
        npm,
        run: (program, words, cwd) => node(words, { program, cwd }),
      });
      writeFileSync(join(other, "step.mjs"), trainingStep);
      expectOutput("lower", node(["step.mjs"], { cwd: other }));
    });
  }
  if (hasWasm && hasPlatform) {
    rmSync(join(project, "node_modules", thisPlatform.packageName), { recursive: true });
    await step("the README examples run without the binary, in WebAssembly", runExamples);
  }
}

async function step(what, work) {
  const start = performance.now();
  await work();
  console.log(`verify: ${what} (${((performance.now() - start) / 1000).toFixed(0)} s)`);
}

try {
  if (reachesRegistry()) await use();
  else console.log("verify: the npm registry cannot be reached: nothing was checked");
} catch (error) {
  console.log(`verify: ${error.message}`);
  process.exitCode = 1;
} finally {
  if (options.keep) console.log(`verify: everything is in ${folder}`);
  else rmSync(folder, { recursive: true, force: true });
}
