// Publishes what the registry does not have yet: the platform packages, with the binaries that buildBinaries.mjs made,
// then the packages of the workspace, with provenance. `--dry-run` uploads nothing.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packWorkspace, run } from "./pack.mjs";
import { binaryOf, packPlatformPackage, platforms } from "./platforms.mjs";

const isDry = process.argv.includes("--dry-run");
const missing = platforms.filter((platform) => !existsSync(binaryOf(platform)));
if (missing.length > 0) {
  console.error(
    `publish.mjs: there is no binary for ${missing.map(({ target }) => target).join(", ")}. ` +
      "Run `node tools/release/buildBinaries.mjs` first.",
  );
  process.exit(1);
}

const isPublished = (name, version) =>
  spawnSync("npm", ["view", `${name}@${version}`, "version"], { encoding: "utf8" }).stdout.trim() !== "";

const folder = mkdtempSync(join(tmpdir(), "splitmask-publish-"));
try {
  const workspace = await packWorkspace(folder);
  const { version } = workspace.find(({ manifest }) => manifest.name === "@splitmask/kernels").manifest;
  const tarballs = [
    ...platforms.map((platform) => ({
      name: platform.packageName,
      version,
      tarball: packPlatformPackage(folder, platform, binaryOf(platform)),
    })),
    ...workspace.map(({ manifest, tarball }) => ({ ...manifest, tarball })),
  ];
  for (const { name, version, tarball } of tarballs) {
    if (isPublished(name, version)) {
      console.log(`${name}@${version} is published`);
      continue;
    }
    // Outside of GitHub's workflows there is nothing to attest.
    const options = isDry ? ["--dry-run"] : ["--provenance"];
    run("npm", ["publish", tarball, "--access", "public", ...options]);
    console.log(`${name}@${version}: ${isDry ? "would be published" : "published"}`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
