import { didYouMean, optionName, UsageError } from "@splitmask/pipelines/settings";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { CommandTerminal } from "../terminal/terminal.js";

/**
 * What a command's action does, with the heavy packages imported only inside. It may give an exit code; else that is 0.
 */
export type Action = (terminal: CommandTerminal) => Promise<number | undefined>;

/** Runs an action with a terminal, and turns what it throws into an exit code. */
export type Perform = (common: CommonOptions, action: Action) => Promise<void>;

/** What every command is told. */
export interface CommonOptions {
  /** `--json`. */
  readonly json?: boolean;
  /** `--quiet`. */
  readonly quiet?: boolean;
  /** Standard output is for the command's data: everything else goes to standard error. */
  readonly dataOnOutput?: boolean;
}

/** How many pictures may be unreadable. */
export const maximumSkippedOption = [
  "--maximum-skipped <share>",
  "share of unreadable pictures above which the command stops (default: 0.1)",
] as const;

/** Plan only. */
export const dryRunOption = [
  "--dry-run",
  "print the settings with their reasons and the estimated time, memory and disk space, and stop",
] as const;

/** The method of a run that a program trained with a method of its own. */
export const runMethodOption = [
  "--method <file>",
  "module of the run's method, if the run folder does not name it",
] as const;

/** The options that were given, as they are. */
export function texts<Name extends string>(
  parsed: Readonly<Record<string, unknown>>,
  names: readonly Name[],
): { [Key in Name]?: string } {
  const given = names.flatMap((name) => (typeof parsed[name] === "string" ? [[name, parsed[name]]] : []));
  return Object.fromEntries(given) as { [Key in Name]?: string };
}

/** An option that is one of a few words; another one is refused, with the nearest. */
export function choiceOption(flags: string, description: string, words: readonly string[]): Option {
  return new Option(flags, description).choices(words).argParser((given: string) => {
    if (words.includes(given)) return given;
    const expected = `Allowed choices are ${words.join(", ")}.`;
    throw new InvalidArgumentError([expected, didYouMean(given, words) ?? ""].join(" ").trim());
  });
}

/**
 * Whether a training command only plans.
 *
 * @throws UsageError together with `--resume`.
 */
export function isDryRun(parsed: Readonly<Record<string, unknown>>): boolean {
  if (parsed.dryRun === true && parsed.resume === true)
    throw new UsageError("--dry-run and --resume contradict each other: give one of them.");
  return parsed.dryRun === true;
}

/** The options and examples that every command has. */
export function finish(command: Command, lines: readonly (readonly [string, string])[]): Command {
  return command
    .option("--json", "print one line of JSON to standard output, everything else to standard error")
    .option("--quiet", "print only warnings and the result")
    .addHelpText("after", examples(...lines));
}

/** The examples of a help text: command lines with what they are for. */
export function examples(...lines: readonly (readonly [string, string])[]): string {
  return `\nExamples:\n${lines.map(([command, purpose]) => `  $ ${command}\n      ${purpose}`).join("\n")}`;
}

/** What a number option may be, in words and as a test. */
const numberKinds = {
  count: ["a positive whole number", (value: number) => Number.isInteger(value) && value > 0],
  whole: ["a whole number from 0 on", (value: number) => Number.isInteger(value) && value >= 0],
  positive: ["a number greater than 0", (value: number) => value > 0],
  share: ["a number from 0 to 1", (value: number) => value >= 0 && value <= 1],
} as const;

/**
 * Reads an option that is a list of numbers, e.g. `0,1,2`.
 *
 * @param name The option's name in camelCase.
 * @param kind What each may be.
 * @returns Undefined where it was not given.
 * @throws UsageError naming the option and what was expected.
 */
export function numberList(
  parsed: Readonly<Record<string, unknown>>,
  name: string,
  kind: keyof typeof numberKinds,
): number[] | undefined {
  const text = parsed[name];
  if (typeof text !== "string") return undefined;
  const [expected, fits] = numberKinds[kind];
  return text.split(",").map((part) => {
    const value = Number(part);
    if (part.trim() === "" || !fits(value)) {
      throw new UsageError(
        `${optionName(name)}: got "${text}", expected a list with commas, each ${expected}.`,
      );
    }
    return value;
  });
}

/** Reads the number options that were given. */
export function numbers<Kinds extends Readonly<Record<string, keyof typeof numberKinds>>>(
  parsed: Readonly<Record<string, unknown>>,
  kinds: Kinds,
): { [Name in keyof Kinds]?: number } {
  const read: Record<string, number> = {};
  for (const [name, kind] of Object.entries(kinds)) {
    const text = parsed[name];
    if (typeof text !== "string") continue;
    const value = Number(text);
    const [expected, fits] = numberKinds[kind];
    if (text.trim() === "" || !fits(value)) {
      throw new UsageError(`${optionName(name)}: got "${text}", expected ${expected}.`);
    }
    read[name] = value;
  }
  return read as { [Name in keyof Kinds]?: number };
}
