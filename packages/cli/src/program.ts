import { readFileSync } from "node:fs";
import {
  type Config,
  harmless,
  methodReference,
  pretrainingGroups,
  readConfigFile,
  sharedGroups,
  UsageError,
  usualRunFolder,
} from "@splitmask/pipelines/settings";
import { Command, CommanderError } from "commander";
import {
  type Action,
  type CommonOptions,
  choiceOption,
  dryRunOption,
  examples,
  finish,
  isDryRun,
  maximumSkippedOption,
  numbers,
  type Perform,
  runMethodOption,
  texts,
} from "./commands/commandOptions.js";
import { addEvaluationCommands } from "./commands/evaluationOptions.js";
import { addFieldOptions, someOf } from "./commands/fieldOptions.js";
import { addFinetuneCommand } from "./commands/finetuneOptions.js";
import { type Method, methodOfCommandLine } from "./commands/methodOption.js";
import { CommandTerminal, type TextStream } from "./terminal/terminal.js";

/** Where the command writes; for tests and programs that call `main` themselves. */
export interface MainOptions {
  /** Standard output; `process.stdout` when not given. */
  readonly output?: TextStream;
  /** Standard error; `process.stderr` when not given. */
  readonly error?: TextStream;
}

/** The settings that a preview shows: none of the training loop, and of the model no depth. */
const previewed = new Set([
  ...["method", "imageSize", "patch", "seed", "threads"],
  ...Object.keys(sharedGroups.augmentation.fields),
  ...Object.keys(sharedGroups.source.fields),
]);

/** What a few steps on random pictures do not depend on. */
const notTimed = new Set([
  ...["steps", "epochs", "time", "warmup", "minimumLearningRate"],
  ...["checkpointEvery", "keepCheckpoints", "onNan"],
  ...Object.keys(sharedGroups.normalization.fields),
  ...Object.keys(sharedGroups.source.fields),
  ...Object.keys(sharedGroups.subset.fields),
  ...Object.keys(sharedGroups.monitor.fields),
]);

/**
 * Runs the `splitmask` command.
 *
 * @param args The arguments after the program's name.
 * @param options Where it writes.
 * @returns The exit code: 0, 1 for a failure, 2 for a usage error, 130 and 143 where SIGINT and SIGTERM ended a run
 *   early.
 */
export async function main(args: readonly string[], options: MainOptions = {}): Promise<number> {
  const output = options.output ?? process.stdout;
  const error = options.error ?? process.stderr;
  const streams = { output, error };
  let code = 0;

  const perform = async (common: CommonOptions, action: Action): Promise<void> => {
    const json = common.json === true || common.dataOnOutput === true;
    const terminal = new CommandTerminal({ ...streams, json, quiet: common.quiet === true });
    try {
      code = (await action(terminal)) ?? 0;
    } catch (failure) {
      code = failure instanceof UsageError ? 2 : 1;
      const message = failure instanceof Error ? failure.message : String(failure);
      terminal.endProgress();
      error.write(`${terminal.style.red("error:")} ${harmless(message)}\n`);
      if (process.env.SPLITMASK_DEBUG && failure instanceof Error) error.write(`${failure.stack}\n`);
      if (common.json === true) output.write(`${JSON.stringify({ error: message })}\n`);
    }
  };

  const program = new Command("splitmask");
  await perform({ json: args.includes("--json") }, async () => {
    addCommands(program, perform, await methodOfCommandLine(args));
    return 0;
  });
  if (code !== 0) return code;
  program.exitOverride().configureOutput({
    writeOut: (text) => output.write(text),
    writeErr: (text) => error.write(text),
  });
  const inherit = (parent: Command): void => {
    for (const command of parent.commands) {
      command.exitOverride().copyInheritedSettings(program);
      inherit(command);
    }
  };
  inherit(program);
  try {
    await program.parseAsync(args as string[], { from: "user" });
  } catch (failure) {
    if (!(failure instanceof CommanderError)) throw failure;
    if (failure.exitCode === 0) return 0;
    if (args.includes("--json"))
      output.write(`${JSON.stringify({ error: failure.message.replace(/^error: /, "") })}\n`);
    return 2;
  }
  return code;
}

