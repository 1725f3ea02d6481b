// Packs the packages of this workspace as they are published: versions in place of `workspace:`, and only what "files"
// names. Reads `dist`, so build first.
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { withOptionalDependencies } from "./platforms.mjs";
import { run } from "./run.mjs";

/** The repository's folder. */
export const root = fileURLToPath(new URL("../..", import.meta.url));

/** The packages that are published: `[{ folder, manifest }]`. */
export const publishedPackages = readdirSync(join(root, "packages"))
  .map((name) => join(root, "packages", name))
  .map((folder) => ({ folder, manifest: JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) }))
  .filter(({ manifest }) => !manifest.private);

/** Packs every package into `outFolder`. Returns the packages, each with the path of its `tarball`. */
export async function packWorkspace(outFolder) {
  const destination = resolve(outFolder);
  mkdirSync(destination, { recursive: true });
  const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const pnpm = ["--yes", "--prefer-offline", packageManager];
  const pack = [
    ...pnpm,
    "--recursive",
    "--filter",
    "./packages/*",
    "pack",
    "--pack-destination",
    destination,
  ];
  await withOptionalDependencies(() => run("npx", pack, { cwd: root }));
  return publishedPackages.map((each) => {
    const name = each.manifest.name.replace("@", "").replace("/", "-");
    return { ...each, tarball: join(destination, `${name}-${each.manifest.version}.tgz`) };
  });
}
