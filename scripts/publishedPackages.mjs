// What each package would publish: `node scripts/publishedPackages.mjs` packs them all and checks contents, sizes,
// manifests and source maps, and runs publint and attw. Reads `dist`, so build first.

import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { packWorkspace, root } from "../tools/release/pack.mjs";
import { run } from "../tools/release/run.mjs";

/** Most kilobytes (1000 bytes) that a package's tarball may have: about a quarter more than it has today. */
const sizes = {
  "@splitmask/augmentation": 70,
  "@splitmask/autograd": 250,
  "@splitmask/cli": 100,
  "@splitmask/data": 575,
  "@splitmask/decoder": 15,
  "@splitmask/eval": 95,
  "@splitmask/files": 10,
  "@splitmask/kernels": 375,
  "@splitmask/losses": 30,
  "@splitmask/methods": 300,
  "@splitmask/nn": 60,
  "@splitmask/onnx": 60,
  "@splitmask/optim": 45,
  "@splitmask/pipelines": 425,
  "@splitmask/report": 125,
  splitmask: 5,
  "@splitmask/tokenizer": 75,
  "@splitmask/trainer": 225,
  "@splitmask/vit": 95,
};

const repository = "https://github.com/splitmask/splitmask";
const workspace = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

function contentFaults({ tarball, manifest }) {
  const files = run("tar", ["-tzf", tarball]).split("\n");
  const wanted = [
    "package/package.json",
    "package/README.md",
    "package/LICENSE",
    "package/dist/index.js",
    "package/dist/index.d.ts",
    // Where no binary fits, the addon is compiled from what is in the package.
    ...(files.some((file) => file.startsWith("package/native/"))
      ? ["package/native/generated/kernels.def"]
      : []),
  ];
  const missing = wanted.filter((file) => !files.includes(file));
  const stray = files.filter(
    (file) => /\/(test|node_modules|\.turbo|\.examples)\//.test(file) || file.endsWith(".tsbuildinfo"),
  );
  const kilobytes = statSync(tarball).size / 1000;
  const most = sizes[manifest.name];
  return [
    ...(missing.length > 0 ? [`the tarball lacks ${missing.join(", ")}`] : []),
    ...(stray.length > 0 ? [`the tarball holds ${stray.slice(0, 5).join(", ")}; narrow "files"`] : []),
    ...(most === undefined ? ["has no row in the table of sizes (scripts/publishedPackages.mjs)"] : []),
    ...(kilobytes > most ? [`has ${kilobytes.toFixed(0)} kB packed, at most ${most} kB are allowed`] : []),
  ];
}

function manifestFaults({ folder, manifest }) {
  const place = `packages/${basename(folder)}`;
  const wanted = {
    license: "MIT",
    type: "module",
    engines: workspace.engines,
    homepage: `${repository}/tree/main/${place}#readme`,
    bugs: `${repository}/issues`,
    repository: { type: "git", url: `git+${repository}.git`, directory: place },
  };
  return [
    ...Object.entries(wanted)
      .filter(([field, value]) => JSON.stringify(manifest[field]) !== JSON.stringify(value))
      .map(([field, value]) => `"${field}" of package.json has to be ${JSON.stringify(value)}`),
    ...(manifest.keywords?.length > 0 ? [] : ['package.json has no "keywords"']),
    ...["preinstall", "install", "postinstall"]
      .filter((script) => manifest.scripts?.[script])
      .map((script) => `has the install script "${script}"; users' package managers refuse those`),
  ];
}

/** A source map is of use only where the source is: in the package, or in the map. */
function sourceMapFaults({ folder }) {
  return readdirSync(join(folder, "dist"), { recursive: true })
    .filter((file) => /\.[cm]?js\.map$/.test(file) && !file.startsWith("."))
    .filter(
      (file) => JSON.parse(readFileSync(join(folder, "dist", file), "utf8")).sourcesContent === undefined,
    )
    .map((file) => `dist/${file} has no sources`);
}

async function publintFaults({ folder, manifest }) {
  const { messages } = await publint({ pkgDir: folder, pack: false, strict: true });
  return messages.map((message) => formatMessage(message, manifest, { color: false }));
}

/** Packages are ESM: how a CommonJS file's types resolve, and TypeScript's oldest resolution, are left out. */
async function typesFaults({ tarball }) {
  const { problems, types } = await checkPackage(createPackageFromTarballData(readFileSync(tarball)));
  if (types === false) return ["attw finds no types"];
  return problems
    .filter(({ resolutionKind }) => resolutionKind !== "node10" && resolutionKind !== "node16-cjs")
    .map((problem) => `attw: ${JSON.stringify(problem)}`);
}

/** @throws Error that lists the faults of all packages. */
export async function checkPublishedPackages() {
  const folder = mkdtempSync(join(tmpdir(), "splitmask-pack-"));
  try {
    const faults = [];
    for (const each of await packWorkspace(folder)) {
      const found = [
        ...contentFaults(each),
        ...manifestFaults(each),
        ...sourceMapFaults(each),
        ...(await publintFaults(each)),
        ...(await typesFaults(each)),
      ];
      faults.push(...found.map((fault) => `${each.manifest.name}: ${fault}.`));
    }
    if (faults.length > 0) throw new Error(faults.join("\n"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await checkPublishedPackages();
  } catch (error) {
    console.log(error.message);
    process.exitCode = 1;
  }
}
