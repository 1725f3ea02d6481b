import { readFileSync } from "node:fs";
import { harmless, UsageError } from "@splitmask/pipelines/settings";
import { Command, CommanderError } from "commander";
import { withoutAliases } from "./commands/aliases.js";
import { addCache } from "./commands/cache.js";
import { type CommandLine, declare, methodOfCommandLine } from "./commands/commandLine.js";
import { addDoctor } from "./commands/doctor.js";
import {
  addEmbed,
  addExport,
  addKnn,
  addPredict,
  addProbe,
  addReport,
  addSimilar,
} from "./commands/encoder.js";
import { addStudy } from "./commands/study.js";
import {
  addBench,
  addFinetune,
  addPretrain,
  addPreview,
  addSchema,
  addTokenizer,
} from "./commands/training.js";
import { CommandTerminal, type TerminalOptions } from "./terminal/terminal.js";

/** Where the command writes; for tests and programs that call `main` themselves. */
export type MainOptions = Pick<TerminalOptions, "output" | "error">;

/**
 * Runs the `splitmask` command.
 *
 * @param args The arguments after the program's name.
 * @param options Where it writes.
 * @returns The exit code: 0, 1 for a failure, 2 for a usage error, 130 and 143 where SIGINT and SIGTERM ended a run
 *   early.
 */
export async function main(args: readonly string[], options: MainOptions = {}): Promise<number> {
  const { output = process.stdout, error = process.stderr } = options;
  const json = args.includes("--json");
  const terminal = new CommandTerminal({ output, error, json, quiet: args.includes("--quiet") });
  try {
    const commandLine = await declareCommands(args, terminal, { output, error });
    const { program } = commandLine;
    await program.parseAsync(withoutAliases(program, args), { from: "user" });
    return commandLine.exitCode;
  } catch (failure) {
    const refused = failure instanceof CommanderError; // which commander has written already
    if (refused && failure.exitCode === 0) return 0;
    const message = failure instanceof Error ? failure.message : String(failure);
    if (!refused) {
      terminal.endProgress();
      error.write(`${terminal.style.red("error:")} ${harmless(message)}\n`);
      if (process.env.SPLITMASK_DEBUG && failure instanceof Error) error.write(`${failure.stack}\n`);
    }
    if (json) output.write(`${JSON.stringify({ error: message.replace(/^error: /, "") })}\n`);
    return refused || failure instanceof UsageError ? 2 : 1;
  }
}

const lastGroup = "This machine:";

/** The commands in the order of the work. */
const commandGroups = {
  "Learn from pictures:": [addPreview, addPretrain, addTokenizer],
  "See what was learned:": [addKnn, addProbe, addReport, addStudy],
  "Use it:": [addFinetune, addPredict, addEmbed, addSimilar, addExport],
  [lastGroup]: [addDoctor, addBench, addCache, addSchema],
};

/** The program with its commands, whose options depend on the method that the arguments name. */
export async function declareCommands(
  args: readonly string[],
  terminal: CommandTerminal,
  { error, output }: Required<MainOptions>,
): Promise<CommandLine> {
  const method = await methodOfCommandLine(args);
  const program = splitmask().configureOutput({
    writeOut: (text) => output.write(text),
    writeErr: (text) => error.write(text),
  });
  const commandLine: CommandLine = { program, terminal, method, exitCode: 0 };
  for (const [heading, commands] of Object.entries(commandGroups)) {
    program.commandsGroup(heading);
    for (const add of commands) add(commandLine);
  }
  return commandLine;
}

/** The program without its commands, which take over how it fails and writes. */
function splitmask(): Command {
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  const program = new Command("splitmask")
    .version(version, "-v, --version")
    .exitOverride()
    .showHelpAfterError("(see --help for the options)")
    .showSuggestionAfterError()
    .addHelpCommand(
      new Command("help")
        .argument("[command]")
        .description("Show the help of a command")
        .helpGroup(lastGroup),
    );
  return declare(
    program,
    `
    Pre-train a vision transformer on your own pictures, with no labels.
    $ splitmask pretrain ./photos --out runs/photos
      pre-train; the settings are chosen from the pictures
    $ splitmask knn runs/photos --train ./labeled/train --test ./labeled/test
      measure what was learned
    $ splitmask doctor
      check the installation`,
  );
}
