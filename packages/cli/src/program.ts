import { readFileSync } from "node:fs";
import { harmless, UsageError } from "@splitmask/pipelines/settings";
import { Command, CommanderError } from "commander";
import { addBench } from "./commands/bench.js";
import { addCache } from "./commands/cache.js";
import { type CommandLine, exampleHelp, methodOfCommandLine } from "./commands/commandLine.js";
import { addDoctor } from "./commands/doctor.js";
import { addEmbed } from "./commands/embed.js";
import { addEvaluation } from "./commands/evaluation.js";
import { addFinetune } from "./commands/finetune.js";
import { addPredict } from "./commands/predict.js";
import { addPretrain } from "./commands/pretrain.js";
import { addPreview } from "./commands/preview.js";
import { addReport } from "./commands/report.js";
import { addSchema } from "./commands/schema.js";
import { CommandTerminal, type TextStream } from "./terminal/terminal.js";

/** Where the command writes; for tests and programs that call `main` themselves. */
export interface MainOptions {
  /** Standard output; `process.stdout` when not given. */
  readonly output?: TextStream;
  /** Standard error; `process.stderr` when not given. */
  readonly error?: TextStream;
}

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
    const method = await methodOfCommandLine(args);
    const program = splitmask().configureOutput({
      writeOut: (text) => output.write(text),
      writeErr: (text) => error.write(text),
    });
    const commandLine: CommandLine = { program, terminal, method, exitCode: 0 };
    addPretrain(commandLine);
    addPreview(commandLine);
    addEvaluation(
      commandLine,
      "probe",
      "Linear probe: train a linear classifier on the embeddings of the frozen encoder, and test it",
    );
    addEvaluation(
      commandLine,
      "knn",
      "Accuracy of a k-nearest-neighbor classifier on the encoder's embeddings",
    );
    addPredict(commandLine);
    addFinetune(commandLine);
    addEmbed(commandLine);
    addReport(commandLine);
    addBench(commandLine);
    addSchema(commandLine);
    addCache(commandLine);
    addDoctor(commandLine);
    await program.parseAsync(args, { from: "user" });
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

/** The program without its commands, which take over how it fails and writes. */
function splitmask(): Command {
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  return new Command("splitmask")
    .description("Pre-train a vision transformer on your own pictures, with no labels.")
    .version(version, "-v, --version")
    .exitOverride()
    .showHelpAfterError("(see --help for the options)")
    .showSuggestionAfterError()
    .addHelpText(
      "after",
      exampleHelp(`
        splitmask pretrain ./photos --out runs/photos
        pre-train; the settings are chosen from the pictures
        splitmask knn runs/photos --train ./labeled/train --test ./labeled/test
        measure what was learned
        splitmask doctor
        check the installation
      `),
    );
}
