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

/**
 * Adds options that are written as their help shows them.
 *
 * @param text Lines of flags, two spaces, and a description, which may go on in lines without flags.
 * @param readers By an option's name in camelCase; others are texts or flags.
 */
export function addOptions(
  command: Command,
  text: string,
  readers: Readonly<Record<string, Reader>> = {},
): Command {
  for (const line of text.trim().split(/\n\s*(?=--)/)) {
    const [flags, ...description] = line.split(/ {2,}|\n\s*/);
    const option = new Option(flags!, description.join(" "));
    const read = readers[option.attributeName()];
    if (read !== undefined) option.argParser((given: string) => read(given, option.long!));
    command.addOption(option);
  }
  return command;
}

/** One of a few words; another one is refused, with the nearest. */
export function oneOf(...words: readonly string[]): Reader {
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

export function number(kind: keyof typeof kinds): Reader {
  const [expected, fits] = kinds[kind];
  return (text, option) => {
    const value = toNumber(text);
    if (fits(value)) return value;
    throw new UsageError(`${option}: got "${text}", expected ${expected}.`);
  };
}

/** Numbers with commas, such as `0,1,2`. */
export function numbers(kind: keyof typeof kinds): Reader {
  const [expected, fits] = kinds[kind];
  return (text, option) => {
    const values = text.split(",").map(toNumber);
    if (values.every(fits)) return values;
    throw new UsageError(`${option}: got "${text}", expected a list with commas, each ${expected}.`);
  };
}

export function addLabelledPictures(command: Command): Command {
  return command
    .requiredOption(
      "--train <folder>",
      "labeled training pictures: one folder per class, or another source with labels",
    )
    .requiredOption("--test <folder>", "labeled test pictures with the same class names");
}

/** How a command goes through pictures with the encoder of a run. */
export function addBatchOptions(command: Command): Command {
  const readers = { maximumSkipped: number("share"), batch: number("count"), threads: number("count") };
  const text = `
    --maximum-skipped <share>  share of unreadable pictures above which the command stops (default: 0.1)
    --batch <n>  pictures per batch
    --threads <n>  number of threads (default: all cores)`;
  return addOptions(command, text, readers);
}

/** For the run of a program that trained with a method of its own. */
export const runMethodOption =
  "--method <file>  module of the run's method, if the run folder does not name it";

export const configOption = `--config <file>  configuration file: .json, .js, .mjs or .ts; options on the command
  line override it`;

/** What a training command does with the run folder. */
export interface RunOptions {
  readonly config?: string;
  readonly resume?: boolean;
  readonly overwrite?: boolean;
  readonly dryRun?: boolean;
}

export function addRunOptions(command: Command): Command {
  const text = `
    --resume  continue from the last checkpoint of the run folder
    --overwrite  delete the earlier run in the run folder first
    --dry-run  print the settings with their reasons and the estimated time, memory and disk space, and stop`;
  return addOptions(command, text);
}

/** Whether a training command only plans. */
export function isDryRun({ dryRun = false, resume = false }: RunOptions): boolean {
  if (dryRun && resume)
    throw new UsageError("--dry-run and --resume contradict each other: give one of them.");
  return dryRun;
}

/** Adds the options that every command has, and its examples. */
export function finish(command: Command, examples: string): Command {
  const text = `
    --json  print one line of JSON to standard output, everything else to standard error
    --quiet  print only warnings and the result`;
  return addOptions(command, text).addHelpText("after", exampleHelp(examples));
}

/** The examples of a help text, out of lines in turn: a command line, and what it is for. */
export function exampleHelp(examples: string): string {
  const lines = examples.trim().split(/\n\s*/);
  return `\nExamples:\n${lines.map((line, index) => `${index % 2 === 0 ? "  $ " : "      "}${line}`).join("\n")}`;
}
