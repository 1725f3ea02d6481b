// Other package managers than the npm at hand: versions of npm, pnpm and Bun, which npm brings.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { installRuntime } from "./runtimes.mjs";

/**
 * Installs tarballs of packages, which no registry has, with another package manager: without scripts, and as they
 * would be found by their names.
 *
 * @param name The package manager: `npm@…`, `pnpm@…` or `bun@…`.
 * @param project The folder to install into; it is made.
 * @param tarballs `{ name: path }` of the packages.
 * @param tools `{ npm, run }`: runs npm with arguments in a folder, and any program.
 */
export function installWith(name, project, tarballs, { npm, run }) {
  mkdirSync(project, { recursive: true });
  const dependencies = Object.fromEntries(
    Object.entries(tarballs).map(([packageName, tarball]) => [packageName, `file:${tarball}`]),
  );
  const manifest = { name: "project", private: true, dependencies, overrides: dependencies };
  writeFileSync(join(project, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  // pnpm reads its settings here; JSON is YAML.
  writeFileSync(join(project, "pnpm-workspace.yaml"), `${JSON.stringify({ overrides: dependencies })}\n`);
  const install = ["install", "--ignore-scripts"];
  if (name.startsWith("bun@")) {
    const { program } = installRuntime(name, join(project, "..", "bun"), npm);
    run(program, install, project);
  } else npm(["exec", "--yes", "--", name, ...install], project);
}
