import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { declareCommands } from "../dist/program.js";
import { CommandTerminal } from "../dist/terminal/terminal.js";
import { callMain } from "./command.js";

// What we print and write for people to type has to work as it stands.

const root = fileURLToPath(new URL("../../../", import.meta.url));
const readAll = (paths: readonly string[]) =>
  paths.map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }));
/** Files of an ending below a folder. */
const filesBelow = (folder: string, ending: string) =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(ending))
    .map((path) => join(folder, path));
const packages = readdirSync(join(root, "packages")).map((name) => join("packages", name));
const pages = readAll([
  "README.md",
  ...packages.map((path) => join(path, "README.md")),
  ...["docs/guides", "docs/rooms"].flatMap((folder) => filesBelow(folder, ".md")),
  ...readdirSync(join(root, "docs")).flatMap((name) => (name.endsWith(".md") ? [join("docs", name)] : [])),
]);
const sources = readAll(packages.flatMap((path) => filesBelow(join(path, "src"), ".ts")));

const silent = { output: { write: () => {} }, error: { write: () => {} } };
const declared = (words: readonly string[]) =>
  declareCommands(words, new CommandTerminal({ ...silent, json: false, quiet: true }), silent);

/** The examples of every command's `--help`. */
async function helpExamples(): Promise<(readonly [place: string, line: string])[]> {
  const { program } = await declared(["pretrain"]);
  const names = ["", ...program.commands.map((command) => command.name())];
  const helps = names.map(async (name) => {
    const { output } = await callMain(name === "" ? ["--help"] : [name, "--help"]);
    return output.split("\n").map((line) => [`help of ${name}`, line.trim()] as const);
  });
  return (await Promise.all(helps)).flat();
}

/** Lines of shell blocks, continued ones joined. */
const shellLines = pages.flatMap(({ path, text }) =>
  [...text.matchAll(/^```(?:sh|bash|console)\n(.*?)^```/gms)].flatMap(([, block]) =>
    block!
      .replaceAll(/\\\n\s*/g, " ")
      .split("\n")
      .map((line) => [path, line.trim()] as const),
  ),
);

/** What is typed after `splitmask`; nothing of other lines. */
function typedIn(line: string): string {
  const command = /^(?:\$ )?(?:npx )?splitmask (.*)$/.exec(line)?.[1] ?? "";
  // Without comments, redirections and further commands; what is in brackets may be left out.
  const [typed = ""] = command.split(/\s+(?:#|>|\||&&|2>)|;/);
  return isOpen(typed) ? "" : typed.replaceAll(/[[\]]/g, "");
}

/** Whether something is left out, or a module has options of its own, which a reader has and this test has not. */
const isOpen = (command: string) => command.includes("…") || / --method \.\S/.test(command);

const wholeCommands = [...shellLines, ...(await helpExamples())].flatMap(([path, line]) => {
  const typed = typedIn(line);
  return typed === "" ? [] : [[path, typed] as const];
});

/** Commands within sentences, perhaps without their arguments. */
const namedCommands = [...pages, ...sources].flatMap(({ path, text }) =>
  [...text.matchAll(/`(?:npx )?splitmask ([a-z][^`\n\\]*)\\?`/g)].flatMap(([, command]) =>
    isOpen(command!) ? [] : [[path, command!] as const],
  ),
);

const wordsOf = (command: string) =>
  [...command.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, plain]) => double ?? single ?? plain!,
  );

/** The program, whose commands are parsed and not run. */
async function idleProgram(words: readonly string[]): Promise<Command> {
  const { program } = await declared(words);
  const idle = (command: Command): void => {
    if (command.commands.length === 0) command.action(() => {});
    for (const below of command.commands) idle(below);
  };
  idle(program);
  return program;
}

test.each(wholeCommands)("%s: splitmask %s", async (_, command) => {
  const words = wordsOf(command);
  const parsed = (await idleProgram(words)).parseAsync(words, { from: "user" });
  await parsed.catch((error: unknown) => {
    if ((error as { exitCode?: number }).exitCode !== 0) throw error; // --help ends with 0
  });
});

test.each(namedCommands)("%s: `splitmask %s` and its options exist", async (_, command) => {
  const words = wordsOf(command);
  let found: Command | undefined = await idleProgram(words);
  for (const word of words) {
    const below: Command | undefined = found!.commands.find((each) => each.name() === word);
    if (below === undefined) break;
    found = below;
  }
  expect(found!.name()).not.toBe("splitmask");
  const options = words.flatMap((word) => /^--[a-z-]+/.exec(word)?.[0] ?? []);
  const known = ["--help", ...found!.options.map(({ long }) => long)];
  expect(options.filter((option) => !known.includes(option))).toEqual([]);
});

test("npx is asked for nothing but splitmask: other names may be anybody's", () => {
  const asked = [...pages, ...sources].flatMap(({ text }) =>
    [...text.matchAll(/\bnpx\s+(?:-\S+\s+)*([@\w][^\s`"']*)/g)].map(([, name]) => name),
  );
  expect(asked.length).toBeGreaterThan(10);
  expect([...new Set(asked)]).toEqual(["splitmask"]);
});

test("there are such commands", () => {
  expect(wholeCommands.length).toBeGreaterThan(50);
  expect(namedCommands.length).toBeGreaterThan(50);
});
