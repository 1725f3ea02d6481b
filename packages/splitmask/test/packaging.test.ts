import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { build } from "esbuild";

// How the packages behave in programs of users: this package has all others at hand.

const scratch = join(process.cwd(), "dist", ".packaging");
/** A bundle is not where the addon of a clone is looked for. */
const addon = resolve("../kernels/build/Release/splitmask_kernels.node");
/** All that can be imported of each package, but the command and the manifests. */
const entries = readdirSync("..").flatMap((folder) => {
  const text = readFileSync(join("..", folder, "package.json"), "utf8");
  const { name, exports } = JSON.parse(text) as { name: string; exports: Record<string, unknown> };
  const paths = Object.keys(exports).filter((path) => path !== "./bin" && path !== "./package.json");
  return name === "splitmask" ? ["../index.js"] : paths.map((path) => path.replace(/^\./, name));
});

beforeAll(() => mkdirSync(scratch, { recursive: true }));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Runs a program from inside this package; gives what it prints, as JSON. */
function resultOf(fileName: string, code: string): unknown {
  const file = join(scratch, fileName);
  writeFileSync(file, code);
  const { stdout, stderr, status } = spawnSync(process.execPath, ["--no-warnings", file], {
    cwd: scratch,
    encoding: "utf8",
    env: { ...process.env, SPLITMASK_KERNELS_BINARY: addon },
  });
  expect(stderr).toBe("");
  expect(status).toBe(0);
  return JSON.parse(stdout);
}

test("only packages that decode pictures load anything native when they are imported", () => {
  const loading = resultOf(
    "native.mjs",
    `const addons = [];
    const { dlopen } = process;
    process.dlopen = (module, file, ...more) => {
      addons.push(file);
      return dlopen.call(process, module, file, ...more);
    };
    const loading = [];
    for (const name of ${JSON.stringify(entries)}) {
      const before = addons.length;
      await import(name);
      if (addons.length > before) loading.push(name);
    }
    console.log(JSON.stringify({ loading, addons: addons.map((file) => file.includes("sharp")) }));`,
  );
  // sharp, once, by the first package that needs it: those before it in the alphabet need nothing.
  expect(loading).toEqual({ loading: ["@splitmask/data"], addons: [true] });
});

test("require() gives the modules that import gives, so that there is one Tensor", () => {
  const different = resultOf(
    "require.cjs",
    `(async () => {
      const different = [];
      for (const name of ${JSON.stringify(entries)}) {
        const [required, imported] = [require(name), await import(name)];
        for (const key of Object.keys(imported))
          if (required[key] !== imported[key]) different.push(name + ": " + key);
      }
      console.log(JSON.stringify(different));
    })();`,
  );
  expect(different).toEqual([]);
});

describe("bundles of esbuild", () => {
  /** Runs the bundle of a program that imports this package; only what is native stays outside. */
  async function resultOfBundle(fileName: string, code: string, banner = ""): Promise<unknown> {
    const entry = join(scratch, `source-${fileName}`);
    writeFileSync(entry, code);
    const { outputFiles } = await build({
      entryPoints: [entry],
      bundle: true,
      platform: "node",
      format: "esm",
      write: false,
      logLevel: "error",
      banner: { js: banner },
      external: ["sharp", "onnxruntime-node", "@splitmask/kernels-*"],
    });
    return resultOf(fileName, outputFiles[0]!.text);
  }

  test("what a program imports by name is there and computes", async () => {
    const result = await resultOfBundle(
      "named.mjs",
      `import { createDevice, multiply, sum, tensor } from "../index.js";
      const device = createDevice();
      const x = tensor(device, [1, 2, 3], undefined, { requiresGrad: true });
      sum(multiply(x, x)).backward();
      console.log(JSON.stringify([...(await x.grad.data())]));
      device.close();`,
    );
    expect(result).toEqual([2, 4, 6]);
  });

  test("every export is there, where CommonJS libraries are given their require", async () => {
    const missing = await resultOfBundle(
      "all.mjs",
      `import * as everything from "../index.js";
      const missing = Object.keys(everything).filter((key) => everything[key] === undefined);
      console.log(JSON.stringify({ missing, dataset: typeof everything.imageFolder }));`,
      'import { createRequire as toRequire } from "node:module"; globalThis.require = toRequire(import.meta.url);',
    );
    expect(missing).toEqual({ missing: [], dataset: "function" });
  });
});
