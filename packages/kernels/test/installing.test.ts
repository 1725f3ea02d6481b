import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { kernelTable } from "@splitmask/kernels";
import { loadNativeAddon } from "../dist/backends/native/loader.js";

const script = join(process.cwd(), "scripts/build.mjs");
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "splitmask-kernels-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("without a binary the error says what to do", () => {
  expect(() => loadNativeAddon(folder)).toThrow(
    `@splitmask/kernels has no native addon for ${process.platform}-${process.arch} with Node.js ${process.version}`,
  );
  expect(() => loadNativeAddon(folder)).toThrow(`Compile it with \`node ${script}\``);
});

test("a prebuilt binary is found and loaded", () => {
  for (const path of [
    "package.json",
    "binding.gyp",
    "scripts",
    "native",
    "dist",
    "build/Release/splitmask_kernels.node",
  ])
    cpSync(path, join(folder, path), { recursive: true });
  const child = spawnSync(process.execPath, [join(folder, "scripts/build.mjs"), "--prebuild"], {
    encoding: "utf8",
  });
  expect(child).toMatchObject({ status: 0, stderr: "" });
  expect(child.stdout).toContain("the native addon is up to date");
  rmSync(join(folder, "build"), { recursive: true });
  expect(loadNativeAddon(folder).kernels().length).toBe(Object.keys(kernelTable).length);
});

test("without a compiler, make or python3 the build names what is missing", () => {
  const child = spawnSync(process.execPath, [script, "--force"], {
    encoding: "utf8",
    env: { PATH: folder },
  });
  expect(child.status).toBe(1);
  expect(child.stderr).toContain(
    "the native addon cannot be compiled: " +
      "a C++17 compiler (g++ 12 or clang 11, or newer), make, python3 (for node-gyp) not found.",
  );
  expect(child.stderr).toContain("Debian, Ubuntu: apt install g++ make python3");
});
