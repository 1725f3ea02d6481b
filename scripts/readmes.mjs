// READMEs have one order: what the package is, how to install it (everything that its examples import), what it runs
// on, an example, and last the reasons for its dependencies. `node scripts/readmes.mjs` checks that.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import typescript from "typescript";
import { markdownExamples } from "./examples.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const { engines, devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const minimumNode = engines.node.replace(">=", "");
const minimumTypeScript = /@(\d+\.\d+)/.exec(devDependencies["typescript-minimum"])[1];

const platform =
  `Runs on the CPU with Node.js ${minimumNode} or later; \`require()\` works from 20.19 and 22.12 on. The types need ` +
  `TypeScript ${minimumTypeScript} or later.`;

/** What the examples of a README import, Node.js's own modules left out. */
function importsOf(readme) {
  const found = markdownExamples(readme).flatMap(({ code }) =>
    typescript.preProcessFile(code, true, true).importedFiles.map(({ fileName }) => fileName),
  );
  const names = found
    .filter((path) => !path.startsWith("node:"))
    .map((path) => /^(@[^/]+\/)?[^/]+/.exec(path)[0]);
  return [...new Set(names)];
}

function faultsOf(folder) {
  const readme = join(folder, "README.md");
  const { name } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const text = readFileSync(readme, "utf8");
  const [, installed] = /^npm install (?!--)(.+)$/m.exec(text) ?? [];
  const words = installed?.split(" ") ?? [];
  const wanted = [name, ...importsOf(readme)];
  const missing = [...new Set(wanted)].filter((each) => !words.includes(each));
  const headings = [...text.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading);
  const places = ["\nnpm install ", "Runs on the CPU", "```ts\n", "\n## Dependencies\n"].map((part) =>
    text.indexOf(part),
  );
  return [
    ...(text.startsWith(`# ${name}\n`) ? [] : [`its README has to begin with "# ${name}"`]),
    ...(missing.length > 0 ? [`the line "npm install …" of its README lacks ${missing.join(", ")}`] : []),
    ...(text.replaceAll(/\s+/g, " ").includes(platform) ? [] : [`its README does not say: ${platform}`]),
    ...(headings.at(-1) === "Dependencies"
      ? []
      : ['the last section of its README has to be "Dependencies"']),
    ...(places.every((place, index) => place > (places[index - 1] ?? 0))
      ? []
      : ["its README has another order than install, what it runs on, example, dependencies"]),
  ].map((fault) => `${name}: ${fault}.`);
}

const faults = readdirSync(join(root, "packages"))
  .map((name) => join(root, "packages", name))
  .filter((folder) => existsSync(join(folder, "package.json")))
  .flatMap(faultsOf);
for (const fault of faults) console.log(fault);
process.exitCode = faults.length === 0 ? 0 : 1;
