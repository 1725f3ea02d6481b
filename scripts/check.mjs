// What CI checks besides the tests: format and lint, the length of lines, imports that point down, the types of the
// tests, the API documentation, what each package would publish, the instructions of training steps, arm64.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkSettingsPage } from "./settingsPage.mjs";

const packages = readdirSync("packages").map((name) => ({
  folder: join("packages", name),
  manifest: JSON.parse(readFileSync(join("packages", name, "package.json"), "utf8")),
}));
const bin = (name) => join("node_modules", ".bin", name);

/** Runs a program; its output shows only when it fails. */
function run(program, programArguments, options = {}) {
  const child = spawnSync(program, programArguments, { encoding: "utf8", ...options });
  if (child.status === 0) return child.stdout;
  throw new Error(
    `${program} ${programArguments.join(" ")}\n${child.stdout ?? ""}${child.stderr ?? child.error ?? ""}`,
  );
}

/** Packs a package as it would be published and looks at what is inside. */
function checkPacking({ folder, manifest }, destination) {
  run("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", destination], { cwd: folder });
  const tarball = join(
    destination,
    `${manifest.name.replace("@", "").replace("/", "-")}-${manifest.version}.tgz`,
  );
  const files = run("tar", ["-tzf", tarball]).split("\n");
  const wanted = [
    "package/package.json",
    "package/README.md",
    "package/LICENSE",
    "package/dist/index.js",
    "package/dist/index.d.ts",
    // Where no prebuilt binary fits, the addon is compiled from what is in the package.
    ...(files.includes("package/scripts/build.mjs") ? ["package/native/generated/kernels.def"] : []),
  ];
  const missing = wanted.filter((file) => !files.includes(file));
  if (missing.length > 0) throw new Error(`${manifest.name}: the tarball lacks ${missing.join(", ")}.`);
  const stray = files.filter(
    (file) => /\/(test|node_modules|\.turbo|\.examples)\//.test(file) || file.endsWith(".tsbuildinfo"),
  );
  if (stray.length > 0)
    throw new Error(`${manifest.name}: the tarball holds ${stray.slice(0, 5).join(", ")}; narrow "files".`);
  for (const script of ["preinstall", "install", "postinstall"]) {
    if (manifest.scripts?.[script])
      throw new Error(`${manifest.name}: has the install script "${script}"; users' pnpm refuses those.`);
  }
}

const checks = {
  "format and lint": () => run(bin("biome"), ["ci", "."]),
  "at most 120 columns": () => run(process.execPath, ["scripts/columns.mjs"]),
  "imports point down": () => run(process.execPath, ["scripts/imports.mjs"]),
  "types of the tests": () => run(bin("tsc"), ["-p", "tsconfig.tests.json"]),
  "docs/features.md": () => run(process.execPath, ["scripts/features.mjs", "--check"]),
  "API documentation": () => run(bin("typedoc"), []),
  "page of the settings": checkSettingsPage,
  "published packages": () => {
    const destination = mkdtempSync(join(tmpdir(), "splitmask-pack-"));
    try {
      for (const each of packages.filter(({ manifest }) => !manifest.private)) {
        checkPacking(each, destination);
        run(bin("publint"), ["run", "--strict", "--pack", "false", each.folder]);
      }
    } finally {
      rmSync(destination, { recursive: true, force: true });
    }
  },
  "instructions of a step": () =>
    process.stdout.write(run(process.execPath, ["packages/pipelines/bench/instructions.mjs"])),
  arm64: () => process.stdout.write(run(process.execPath, ["scripts/arm64.mjs"])),
};

let failures = 0;
for (const [name, check] of Object.entries(checks)) {
  const start = performance.now();
  try {
    check();
    console.log(`ok      ${name} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failures += 1;
    console.log(`FAILED  ${name}\n${error.message}`);
  }
}
process.exitCode = failures === 0 ? 0 : 1;
