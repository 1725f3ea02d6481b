// What CI checks besides the tests: format and lint, the length of lines, imports that point down, the types of the
// tests, the API documentation, what each package would publish and whether that works where it is installed, the
// instructions of training steps, arm64.
import { join } from "node:path";
import { run } from "../tools/release/run.mjs";
import { checkPublishedPackages } from "./publishedPackages.mjs";
import { checkSettingsPage } from "./settingsPage.mjs";

const bin = (name) => join("node_modules", ".bin", name);

const checks = {
  "format and lint": () => run(bin("biome"), ["ci", "."]),
  "at most 120 columns": () => run(process.execPath, ["scripts/columns.mjs"]),
  "imports point down": () => run(process.execPath, ["scripts/imports.mjs"]),
  workflows: () => run(process.execPath, ["scripts/workflows.mjs"]),
  "types of the tests": () => run(bin("tsc"), ["-p", "tsconfig.tests.json"]),
  "docs/features.md": () => run(process.execPath, ["scripts/features.mjs", "--check"]),
  "documentation site": () => run(process.execPath, ["scripts/docs.mjs"]),
  "page of the settings": checkSettingsPage,
  "order of READMEs": () => run(process.execPath, ["scripts/readmes.mjs"]),
  "dependencies of packages": () => run(process.execPath, ["scripts/dependencies.mjs"]),
  "published packages": checkPublishedPackages,
  "installed packages": () => process.stdout.write(run(process.execPath, ["tools/release/verify.mjs"])),
  "instructions of a step": () =>
    process.stdout.write(run(process.execPath, ["packages/pipelines/bench/instructions.mjs"])),
  arm64: () => process.stdout.write(run(process.execPath, ["scripts/arm64.mjs"])),
};

let failures = 0;
for (const [name, check] of Object.entries(checks)) {
  const start = performance.now();
  try {
    await check();
    console.log(`ok      ${name} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failures += 1;
    console.log(`FAILED  ${name}\n${error.message}`);
  }
}
process.exitCode = failures === 0 ? 0 : 1;
