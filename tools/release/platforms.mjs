// The machines that there are binaries for, and the package that carries the binary of each. What the packages are
// called and which machines they are for is in the loader's list (needs packages/kernels/dist).
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import platformPackages from "../../packages/kernels/dist/backends/native/platformPackages.cjs";
import { wasmPackageName } from "./wasmPackage.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const kernels = join(root, "packages/kernels");
const binaryName = "splitmask_kernels.node";

/** What zig calls each machine; with the oldest glibc and macOS that the binary runs on. */
const zigTargets = {
  "linux-x64": "x86_64-linux-gnu.2.28",
  "linux-x64-musl": "x86_64-linux-musl",
  "linux-arm64": "aarch64-linux-gnu.2.28",
  "linux-arm64-musl": "aarch64-linux-musl",
  "darwin-arm64": "aarch64-macos.11.0",
  "darwin-x64": "x86_64-macos.11.0",
  "win32-x64": "x86_64-windows-gnu",
  "win32-arm64": "aarch64-windows-gnu",
};

/** `[{ target, packageName, os, cpu, libc, zigTarget }]`; `target` is the short name, as `linux-x64-musl`. */
export const platforms = platformPackages.map(({ name, os, cpu, libc }) => {
  const target = name.replace("@splitmask/kernels-", "");
  return { target, packageName: name, os, cpu, libc, zigTarget: zigTargets[target] };
});

/** The platform of this machine, or undefined. */
export const thisPlatform = platforms.find(
  ({ os, cpu, libc }) =>
    os === process.platform &&
    cpu === process.arch &&
    (libc === undefined || (libc === "glibc") === "glibcVersionRuntime" in process.report.getReport().header),
);

/** What this machine's build of packages/kernels made. */
export const localBinary = join(kernels, "build/Release", binaryName);

/** Where buildBinaries.mjs writes the binary of a platform. */
export const binaryOf = ({ target }) => join(root, "tools/release/binaries", target, binaryName);

const manifestOfKernels = () => JSON.parse(readFileSync(join(kernels, "package.json"), "utf8"));

/**
 * The `optionalDependencies` of `@splitmask/kernels` as it is published: every platform package and the one in
 * WebAssembly, in its own version.
 */
export const optionalDependencies = () =>
  Object.fromEntries(
    [...platforms.map(({ packageName }) => packageName), wasmPackageName].map((name) => [
      name,
      manifestOfKernels().version,
    ]),
  );

/**
 * Runs `work` while packages/kernels/package.json has its `optionalDependencies`. They are in no commit, because a
 * clone could not be installed before they are published.
 */
export async function withOptionalDependencies(work) {
  const file = join(kernels, "package.json");
  const text = readFileSync(file, "utf8");
  writeFileSync(
    file,
    `${JSON.stringify({ ...JSON.parse(text), optionalDependencies: optionalDependencies() }, null, 2)}\n`,
  );
  try {
    return await work();
  } finally {
    writeFileSync(file, text);
  }
}

/** Writes the package of a platform into `folder`, which it empties first. */
export function writePlatformPackage(folder, { packageName, os, cpu, libc }, binary) {
  const { version, license, repository, engines } = manifestOfKernels();
  const manifest = {
    name: packageName,
    version,
    description: `The native addon of @splitmask/kernels for ${os} ${cpu}${libc ? ` (${libc})` : ""}.`,
    license,
    repository,
    main: binaryName,
    files: [binaryName],
    os: [os],
    cpu: [cpu],
    ...(libc === undefined ? {} : { libc: [libc] }),
    engines,
    // Yarn's Plug'n'Play cannot load an addon from an archive.
    preferUnplugged: true,
    publishConfig: { access: "public" },
  };
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  writeFileSync(
    join(folder, "README.md"),
    `# ${packageName}\n\n${manifest.description} It is installed with @splitmask/kernels, where it fits the machine.\n`,
  );
  copyFileSync(join(root, "LICENSE"), join(folder, "LICENSE"));
  copyFileSync(binary, join(folder, binaryName));
}

/**
 * Packs the package of a platform (default: this machine, with its own build) into `outFolder`.
 * @returns the path of the tarball
 */
export function packPlatformPackage(outFolder, platform = thisPlatform, binary = localBinary) {
  const folder = join(outFolder, platform.target);
  writePlatformPackage(folder, platform, binary);
  const { status, stdout, stderr } = spawnSync("npm", ["pack", "--silent", "--pack-destination", outFolder], {
    cwd: folder,
    encoding: "utf8",
    shell: process.platform === "win32",
  });
  if (status !== 0) throw new Error(`npm pack of ${platform.packageName} failed:\n${stdout}${stderr}`);
  rmSync(folder, { recursive: true });
  return join(outFolder, stdout.trim());
}
