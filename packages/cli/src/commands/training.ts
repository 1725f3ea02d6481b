import type { PreviewRequest } from "@splitmask/pipelines";
import {
  finetuneFields,
  finetuneGroups,
  jsonSchema,
  pretrainingFields,
  readFinetuneFile,
  readTokenizerRunFile,
  sharedGroups,
  tokenizerRunFields,
  tokenizerRunGroups,
  UsageError,
  usualRunFolder,
} from "@splitmask/pipelines/settings";
import { addCommand, addSettings, type CommandLine, declare, shared } from "./commandLine.js";
import { commandText } from "./commandText.js";
import { addFieldOptions } from "./fieldOptions.js";

interface RunOptions {
  readonly out?: string;
  readonly config?: string;
  readonly resume?: boolean;
  readonly overwrite?: boolean;
  readonly dryRun?: boolean;
}

/** Whether a training command only plans. */
function isDryRun({ dryRun = false, resume = false }: RunOptions): boolean {
  if (dryRun && resume)
    throw new UsageError("--dry-run and --resume contradict each other: give one of them.");
  return dryRun;
}

export function addPretrain(commandLine: CommandLine): void {
  const help = `
    Pre-train an encoder on a folder of pictures
    <folder>  folder of pictures, flat or nested (labels are not used); or a quoted pattern, a text file of paths, a
      table, tar shards, Parquet, IDX, CIFAR or COCO
    --out <run>  run folder to write: configuration, checkpoints, metrics, report (default: runs/<name of the pictures'
      folder>)
    ${shared.config}${shared.runFolder}
    $ splitmask pretrain ./photos --out runs/photos
      all settings are chosen, and printed with their reasons
    $ splitmask pretrain ./photos --out runs/photos --time 20m
      as many steps as fit in twenty minutes
    $ splitmask pretrain ./photos --dry-run
      show what would be trained, and the time and memory it takes
    $ splitmask pretrain ./photos --out runs/more --init dino.safetensors
      begin with the weights of another library, or of a run folder
    $ splitmask pretrain ./photos --out runs/photos --resume
      continue after Ctrl-C
    $ splitmask pretrain ./photos --out runs/large --model small --image-size 112 --epochs 100
      ViT-S`;
  const command = addCommand(commandLine.program, "pretrain", help);
  const settings = addSettings(commandLine, command);
  command.action(async (folder: string, options: RunOptions) => {
    const { out = usualRunFolder(folder), resume = false, overwrite = false } = options;
    const request = { folder, out, config: await settings(options), resume, overwrite };
    const { runPretrain } = await import("./trainedRun.js");
    await runPretrain(commandLine, request, isDryRun(options));
  });
}

interface FinetuneOptions extends RunOptions {
  readonly train: string;
  readonly test?: string;
  readonly fromScratch?: boolean;
}

export function addFinetune(commandLine: CommandLine): void {
  const help = `
    Fine-tune a pre-trained encoder with labels, and test it
    <run>  ${shared.encoder}
    ${shared.labelled}
    --out <run>  run folder to write: configuration, checkpoints, metrics, model, evaluation; required without --dry-run
    --from-scratch  start from random weights instead of the pre-trained ones, as a baseline
    ${shared.config}${shared.runFolder}
    $ splitmask finetune runs/photos --train ./labeled/train --test ./labeled/val --out runs/tuned
      all settings are chosen, and printed with their reasons
    $ splitmask finetune runs/photos --train ./train --test ./val --out runs/tuned --recipe beit --epochs 50
      BEiT's recipe for 50 epochs
    $ splitmask finetune runs/photos --train ./train --test ./val --dry-run
      show what would be trained, and the time and memory it takes
    $ splitmask finetune runs/photos --train ./train --test ./val --out runs/scratch --from-scratch
      the same without pre-training`;
  const command = addCommand(commandLine.program, "finetune", help, ["train"]);
  const fields = addFieldOptions(command, finetuneGroups);
  command.action(async (run: string, options: FinetuneOptions) => {
    const given = fields(options);
    const file = options.config === undefined ? {} : await readFinetuneFile(options.config);
    const planned = isDryRun(options);
    const { train, test, fromScratch = false, resume = false, overwrite = false } = options;
    const out = outOf(options, planned);
    const config = { ...file, ...given };
    const tested = test === undefined ? {} : { test };
    const request = { run, train, ...tested, fromScratch, config, out, resume, overwrite };
    const { runFinetune } = await import("./trainedRun.js");
    await runFinetune(commandLine, request, planned);
  });
}

export function addTokenizer(commandLine: CommandLine): void {
  const parent = declare(
    commandLine.program.command("tokenizer"),
    `
    Make a tokenizer, whose words SplitMask and BEiT predict
    $ splitmask tokenizer fit ./photos --out runs/words
      train a discrete VAE`,
  );
  const help = `
    Train a discrete VAE, whose words are a tokenizer for SplitMask and BEiT
    <folder>  folder of pictures, as for pretrain
    --out <run>  run folder to write: configuration, checkpoints, metrics, report and tokenizer.safetensors; required
      without --dry-run
    ${shared.config}${shared.runFolder}
    $ splitmask tokenizer fit ./photos --out runs/words --time 20m
      train it for twenty minutes
    $ splitmask pretrain ./photos --tokenizer runs/words --out runs/photos
      pre-train with its words`;
  const command = addCommand(parent, "fit", help);
  const fields = addFieldOptions(command, tokenizerRunGroups);
  command.action(async (folder: string, options: RunOptions) => {
    const given = fields(options);
    const file = options.config === undefined ? {} : await readTokenizerRunFile(options.config);
    const { resume = false, overwrite = false } = options;
    const planned = isDryRun(options);
    const request = {
      folder,
      config: { ...file, ...given },
      out: outOf(options, planned),
      resume,
      overwrite,
    };
    const { runFitTokenizer } = await import("./trainedRun.js");
    await runFitTokenizer(commandLine, request, planned);
  });
}

