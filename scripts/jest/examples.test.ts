import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { type Example, markdownExamples, programOf } from "../examples.mjs";

// Runs every ts block of the package's README.md and every @example of its docstrings as a program of its own, from
// inside the package. The guides of docs/guides are run inside the package `splitmask`, which has all others at hand.
// A `text` block that follows a ts block of a README or guide is what the program has to print.

const packageRoot = process.cwd();
const scratch = join(packageRoot, "dist", ".examples");

function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

function docstringExamples(): Example[] {
  return sourceFiles(join(packageRoot, "src")).flatMap((file) => {
    const blocks = readFileSync(file, "utf8").matchAll(/@example\s*\n\s*\*\s*```ts\n([\s\S]*?)\*\s*```/g);
    return [...blocks].map((block, index) => ({
      name: `${relative(packageRoot, file)} @example ${index + 1}`,
      code: block[1]!.replace(/^\s*\* ?/gm, ""),
      output: undefined,
    }));
  });
}

function guides(): string[] {
  const { name } = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")) as { name: string };
  const folder = "../../docs/guides";
  return name === "splitmask" ? readdirSync(join(packageRoot, folder)).map((file) => join(folder, file)) : [];
}

const { private: isUnpublished = false } = JSON.parse(
  readFileSync(join(packageRoot, "package.json"), "utf8"),
) as { private?: boolean };

/** A guide, or the README of what is not published, may be of commands alone, which take too long to be run here. */
const isOfCommands = (path: string) =>
  (path !== "README.md" || isUnpublished) && readFileSync(join(packageRoot, path), "utf8").includes("```sh");

const pages = ["README.md", ...guides()].map((path) => ({
  path,
  blocks: markdownExamples(join(packageRoot, path)),
}));
const examples = [...pages.flatMap(({ blocks }) => blocks), ...docstringExamples()];

beforeAll(() => {
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch, { recursive: true });
});

test.each(pages)("$path has an example", ({ blocks, path }) => {
  expect(blocks.length > 0 || isOfCommands(path)).toBe(true);
});

if (examples.length > 0)
  test.each(examples)("$name runs", ({ name, code, output }) => {
    const file = join(scratch, `${name.replaceAll(/[^A-Za-z0-9]+/g, "-")}.mjs`);
    writeFileSync(file, programOf(code));
    const child = spawnSync(process.execPath, [file], { cwd: scratch, encoding: "utf8" });
    expect(child.stderr).toBe("");
    expect(child.status).toBe(0);
    if (output !== undefined) expect(child.stdout.trim()).toBe(output.trim());
  });
