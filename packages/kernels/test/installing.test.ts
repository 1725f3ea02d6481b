import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { kernelTable, MissingBinaryError } from "@splitmask/kernels";
import { loadNativeAddon } from "../dist/backends/native/loader.js";
import platformPackages from "../dist/backends/native/platformPackages.cjs";

const script = join(process.cwd(), "scripts/build.mjs");
const platforms = JSON.stringify(new URL("../../../tools/release/platforms.mjs", import.meta.url).href);
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "splitmask-kernels-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a module. */
function run(code: string, environment: Readonly<Record<string, string>> = {}) {
  const child = spawnSync(process.execPath, ["--input-type=module", "--eval", code], {
    encoding: "utf8",
    env: { ...process.env, ...environment },
  });
  expect(child).toMatchObject({ status: 0, stderr: "" });
  return child.stdout;
}

/** What is thrown where nothing was compiled and no platform package is installed. */
function missing(): MissingBinaryError {
  try {
    loadNativeAddon(folder);
  } catch (error) {
    return error as MissingBinaryError;
  }
  throw new Error("an addon was loaded");
}

const fitting = platformPackages.filter(({ os, cpu }) => os === process.platform && cpu === process.arch);

test("without a binary the error says what was tried and what to do", () => {
  const error = missing();
  expect(error).toBeInstanceOf(MissingBinaryError);
  expect(error.attempts).toEqual(fitting.map(({ name }) => ({ from: name, reason: "not there" })));
  const { message } = error;
  expect(message).toContain(
    `@splitmask/kernels has no native addon for ${process.platform}-${process.arch} ` +
      `with Node.js ${process.version}. Tried:`,
  );
  expect(message).toContain(`\n  ${fitting[0]!.name}: not there\n`);
  expect(message).toMatch(/Install it with `npm install @splitmask\/kernels-[\w-]+@\d+\.\d+\.\d+\S*`;/);
  expect(message).toContain(`Compile it with \`node ${script}\``);
});

test("a compiled addon that does not load is named with its reason", () => {
  cpSync("package.json", join(folder, "build/Release/splitmask_kernels.node"));
  const [first] = missing().attempts;
  expect(first!.from).toBe(join(folder, "build/Release/splitmask_kernels.node"));
  expect(first!.reason).not.toBe("not there");
});

test("the package for this machine is found and loaded", () => {
  const kernels = join(folder, "node_modules/@splitmask/kernels");
  for (const path of ["package.json", "dist"]) cpSync(path, join(kernels, path), { recursive: true });
  run(`
    import { localBinary, thisPlatform, writePlatformPackage } from ${platforms};
    const folder = ${JSON.stringify(join(folder, "node_modules"))} + "/" + thisPlatform.packageName;
    writePlatformPackage(folder, thisPlatform, localBinary);`);
  const installed = JSON.stringify(pathToFileURL(join(kernels, "dist/backends/native/loader.js")).href);
  expect(run(`console.log((await import(${installed})).nativeAddon().kernels().length)`)).toBe(
    `${Object.keys(kernelTable).length}\n`,
  );
});

test("SPLITMASK_KERNELS_BINARY names the file to load, and no other is tried", () => {
  const wrong = join(folder, "wrong.node");
  writeFileSync(wrong, "no addon");
  const loader = JSON.stringify(import.meta.resolve("../dist/backends/native/loader.js"));
  const output = run(
    `import { nativeAddon } from ${loader};
    try { nativeAddon(); } catch ({ attempts }) { console.log(attempts.map(({ from }) => from).join()); }`,
    { SPLITMASK_KERNELS_BINARY: wrong },
  );
  expect(output).toBe(`${wrong}\n`);
});

test("every platform has a target of the release script, and every optional dependency its version", () => {
  const output = run(`
    import { optionalDependencies, platforms } from ${platforms};
    console.log(JSON.stringify({ platforms, versions: optionalDependencies() }));`);
  const { platforms: table, versions } = JSON.parse(output) as {
    platforms: { packageName: string; zigTarget?: string }[];
    versions: Record<string, string>;
  };
  expect(table.filter(({ zigTarget }) => zigTarget === undefined)).toEqual([]);
  const names = platformPackages.map(({ name }) => name);
  expect(Object.keys(versions)).toEqual([...names, "@splitmask/kernels-wasm"]);
});

test("each platform package is loaded under its own name", () => {
  for (const { name, os, cpu, libc, load } of platformPackages) {
    expect(name).toBe(`@splitmask/kernels-${os}-${cpu}${libc === "musl" ? "-musl" : ""}`);
    expect(String(load)).toContain(`require("${name}")`);
  }
});

test("without a compiler the build names what is missing", () => {
  const child = spawnSync(process.execPath, [script, "--force"], { encoding: "utf8", env: { PATH: folder } });
  expect(child.status).toBe(1);
  expect(child.stderr).toContain("the native addon cannot be compiled: ");
  expect(child.stderr).toContain("a C++17 compiler (g++ 12 or clang 11, or newer)");
  expect(child.stderr).toContain("Debian, Ubuntu: apt install g++");
});
