// Writes docs/features.md from what the tests of kernels and operations prove on this machine: `node
// scripts/features.mjs`, after a build, some minutes. The tests tell what has passed
// (packages/kernels/test/conformance.ts); where one fails, nothing is written. `--check` runs no test and only looks
// whether the page has a row for everything that there is.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { definedOperations } from "../packages/autograd/dist/testing/definedOperations.js";
import { availableInstructionSets, createDevice, kernelTable } from "../packages/kernels/dist/index.js";

const page = "docs/features.md";
const features = {
  values: "computes: what is downloaded is what the kernels made, and not zeros",
  float64: "kernels in float64",
  checkFinite: "looks for NaN and infinities behind every kernel",
  profile: "profiles",
  mapFile: "mapped files",
  borrow: "arrays that kernels read in place",
  checksum: "checksums of mapped files",
};
const rows = {
  features: Object.keys(features),
  kernels: Object.keys(kernelTable),
  operations: (await definedOperations()).map(({ name }) => name),
};

/** Runs the tests of a package that tell what has passed, and gives what they told. */
function prove(name) {
  const scratch = mkdtempSync(join(tmpdir(), "splitmask-features-"));
  try {
    const collected = join(scratch, "conformance.jsonl");
    const folder = join("packages", name);
    const files = readdirSync(join(folder, "test"))
      .map((file) => join("test", file))
      .filter((file) => /\.test\.ts$/.test(file))
      .filter((file) => /conforms\(|compareKernel\(/.test(readFileSync(join(folder, file), "utf8")));
    const { status } = spawnSync("npm", ["test", "--", ...files], {
      cwd: folder,
      stdio: "inherit",
      env: { ...process.env, SPLITMASK_CONFORMANCE: collected },
    });
    if (status !== 0) throw new Error(`the tests of ${name} fail: ${page} is left as it is.`);
    return readFileSync(collected, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** The kernels that the addon has in a fast version, too. */
function fastKernels() {
  const registry = readFileSync("packages/kernels/native/generated/kernels.def", "utf8");
  return new Set([...registry.matchAll(/^(?:FAST|BFLOAT16)_KERNEL\((\w+),/gm)].map(([, name]) => name));
}

function markdownTable(header, lines) {
  return [header, header.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function write() {
  const facts = [...prove("kernels"), ...prove("autograd")];
  const has = (table, row, version) =>
    facts.some((fact) => fact.table === table && fact.row === row && fact.version === version);
  const sets = availableInstructionSets();
  const fast = fastKernels();
  const mark = (is) => (is ? "✓" : "–");

  const featureLines = Object.entries(features).map(([name, text]) => [
    `\`${name}\``,
    text,
    ...["native", "wasm", "dry"].map((backend) => mark(has("features", name, backend))),
  ]);
  const kernelLines = rows.kernels.map((name) => [
    `\`${name}\``,
    sets.every((set) => has("kernels", name, `fast ${set}`)) ? (fast.has(name) ? "✓" : "as naive") : "–",
    ...["naive", "naive float64", "wasm simd128", "dry"].map((version) =>
      mark(has("kernels", name, version)),
    ),
  ]);
  const directions = (name, version) =>
    ["forward", "backward"].filter((direction) => has(direction, name, version)).join(", ") || "–";
  const operationLines = rows.operations.map((name) => [
    `\`${name}\``,
    ...["fast", "naive", "float64", "wasm", "dry"].map((version) => directions(name, version)),
  ]);
  return `# What each backend can do

Written by \`node scripts/features.mjs\` from the results of the tests of kernels and operations: a cell is filled if a
test ran and passed. \`createDevice({ backend })\` chooses the backend. A feature that it lacks is an error that names
it; \`device.lacks(feature)\` tells in advance.

## Features

${markdownTable(["feature", "is", "native", "wasm", "dry"], featureLines)}

## Kernels

Native kernels are compared with the naive ones in float64, with one, two and three threads. The machine that wrote this
page ran the fast versions for ${sets.join(", ")} (\`node scripts/arm64.mjs\` runs the tests
for NEON); "as naive" means that there is no fast version. A dry device must count the same calls as a native one.

${markdownTable(["kernel", "fast", "naive", "float64", "wasm", "dry"], kernelLines)}

## Operations

Native operations are compared with PyTorch, and with finite differences in float64. On a dry device, shapes are
compared.

${markdownTable(["operation", "fast", "naive", "float64", "wasm", "dry"], operationLines)}
`;
}

/** The names in the first column of each table. */
function check() {
  const text = readFileSync(page, "utf8");
  for (const [section, expected] of Object.entries(rows)) {
    const [, body = ""] = text.split(`## ${section[0].toUpperCase()}${section.slice(1)}\n`);
    const found = [...body.split("\n## ")[0].matchAll(/^\| `(\w+)` /gm)].map(([, name]) => name);
    if (found.join() !== expected.join()) {
      throw new Error(`${page} has other ${section} than there are: run node scripts/features.mjs.`);
    }
  }
  for (const backend of ["native", "dry"]) {
    const device = createDevice({ backend, threads: 1 });
    const column = backend === "native" ? 3 : 5;
    for (const name of Object.keys(features)) {
      const cells = text
        .split("\n")
        .find((line) => line.startsWith(`| \`${name}\` |`))
        .split("|");
      if ((cells[column].trim() === "✓") === device.lacks(name)) {
        throw new Error(
          `${page} is wrong about ${name} of the ${backend} backend: run node scripts/features.mjs.`,
        );
      }
    }
    device.close();
  }
}

if (process.argv.includes("--check")) check();
else writeFileSync(page, write());
