// Does what a user does: packs every package, installs them with npm into an empty folder, with an empty cache, without
// scripts and without a compiler, python3 or pnpm within reach, and uses them there. `node tools/release/verify.mjs`
// after a build; `--without-binary` does it once more without the addon, in WebAssembly; `--runtimes
// 20.15.1,26,bun@1.4.5,deno@2.9.6` takes a training step on these, too; `--keep` leaves the folder. Needs the npm
// registry.
import { spawn } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { markdownExamples, programOf } from "../../scripts/examples.mjs";
import { checkDeclarations } from "./declarations.mjs";
import { packWorkspace, publishedPackages, run } from "./pack.mjs";
import { packPlatformPackage, thisPlatform } from "./platforms.mjs";

const { values: options } = parseArgs({
  options: {
    "without-binary": { type: "boolean", default: false },
    keep: { type: "boolean", default: false },
    runtimes: { type: "string", default: "" },
  },
});

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
  run("npm", [...programArguments, "--ignore-scripts", "--no-audit", "--no-fund"], { cwd, env: environment });

async function install(withBinary) {
  const packed = await packWorkspace(join(folder, "packs"));
  const tarballs = packed.map(({ tarball }) => tarball);
  if (withBinary) tarballs.push(packPlatformPackage(join(folder, "packs")));
  mkdirSync(project);
  writeFileSync(join(project, "package.json"), `${JSON.stringify({ name: "project", private: true })}\n`);
  npm(["install", ...tarballs]);
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

/** One step of training: a program for every version of Node.js. */
const trainingStep = `
import { createDevice } from "@splitmask/kernels";
import { mean, normal, square } from "@splitmask/autograd";
import { AdamW, parameterGroups } from "@splitmask/optim";
import { VisionTransformer } from "@splitmask/vit";

const device = createDevice();
const config = { imageSize: 16, patchSize: 8, width: 16, depth: 1, heads: 2 };
const model = new VisionTransformer(device, config, { seed: 0 });
const optimizer = new AdamW([...parameterGroups(model, { weightDecay: 0.05 })]);
const images = normal(device, [2, 3, 16, 16], { key: { seed: 1, purpose: "pictures" } });
const lossOf = () => mean(square(model.forward(images)));
const loss = lossOf();
loss.backward();
optimizer.step({ learningRate: 1e-3 });
const after = await lossOf().item();
console.log(after < (await loss.item()) ? "lower" : "not lower");
device.close();
`;

/** `require()` gives the modules that \`import\` gives, so that there is one \`Tensor\`. */
const requireAll = `
const names = ${JSON.stringify(packageNames)};
(async () => {
  for (const name of names) {
    const [required, imported] = [require(name), await import(name)];
    for (const key of Object.keys(imported))
      if (required[key] !== imported[key]) throw new Error(name + ": " + key + " of require() is another");
  }
  console.log("same");
})();
`;

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
  writeFileSync(join(project, "require.cjs"), requireAll);
  expectOutput("lower", node([...prefix, "step.mjs"], { program }));
  if (requiresModules(version)) expectOutput("same", node([...prefix, "require.cjs"], { program }));
  node([...prefix, exampleFile("@splitmask/data: README.md ts block 1")], { program }); // reads a folder
}

/** The program of a runtime that was installed from npm into `folder`, and how it runs a file. */
function runtimeIn(folder, name) {
  const modules = join(folder, "node_modules");
  const ending = process.platform === "win32" ? ".exe" : "";
  const onlyIn = (scope) => join(modules, scope, readdirSync(join(modules, scope))[0]);
  if (name.startsWith("bun@")) return { program: join(onlyIn("@oven"), "bin", `bun${ending}`), prefix: [] };
  if (name.startsWith("deno@"))
    return {
      program: join(onlyIn("@deno"), `deno${ending}`),
      prefix: ["run", "-A", "--node-modules-dir=manual"],
    };
  return { program: join(modules, "runtime", "bin", `node${ending}`), prefix: [] };
}

/** Brings a version of Node.js, Bun or Deno from npm and takes a training step on it. */
function useOnRuntime(name) {
  const runtimeFolder = join(folder, "runtimes", name);
  mkdirSync(runtimeFolder, { recursive: true });
  writeFileSync(join(runtimeFolder, "package.json"), `${JSON.stringify({ private: true })}\n`);
  const { platform, arch } = process;
  const isNode = /^\d/.test(name);
  npm(
    [
      "install",
      isNode ? `runtime@npm:node-${platform === "win32" ? "win" : platform}-${arch}@${name}` : name,
    ],
    runtimeFolder,
  );
  const { program, prefix } = runtimeIn(runtimeFolder, name);
  chmodSync(program, 0o755); // Bun's and Deno's install scripts do that
  useOn(program, prefix, isNode ? name : "26");
}

async function step(what, work) {
  const start = performance.now();
  await work();
  console.log(`verify: ${what} (${((performance.now() - start) / 1000).toFixed(0)} s)`);
}

try {
  const fits = thisPlatform !== undefined;
  await step("packed and installed with npm", () => install(fits));
  await step(`the README examples run${fits ? "" : " in WebAssembly"}`, runExamples);
  await step("the command starts", () => npm(["exec", "--", "splitmask", "--version"]));
  await step("a training step, and require()", () => useOn(process.execPath));
  await step("the declarations compile", () => checkDeclarations(project, packageNames));
  for (const name of options.runtimes.split(",").filter(Boolean))
    await step(`a training step, and require(), on ${/^\d/.test(name) ? "Node.js " : ""}${name}`, () =>
      useOnRuntime(name),
    );
  if (options["without-binary"] && fits) {
    rmSync(join(project, "node_modules", thisPlatform.packageName), { recursive: true });
    await step("the README examples run without the binary, in WebAssembly", runExamples);
  }
} catch (error) {
  console.log(`verify: ${error.message}`);
  process.exitCode = 1;
} finally {
  if (options.keep) console.log(`verify: everything is in ${folder}`);
  else rmSync(folder, { recursive: true, force: true });
}
