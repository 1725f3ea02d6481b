import { parseArgs } from "node:util";
import {
  type Config,
  didYouMean,
  loadMethod,
  methodOfFile,
  methodReference,
  pretrainingGroups,
  readConfigFile,
  UsageError,
} from "@splitmask/pipelines/settings";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { CommandTerminal } from "../terminal/terminal.js";
import { addFieldOptions } from "./fieldOptions.js";

/** What the commands are declared with. Their actions import the heavy packages, so that help is quick. */
export interface CommandLine {
  readonly program: Command;
  readonly terminal: CommandTerminal;
  /** The method whose own settings are options; null where the command line names no command that has them. */
  readonly method: Awaited<ReturnType<typeof loadMethod>> | null;
  /** What an action leaves for the end of the process. */
  exitCode: number;
}

/** The commands that have a method's own settings among their options. */
const methodCommands = new Set(["pretrain", "preview", "bench", "schema"]);

/**
 * The method that a command line means, found before its options are declared, for some of them are the method's own:
 * `--method`, else that of the file of `--config`, else the usual one; null where the command has no such options.
 */
export async function methodOfCommandLine(args: readonly string[]): Promise<CommandLine["method"]> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { method: { type: "string" }, config: { type: "string" } },
    strict: false,
  });
  const [first, second] = positionals;
  if (!methodCommands.has(String(first === "help" ? second : first))) return null;
  if (typeof values.method === "string") return loadMethod(values.method);
  return loadMethod(typeof values.config === "string" ? await methodOfFile(values.config) : undefined);
}

/**
 * Adds the settings of pre-training, the method's own among them.
 *
 * @param wanted Which of them.
 * @returns What reads them: the options, and behind them the fields of the file of `--config`.
 */
export function addSettings(
  { method }: CommandLine,
  command: Command,
  wanted: (name: string) => boolean = () => true,
): (options: object) => Promise<Config> {
  const groups = method === null ? [] : pretrainingGroups(method);
  const some = groups.map(({ fields, title }) => ({
    title,
    fields: Object.fromEntries(Object.entries(fields).filter(([name]) => wanted(name))),
  }));
  const read = addFieldOptions(command, some);
  return async (options: { readonly config?: string }) => {
    const { method: named, ...given } = read(options) as Config;
    const file =
      options.config === undefined ? {} : await readConfigFile(options.config, method ?? undefined);
    return { ...file, ...given, ...(typeof named === "string" ? { method: methodReference(named) } : {}) };
  };
}

/** Reads what an option was given. */
type Reader = (text: string, option: string) => unknown;

/** One of a few words; another one is refused, with the nearest. */
function oneOf(...words: readonly string[]): Reader {
  return (text) => {
    if (words.includes(text)) return text;
    const expected = `Allowed choices are ${words.join(", ")}.`;
    throw new InvalidArgumentError([expected, didYouMean(text, words) ?? ""].join(" ").trim());
  };
}

/** What a number may be, in words and as a test. */
const kinds = {
  count: ["a positive whole number", (value: number) => Number.isInteger(value) && value > 0],
  whole: ["a whole number from 0 on", (value: number) => Number.isInteger(value) && value >= 0],
  positive: ["a number greater than 0", (value: number) => value > 0],
  share: ["a number from 0 to 1", (value: number) => value >= 0 && value <= 1],
} as const;

const toNumber = (text: string) => (text.trim() === "" ? Number.NaN : Number(text));

/** A number, or several with commas, such as `0,1,2`. */
function number(kind: keyof typeof kinds, isList = false): Reader {
  const [expected, fits] = kinds[kind];
  return (text, option) => {
    const values = (isList ? text.split(",") : [text]).map(toNumber);
    if (values.every(fits)) return isList ? values : values[0];
    const wanted = isList ? `a list with commas, each ${expected}` : expected;
    throw new UsageError(`${option}: got "${text}", expected ${wanted}.`);
  };
}

const numbers = (kind: keyof typeof kinds) => number(kind, true);

