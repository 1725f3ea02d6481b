// Does what a user does: packs every package, installs them with npm into an empty folder, with an empty cache, without
// scripts and without a compiler, python3 or pnpm within reach, and uses them there. `node tools/release/verify.mjs`
// after a build; `--without-binary` does it once more without the addon, in WebAssembly; `--nodes 20.15.1,26` runs one
// training step on these versions of Node.js, too; `--keep` leaves the folder. Needs the npm registry.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
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
    nodes: { type: "string", default: "" },
  },
});

const packageNames = publishedPackages.map(({ manifest }) => manifest.name);
const folder = realpathSync(mkdtempSync(join(tmpdir(), "splitmask-verify-")));
const project = join(folder, "project");

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

function install(withBinary) {
  const tarballs = packWorkspace(join(folder, "packs")).map(({ tarball }) => tarball);
  if (withBinary) tarballs.push(packPlatformPackage(join(folder, "packs")));
  mkdirSync(project);
  writeFileSync(join(project, "package.json"), `${JSON.stringify({ name: "project", private: true })}\n`);
  npm(["install", ...tarballs]);
  // An optional peer of 288 MB, which the README of @splitmask/onnx says to install.
  const onnx = publishedPackages.find(({ manifest }) => manifest.name === "@splitmask/onnx");
  const runtime = join("node_modules", "onnxruntime-node");
  symlinkSync(realpathSync(join(onnx.folder, runtime)), join(project, runtime), "junction");
  symlinkSync(join(onnx.folder, "test"), join(project, "test"), "junction"); // its examples read models of its tests
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
  const examples = join(project, "examples", "run"); // as deep as the tests run them
  mkdirSync(examples, { recursive: true });
  const faults = [];
  const work = async () => {
    for (let example = waiting.shift(); example !== undefined; example = waiting.shift()) {
      const file = join(examples, `${example.name.replaceAll(/[^A-Za-z0-9]+/g, "-")}.mjs`);
      writeFileSync(file, programOf(example.code));
      const fault = await faultOf(file, example.output);
      if (fault !== undefined) faults.push(`${example.name}: ${fault}`);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  if (faults.length > 0) throw new Error(faults.join("\n"));
}

/** One step of training, with the weights and loss that it gives: a program for every version of Node.js. */
const trainingStep = `
import { createDevice } from "@splitmask/kernels";
import { mean, normal, square } from "@splitmask/autograd";
import { AdamW } from "@splitmask/optim";
import { VisionTransformer } from "@splitmask/vit";

const device = createDevice();
const config = { imageSize: 16, patchSize: 8, width: 16, depth: 1, heads: 2 };
const model = new VisionTransformer(device, config, { seed: 0 });
const optimizer = new AdamW(device, [{ parameters: model.namedParameters(), weightDecay: 0 }]);
const images = normal(device, [2, 3, 16, 16], { key: { seed: 1, purpose: "pictures" } });
const loss = mean(square(model.encode(images)));
loss.backward();
optimizer.step({ learningRate: 1e-3 });
const after = await mean(square(model.encode(images))).item();
console.log(after < (await loss.item()) ? "lower" : "not lower");
device.close();
`;

/** \`require()\` gives the modules that \`import\` gives, so that there is one \`Tensor\`. */
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

function useOn(program) {
  writeFileSync(join(project, "step.mjs"), trainingStep);
  writeFileSync(join(project, "require.cjs"), requireAll);
  expectOutput("lower", node(["step.mjs"], { program }));
  const [major, minor] = node(["--version"], { program }).slice(1).split(".").map(Number);
  const requiresModules = major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19);
  if (requiresModules) expectOutput("same", node(["--no-warnings", "require.cjs"], { program }));
}

/** Brings versions of Node.js from npm, each as a package of its own. */
function useOnVersions(versions) {
  const nodes = join(folder, "nodes");
  mkdirSync(nodes);
  writeFileSync(join(nodes, "package.json"), `${JSON.stringify({ private: true })}\n`);
  const { platform, arch } = process;
  const source = `npm:node-${platform === "win32" ? "win" : platform}-${arch}`;
  npm(["install", ...versions.map((version) => `node-${version}@${source}@${version}`)], nodes);
  for (const version of versions) {
    const bin = join(nodes, "node_modules", `node-${version}`, "bin");
    const program = join(bin, platform === "win32" ? "node.exe" : "node");
    useOn(program);
    console.log(`verify: works on Node.js ${node(["--version"], { program }).trim()}`);
  }
}

async function step(what, work) {
  const start = performance.now();
  await work();
  console.log(`verify: ${what} (${((performance.now() - start) / 1000).toFixed(0)} s)`);
}

try {
  const fits = thisPlatform !== undefined;
  await step("packed and installed with npm", () => install(fits));
  if (fits) await step("the README examples run", runExamples);
  await step("the command starts", () => npm(["exec", "--", "splitmask", "--version"]));
  await step("a training step, and require()", () => useOn(process.execPath));
  await step("the declarations compile", () => checkDeclarations(project, packageNames));
  if (options.nodes !== "") useOnVersions(options.nodes.split(","));
  if (options["without-binary"] || !fits) {
    rmSync(join(project, "node_modules", thisPlatform?.packageName ?? "none"), {
      recursive: true,
      force: true,
    });
    await step("the README examples run without the binary", runExamples);
  }
} catch (error) {
  console.log(`verify: ${error.message}`);
  process.exitCode = 1;
} finally {
  if (options.keep) console.log(`verify: everything is in ${folder}`);
  else rmSync(folder, { recursive: true, force: true });
}
