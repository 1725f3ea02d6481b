// The package of the kernels in WebAssembly, which is there for machines that no platform package fits, and for
// browsers: it has no "os" and no "cpu", so it is installed everywhere.
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "./run.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const kernels = join(root, "packages/kernels");
const built = join(kernels, "build/wasm");

/** Its name. */
export const wasmPackageName = "@splitmask/kernels-wasm";

/** The modules that `packages/kernels/scripts/buildWasm.mjs` made; none where there was no Zig. */
export const wasmModules = () =>
  existsSync(built) ? readdirSync(built).filter((name) => name.endsWith(".wasm")) : [];

/** Writes the package into `folder`, which it empties first. */
export function writeWasmPackage(folder) {
  const { version, license, repository, engines } = JSON.parse(
    readFileSync(join(kernels, "package.json"), "utf8"),
  );
  const files = wasmModules();
  if (files.length === 0)
    throw new Error(`${built} has no modules: run packages/kernels/scripts/buildWasm.mjs.`);
  const description =
    "The kernels of @splitmask/kernels in WebAssembly, for machines without a binary and browsers.";
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const manifest = {
    name: wasmPackageName,
    version,
    description,
    license,
    repository,
    files,
    engines,
    publishConfig: { access: "public" },
  };
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  writeFileSync(
    join(folder, "README.md"),
    `# ${wasmPackageName}\n\n${description} It comes with @splitmask/kernels.\n`,
  );
  copyFileSync(join(root, "LICENSE"), join(folder, "LICENSE"));
  for (const file of files) copyFileSync(join(built, file), join(folder, file));
}

/** Packs the package into `outFolder`. Returns the path of the tarball. */
export function packWasmPackage(outFolder) {
  const folder = join(outFolder, "wasm");
  writeWasmPackage(folder);
  const name = run("npm", ["pack", "--silent", "--pack-destination", outFolder], { cwd: folder }).trim();
  rmSync(folder, { recursive: true });
  return join(outFolder, name);
}
