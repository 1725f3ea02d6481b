// Imports point down only: `node scripts/imports.mjs` finds circles of files within the src of a package, and imports
// from one package to another that is not on a lower level. Type-only imports count. The levels are those of
// docs/architecture.md.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import typescript from "typescript";

const root = fileURLToPath(new URL("..", import.meta.url));

/** What the table of levels says: name → number. */
function readLevels() {
  const text = readFileSync(join(root, "docs/architecture.md"), "utf8");
  const levels = new Map();
  for (const [, level, names] of text.matchAll(/^\|\s*(\d+)\s*\|([^|]*)\|/gm))
    for (const [, name] of names.matchAll(/`((?:@splitmask\/)?[a-z0-9-]+)`/g))
      levels.set(name, Number(level));
  return levels;
}

/** What a source file imports or exports from, as it is written; types and `import()` included. */
const importsOf = (file) =>
  typescript
    .preProcessFile(readFileSync(file, "utf8"), true, true)
    .importedFiles.map(({ fileName }) => fileName);

/**
 * Files that reach themselves through their imports: the strongly connected components of more than one file, or of one
 * that imports itself (Tarjan 1972).
 */
function circlesOf(graph) {
  const circles = [];
  const numbers = new Map();
  const stack = [];
  const open = new Set();
  const visit = (file) => {
    const own = numbers.size;
    let lowest = own;
    numbers.set(file, own);
    stack.push(file);
    open.add(file);
    for (const next of graph.get(file)) {
      if (!numbers.has(next)) lowest = Math.min(lowest, visit(next));
      else if (open.has(next)) lowest = Math.min(lowest, numbers.get(next));
    }
    if (lowest === own) {
      const component = stack.splice(stack.indexOf(file));
      for (const each of component) open.delete(each);
      if (component.length > 1 || graph.get(file).includes(file)) circles.push(component);
    }
    return lowest;
  };
  for (const file of graph.keys()) if (!numbers.has(file)) visit(file);
  return circles;
}

/** Every circle and every arrow that does not point down, one line each. */
export function findImportFaults() {
  const levels = readLevels();
  const faults = [];
  for (const folder of readdirSync(join(root, "packages")).map((name) => join(root, "packages", name))) {
    const { name } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    if (!levels.has(name))
      faults.push(`${name}: has no level. Give it a row in the table of docs/architecture.md.`);
    const source = join(folder, "src");
    if (!existsSync(source)) continue;
    const files = readdirSync(source, { recursive: true })
      .filter((file) => file.endsWith(".ts"))
      .map((file) => join(source, file));
    const graph = new Map();
    for (const file of files) {
      const imports = importsOf(file);
      const near = imports.filter((path) => path.startsWith(".")).map((path) => resolve(dirname(file), path));
      graph.set(
        file,
        near.map((path) => path.replace(/\.js$/, ".ts")).filter((path) => files.includes(path)),
      );
      for (const other of new Set(
        imports.map((path) => /^(@splitmask\/[^/]+|splitmask)(\/|$)/.exec(path)?.[1]),
      )) {
        if (other !== undefined && !(levels.get(other) < levels.get(name)))
          faults.push(
            `${relative(root, file)}: ` +
              `imports ${other} (level ${levels.get(other) ?? "unknown"}) from level ${levels.get(name)}.`,
          );
      }
    }
    for (const circle of circlesOf(graph))
      faults.push(
        `${name}: a circle of files: ${circle
          .map((file) => relative(source, file))
          .sort()
          .join(", ")}.`,
      );
  }
  return faults;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const faults = findImportFaults();
  for (const fault of faults) console.log(fault);
  process.exitCode = faults.length === 0 ? 0 : 1;
}