/** How options are read, in whatever command they are or in one of them; others are texts or flags. */
const readers: Readonly<Record<string, Reader>> = {
  batch: number("count"),
  classifier: oneOf("probe", "knn"),
  count: number("count"),
  epochs: number("count"),
  "export weights": oneOf("float32", "float16", "int8"),
  for: oneOf("pretrain", "finetune", "tokenizer"),
  format: oneOf("csv", "json"),
  k: number("count"),
  layers: (text, option) => (text === "all" ? text : numbers("whole")(text, option)),
  learningRates: numbers("positive"),
  maximumSkipped: number("share"),
  optimizer: oneOf("lbfgs", "sgd", "lars"),
  perClass: number("count"),
  probeBatch: number("count"),
  processes: number("count"),
  profiled: number("count"),
  repeats: number("count"),
  scale: oneOf("tiny", "small", "full"),
  seed: number("whole"),
  seeds: numbers("whole"),
  simulateThreads: numbers("count"),
  temperature: number("positive"),
  threads: number("count"),
  timed: number("count"),
  to: oneOf("onnx", "timm", "transformers"),
  top: number("count"),
  versions: number("count"),
  weights: oneOf("float32", "bfloat16", "int8"),
};

/**
 * Declares what a command has with the text of its help: what it does; arguments and options, each with two spaces
 * before its description; examples, each a line that begins with `$` and one that says what it is for.
 *
 * @param required Names of the options that have to be given.
 */
export function declare(command: Command, help: string, required: readonly string[] = []): Command {
  const [description, ...entries] = help.trim().split(/\n\s*(?=[<[$]|--)/);
  command.description(description!.replaceAll(/\s+/g, " "));
  const examples: string[] = [];
  for (const entry of entries) {
    const [first, ...rest] = entry.trim().split(/ {2,}|\n\s*/);
    const text = rest.join(" ");
    if (entry.startsWith("$")) examples.push(`  ${first}\n      ${text}`);
    else if (!entry.startsWith("--")) command.argument(first!, text);
    else {
      const option = new Option(first!, text);
      const name = option.attributeName();
      const read = readers[`${command.name()} ${name}`] ?? readers[name];
      if (read !== undefined) option.argParser((given: string) => read(given, option.long!));
      command.addOption(option.makeOptionMandatory(required.includes(name)));
    }
  }
  return command.addHelpText("after", `\nExamples:\n${examples.join("\n")}`);
}

/** Adds a command; see {@link declare}. */
export function addCommand(
  parent: Command,
  name: string,
  help: string,
  required?: readonly string[],
): Command {
  return declare(parent.command(name), help, required)
    .option("--json", "print one line of JSON to standard output, everything else to standard error")
    .option("--quiet", "print only warnings and the result");
}

/** Options that several commands have. */
export const shared = {
  encoder: `run folder of pretrain, a checkpoint folder inside it, or an encoder's .safetensors file (or folder) of
      timm or transformers`,
  labelled: `
    --train <folder>  labeled training pictures: one folder per class, or another source with labels
    --test <folder>  labeled test pictures with the same class names (default: a fifth of --train is held out; see
      --held-out)`,
  runMethod: "--method <file>  module of the run's method, if the run folder does not name it",
  pictures: `
    --maximum-skipped <share>  share of unreadable pictures above which the command stops (default: 0.1)
    --batch <n>  pictures per batch
    --weights <format>  format of the encoder's weights: float32, bfloat16 (half the memory) or int8 (a quarter); the
      last two are faster on CPUs that multiply them (choices: "float32", "bfloat16", "int8", default: "float32")
    --threads <n>  number of threads (default: all cores)`,
  config: `
    --config <file>  configuration file: .json, .js, .mjs or .ts; options on the command line override it`,
  runFolder: `
    --resume  continue from the last checkpoint of the run folder
    --overwrite  delete the earlier run in the run folder first
    --dry-run  print the settings with their reasons and the estimated time, memory and disk space, and stop`,
};