/** The run folder of a command that has no usual one. */
function outOf({ out }: RunOptions, planned: boolean): string {
  if (out !== undefined) return out;
  if (planned) return ".";
  throw new UsageError(
    "--out: expected the run folder to write, e.g. --out runs/tuned; only --dry-run needs none.",
  );
}

/** The settings that a preview shows: none of the training loop, and of the model no depth. */
const previewed = new Set([
  ...["method", "imageSize", "patch", "seed", "threads"],
  ...Object.keys({ ...sharedGroups.augmentation.fields, ...sharedGroups.source.fields }),
]);

export function addPreview(commandLine: CommandLine): void {
  const { program, terminal } = commandLine;
  const help = `
    Draw a contact sheet of pictures and their augmented versions, as the model will see them
    <folder>  folder of pictures, as for pretrain
    --out <file>  sheet to write: .png or .html (default: "preview.png")
    --count <n>  number of pictures, one per row (default: 8)
    --versions <n>  augmented versions of each picture, one per epoch (default: 5)
    --config <file>  configuration file, as for pretrain; options on the command line override it
    $ splitmask preview ./photos
      writes preview.png, with the settings that pretrain would choose
    $ splitmask preview ./photos --augmentation color --out preview.html
      with color augmentation, as a page`;
  const command = addCommand(program, "preview", help);
  const settings = addSettings(commandLine, command, (name) => previewed.has(name));
  command.action(async (folder: string, options: Partial<Omit<PreviewRequest, "config">>) => {
    const { preview, tellSkipped } = await import("@splitmask/pipelines");
    const config = await settings(options);
    const { skipped, ...result } = await preview(
      { out: "preview.png", ...options, folder, config },
      terminal,
    );
    tellSkipped(skipped, terminal);
    terminal.result({ ...result, skipped: skipped.length }, [
      `preview: ${result.out}`,
      `next: ${commandText(["pretrain", folder])}`,
    ]);
  });
}

const { monitor, normalization, source, subset } = sharedGroups;

/** What a few steps on random pictures do not depend on. */
const notTimed = new Set([
  ...["steps", "epochs", "time", "warmup", "minimumLearningRate"],
  ...["checkpointEvery", "keepCheckpoints", "onNan"],
  ...[monitor, normalization, source, subset].flatMap(({ fields }) => Object.keys(fields)),
]);

interface BenchOptions {
  readonly timed?: number;
  readonly profiled?: number;
  readonly simulateThreads?: readonly number[];
  readonly trace?: string;
  readonly all?: boolean;
}

export function addBench(commandLine: CommandLine): void {
  const bench = commandLine.program.command("bench").description("Measure how fast this machine trains");
  const help = `
    Time training steps on random pictures, and show how long each kernel takes and how close it is to the machine's
    limit
    --timed <n>  number of timed steps, after ten steps to warm up (default: 5)
    --profiled <n>  number of profiled steps after these (default: 3)
    --simulate-threads <list>  also show how evenly these numbers of threads could share the work, such as 8,16,64
    --trace <file>  also write the profiled steps as a Chrome trace (chrome://tracing, ui.perfetto.dev)
    --all  also show rows with less than 0.5 % of the time
    $ splitmask bench step
      ViT-Ti/16 at 224 pixels, batch 32
    $ splitmask bench step --model small --batch 16 --threads 1
      any model, on one thread
    $ splitmask bench step --trace step.json
      a trace of every kernel call, for ui.perfetto.dev
    $ splitmask bench step --simulate-threads 8,16,64
      how much faster more cores could be, at most`;
  const command = addCommand(bench, "step", help);
  const settings = addSettings(commandLine, command, (name) => !notTimed.has(name));
  command.action(async (options: BenchOptions) => {
    const { all, timed: timedSteps = 5, profiled: profiledSteps = 3, trace } = options;
    const { simulateThreads: simulatedThreads = [] } = options;
    const request = { config: await settings(options), timedSteps, profiledSteps, simulatedThreads };
    const { runBenchStep } = await import("./benchStep.js");
    await runBenchStep(commandLine.terminal, request, trace, all);
  });
}

export function addSchema({ method, program, terminal }: CommandLine): void {
  const help = `
    Print the JSON schema of a configuration file, for editors
    --method <name>  method whose settings to include, as for pretrain
    --for <command>  command that the configuration is for (choices: "pretrain", "finetune", "tokenizer", default:
      "pretrain")
    $ splitmask schema > splitmask.schema.json
      then put "$schema": "./splitmask.schema.json" in the configuration file
    $ splitmask schema --for finetune > finetune.schema.json
      the schema for finetune`;
  type Configured = "pretrain" | "finetune" | "tokenizer";
  addCommand(program, "schema", help).action((options: { readonly for?: Configured }) => {
    const schemas = {
      pretrain: () =>
        jsonSchema(pretrainingFields(method!), `Configuration of splitmask pretrain with ${method!.title}`),
      finetune: () => jsonSchema(finetuneFields, "Configuration of splitmask finetune"),
      tokenizer: () => jsonSchema(tokenizerRunFields, "Configuration of splitmask tokenizer fit"),
    };
    terminal.data(`${JSON.stringify(schemas[options.for ?? "pretrain"](), null, 2)}\n`);
  });
}