/** The version in this package's package.json. */
function packageVersion(): string {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

/**
 * Declares the commands.
 *
 * @param method The method whose own settings are options; null where the command line names no command that has them.
 */
function addCommands(program: Command, perform: Perform, method: Method | null): void {
  const groups = method === null ? [] : pretrainingGroups(method);
  /** The fields of the command line, and behind them those of the configuration file. */
  const configOf = async (
    parsed: Readonly<Record<string, unknown>>,
    { method: named, ...given }: Readonly<Record<string, unknown>>,
  ): Promise<Config> => {
    const file =
      typeof parsed.config === "string" ? await readConfigFile(parsed.config, method ?? undefined) : {};
    return { ...file, ...given, ...(typeof named === "string" ? { method: methodReference(named) } : {}) };
  };

  program
    .description("Pre-train a vision transformer on your own pictures, with no labels.")
    .version(packageVersion(), "-v, --version")
    .showHelpAfterError("(see --help for the options)")
    .showSuggestionAfterError()
    .addHelpText(
      "after",
      examples(
        [
          "splitmask pretrain ./photos --out runs/photos",
          "pre-train; the settings are chosen from the pictures",
        ],
        [
          "splitmask knn runs/photos --train ./labeled/train --test ./labeled/test",
          "measure what was learned",
        ],
        ["splitmask doctor", "check the installation"],
      ),
    );

  const pretrain = program
    .command("pretrain")
    .description("Pre-train an encoder on a folder of pictures")
    .argument(
      "<folder>",
      "folder of pictures, flat or nested (labels are not used); or a quoted pattern, a text file of paths, a table, tar shards, Parquet, IDX, CIFAR or COCO",
    )
    .option(
      "--out <run>",
      "run folder to write: configuration, checkpoints, metrics, report (default: runs/<name of the pictures' folder>)",
    )
    .option(
      "--config <file>",
      "configuration file: .json, .js, .mjs or .ts; options on the command line override it",
    );
  const pretrainFields = addFieldOptions(pretrain, groups);
  pretrain
    .option("--resume", "continue from the last checkpoint of the run folder")
    .option("--overwrite", "delete the earlier run in the run folder first")
    .option(...dryRunOption);
  finish(pretrain, [
    [
      "splitmask pretrain ./photos --out runs/photos",
      "all settings are chosen, and printed with their reasons",
    ],
    ["splitmask pretrain ./photos --out runs/photos --time 20m", "as many steps as fit in twenty minutes"],
    ["splitmask pretrain ./photos --dry-run", "show what would be trained, and the time and memory it takes"],
    ["splitmask pretrain ./photos --out runs/photos --resume", "continue after Ctrl-C"],
    ["splitmask pretrain ./photos --out runs/large --model small --image-size 112 --epochs 100", "ViT-S"],
  ]).action((folder: string, parsed: CommonOptions & Record<string, unknown>) =>
    perform(parsed, async (terminal) => {
      const config = await configOf(parsed, pretrainFields(parsed));
      const { runDryRun, runPretrain } = await import("./commands/pretrain.js");
      const { out = usualRunFolder(folder) } = texts(parsed, ["out"]);
      if (isDryRun(parsed)) {
        await runDryRun(terminal, { folder, out, config });
        return 0;
      }
      return runPretrain(terminal, {
        folder,
        out,
        config,
        resume: parsed.resume === true,
        overwrite: parsed.overwrite === true,
      });
    }),
  );

  const preview = program
    .command("preview")
    .description("Draw a contact sheet of pictures and their augmented versions, as the model will see them")
    .argument("<folder>", "folder of pictures, as for pretrain")
    .option("--out <file>", "sheet to write: .png or .html", "preview.png")
    .option("--count <n>", "number of pictures, one per row", "8")
    .option("--versions <n>", "augmented versions of each picture, one per epoch", "5")
    .option(
      "--config <file>",
      "configuration file, as for pretrain; options on the command line override it",
    );
  const previewFields = addFieldOptions(
    preview,
    someOf(groups, (name) => previewed.has(name)),
  );
  finish(preview, [
    ["splitmask preview ./photos", "writes preview.png, with the settings that pretrain would choose"],
    [
      "splitmask preview ./photos --augmentation color --out preview.html",
      "with color augmentation, as a page",
    ],
  ]).action((folder: string, parsed: CommonOptions & Record<string, unknown>) =>
    perform(parsed, async (terminal) => {
      const { runPreview } = await import("./commands/preview.js");
      await runPreview(terminal, {
        folder,
        out: String(parsed.out),
        config: await configOf(parsed, previewFields(parsed)),
        ...numbers(parsed, { count: "count", versions: "count" }),
      });
    }),
  );

  addEvaluationCommands(program, perform);

  addFinetuneCommand(program, perform);

  const embed = program
    .command("embed")
    .description("Write the encoder's embedding of every picture in a folder")
    .argument("<run>", "run folder, or a checkpoint folder inside it")
    .argument("<folder>", "folder of pictures, or another source as for pretrain")
    .requiredOption(
      "--out <file>",
      "NumPy file to write, N×D float32; the paths are written to a .jsonl file beside it",
    )
    .option("--untrained", "use the encoder as it was before training");
  const embedSource = addFieldOptions(embed, [sharedGroups.source]);
  embed
    .option(...runMethodOption)
    .option(...maximumSkippedOption)
    .option("--batch <n>", "pictures per batch")
    .option("--threads <n>", "number of threads (default: all cores)");
  finish(embed, [
    ["splitmask embed runs/photos ./photos --out features.npy", "features.npy and features.jsonl"],
    ["python -c \"import numpy; print(numpy.load('features.npy').shape)\"", "read it anywhere"],
  ]).action((run: string, folder: string, parsed: CommonOptions & Record<string, unknown>) =>
    perform(parsed, async (terminal) => {
      const request = {
        run,
        folder,
        out: String(parsed.out),
        untrained: parsed.untrained === true,
        ...embedSource(parsed),
        ...texts(parsed, ["method"]),
        ...numbers(parsed, { threads: "count", batch: "count", maximumSkipped: "share" }),
      };
      const { runEmbed } = await import("./commands/embed.js");
      await runEmbed(terminal, request);
    }),
  );

  const report = program
    .command("report")
    .description(
      "Write a self-contained HTML page about a run (curves, predictions, attention, a map, neighbors), or a comparison of several runs",
    )
    .argument("<run...>", "run folder; several run folders are compared: curves, settings, final figures")
    .option("--pictures <folder>", "pictures to show (default: the training pictures)");
  const reportSource = addFieldOptions(report, [sharedGroups.source]);
  report
    .option(...runMethodOption)
    .option("--map <method>", "map of the embeddings: pca or umap (default: pca)")
    .option(
      "--out <file>",
      "page to write (default: report.html in the run folder; for several runs comparison.html)",
    )
    .option("--threads <n>", "number of threads (default: all cores)");
  finish(report, [
    ["splitmask report runs/photos", "writes runs/photos/report.html"],
    ["splitmask report runs/photos --pictures ./new --out new.html", "show other pictures"],
    ["splitmask report runs/a runs/b --out compare.html", "compare two runs"],
  ]).action((runs: string[], parsed: CommonOptions & Record<string, unknown>) =>
    perform(parsed, async (terminal) => {
      const request = {
        runs,
        ...reportSource(parsed),
        ...texts(parsed, ["method", "map", "pictures", "out"]),
        ...numbers(parsed, { threads: "count" }),
      };
      const { runReport } = await import("./commands/report.js");
      await runReport(terminal, request);
    }),
  );

  const bench = program.command("bench").description("Measure how fast this machine trains");
  const step = bench
    .command("step")
    .description(
      "Time training steps on random pictures, and show how long each kernel takes and how close it is to the machine's limit",
    );
  const stepFields = addFieldOptions(
    step,
    someOf(groups, (name) => !notTimed.has(name)),
  );
  step
    .option("--timed <n>", "number of timed steps, after ten steps to warm up", "5")
    .option("--profiled <n>", "number of profiled steps after these", "3")
    .option(
      "--trace <file>",
      "also write the profiled steps as a Chrome trace (chrome://tracing, ui.perfetto.dev)",
    )
    .option("--all", "also show rows with less than 0.5 % of the time");
  finish(step, [
    ["splitmask bench step", "ViT-Ti/16 at 224 pixels, batch 32"],
    ["splitmask bench step --model small --batch 16 --threads 1", "any model, on one thread"],
    ["splitmask bench step --trace step.json", "a trace of every kernel call, for ui.perfetto.dev"],
  ]).action((parsed: CommonOptions & Record<string, unknown>) =>
    perform(parsed, async (terminal) => {
      const { timed, profiled } = numbers(parsed, { timed: "count", profiled: "count" });
      const config = await configOf(parsed, stepFields(parsed));
      const { runBenchStep } = await import("./commands/benchStep.js");
      await runBenchStep(terminal, {
        config,
        all: parsed.all === true,
        ...(timed === undefined ? {} : { timedSteps: timed }),
        ...(profiled === undefined ? {} : { profiledSteps: profiled }),
        ...texts(parsed, ["trace"]),
      });
    }),
  );

  const schema = program
    .command("schema")
    .description("Print the JSON schema of a configuration file, for editors")
    .option("--method <name>", "method whose settings to include, as for pretrain")
    .addOption(
      choiceOption("--for <command>", "command that the configuration is for", [
        "pretrain",
        "finetune",
      ]).default("pretrain"),
    );
  finish(schema, [
    [
      "splitmask schema > splitmask.schema.json",
      'then put "$schema": "./splitmask.schema.json" in the configuration file',
    ],
    ["splitmask schema --for finetune > finetune.schema.json", "the schema for finetune"],
  ]).action((parsed: CommonOptions & { readonly for: "pretrain" | "finetune" }) =>
    perform({ ...parsed, dataOnOutput: true }, async (terminal) => {
      const { writeSchema } = await import("./commands/schema.js");
      writeSchema(terminal, parsed.for, method!);
      return 0;
    }),
  );

  const cache = program
    .command("cache")
    .description("List or delete the caches of decoded pictures on disk")
    .argument("[action]", "list or clear", "list")
    .option("--folder <folder>", "folder of the caches (default: SPLITMASK_CACHE, or ~/.cache/splitmask)");
  finish(cache, [
    ["splitmask cache", "list the caches, the last used first"],
    [
      "splitmask cache clear",
      "delete all caches that are not being built; running trainings are not disturbed",
    ],
  ]).action((action: string, parsed: CommonOptions & { readonly folder?: string }) =>
    perform(parsed, async (terminal) => {
      const { runCache } = await import("./commands/cache.js");
      await runCache(terminal, action, parsed.folder);
    }),
  );

  const doctor = program
    .command("doctor")
    .description("Check the installation: CPU, kernels, threads, and how to fix what is missing");
  finish(doctor, [
    ["splitmask doctor", "check everything"],
    ["splitmask doctor --json", "the same as JSON"],
  ]).action((parsed: CommonOptions) =>
    perform(parsed, async (terminal) => {
      const { runDoctor } = await import("./commands/doctor.js");
      await runDoctor(terminal);
    }),
  );
}
