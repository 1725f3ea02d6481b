// Packages name what they need and nothing else: `node scripts/dependencies.mjs` compares the imports of each built
// package (`dist`, declarations included) with its package.json. What only tests, benchmarks, scripts and examples
// import is a development dependency. Reads `dist`, so build first.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import typescript from "typescript";
import { optionalDependencies } from "../tools/release/platforms.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));

/** The package that an import asks for; undefined where it is a file, an entry of "imports" or a module of Node.js. */
const packageOf = (path) => (/^(\.|#|node:)/.test(path) ? undefined : /^(?:@[^/]+\/)?[^/]+/.exec(path)[0]);

const typesOf = (name) => `@types/${name.replace("@", "").replace("/", "__")}`;

/** All files below some paths; hidden ones and what is installed are left out. */
function filesBelow(folder, names) {
  return names
    .map((name) => join(folder, name))
    .filter((path) => existsSync(path))
    .flatMap((path) =>
      statSync(path).isFile()
        ? [path]
        : readdirSync(path, { recursive: true, withFileTypes: true })
            .filter((entry) => entry.isFile())
            .map((entry) => join(entry.parentPath ?? entry.path, entry.name)),
    )
    .filter((path) => !/\/(\.[^/]+|node_modules|fixtures)\//.test(path));
}

/** The packages that the code of a package imports when it runs, or that its declarations mention. */
function packagesImported(folder) {
  const found = new Set();
  for (const file of filesBelow(folder, ["dist"]).filter((path) => /\.(d\.[cm]?ts|[cm]?js)$/.test(path))) {
    const text = readFileSync(file, "utf8");
    const isDeclaration = /\.d\.[cm]?ts$/.test(file);
    const { importedFiles, typeReferenceDirectives } = typescript.preProcessFile(text, true, true);
    for (const { fileName } of importedFiles) {
      const name = packageOf(fileName);
      if (name === undefined) continue;
      found.add(name);
      if (isDeclaration) found.add(typesOf(name));
      // Its declarations mention types of Node.js.
      if (isDeclaration && name === "sharp") found.add("@types/node");
    }
    for (const { fileName } of typeReferenceDirectives) found.add(typesOf(fileName));
  }
  return found;
}

/** Everything else in the package, and the guides that are run inside the package `splitmask`, as one text. */
function otherText(folder, name) {
  const files = filesBelow(folder, ["test", "bench", "scripts", "src", "README.md"]);
  const guides = name === "splitmask" ? filesBelow(root, ["docs/guides"]) : [];
  return [...files, ...guides].map((file) => readFileSync(file, "utf8")).join("\n");
}

/** What a package lacks or has too many, one line each. */
function faultsOf(folder) {
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const { name, dependencies = {}, peerDependencies = {}, devDependencies = {} } = manifest;
  const imported = packagesImported(folder);
  const needed = (other) => other !== name && !other.startsWith("@types/");
  const optional = name === "@splitmask/kernels" ? optionalDependencies() : {}; // which are written at a release
  const installed = { ...dependencies, ...peerDependencies, ...optional };
  const text = otherText(folder, name);
  const isMentioned = (other) => text.includes(other.replace(/^@types\//, ""));
  return [
    ...[...imported]
      .filter((other) => needed(other) && installed[other] === undefined)
      .map((other) => `${name}: imports ${other}, which is not among its dependencies.`),
    // What is compiled on the user's machine is named by the scripts that do it.
    ...Object.keys(dependencies)
      .filter((other) => !imported.has(other) && !(manifest.files.includes("scripts") && isMentioned(other)))
      .map((other) => `${name}: depends on ${other} and does not import it.`),
    ...Object.keys(devDependencies)
      .filter((other) => !isMentioned(other))
      .map((other) => `${name}: has the development dependency ${other} and does not mention it.`),
    ...Object.keys(devDependencies)
      .filter((other) => dependencies[other] !== undefined)
      .map((other) => `${name}: has ${other} twice, as dependency and as development dependency.`),
  ];
}

const faults = readdirSync(join(root, "packages")).flatMap((name) => faultsOf(join(root, "packages", name)));
for (const fault of faults) console.log(fault);
process.exitCode = faults.length === 0 ? 0 : 1;
