import { type Command, Option } from "commander";
import { checkConfig, optionName } from "../config/check.js";
import type { Config, ConfigField } from "../config/config.js";
import { describeField } from "../config/schema.js";

type Kind = "number" | "text" | "numbers" | "flag";

/** The options of `pretrain` that are configuration fields: value placeholder and how the text is read. */
const options: readonly (readonly [field: ConfigField, placeholder: string, kind: Kind])[] = [
  ["model", "<name>", "text"],
  ["width", "<n>", "number"],
  ["depth", "<n>", "number"],
  ["heads", "<n>", "number"],
  ["imageSize", "<pixels>", "number"],
  ["patch", "<pixels>", "number"],
  ["decoderDepth", "<n>", "number"],
  ["dropPath", "<share>", "number"],
  ["layerScale", "<value>", "number"],
  ["tokenizer", "<name>", "text"],
  ["vocabulary", "<n>", "number"],
  ["tokenizerPatches", "<n>", "number"],
  ["mask", "<mode>", "text"],
  ["cropScale", "<share>", "number"],
  ["flip", "<share>", "number"],
  ["augmentation", "<name>", "text"],
  ["colorJitter", "<share>", "number"],
  ["jitterStrength", "<value>", "number"],
  ["grayscale", "<share>", "number"],
  ["blur", "<share>", "number"],
  ["solarize", "<share>", "number"],
  ["mean", "<r,g,b>", "numbers"],
  ["std", "<r,g,b>", "numbers"],
  ["subset", "<share|n|file>", "text"],
  ["perClass", "<n>", "number"],
  ["maximumSkipped", "<share>", "number"],
  ["batch", "<n>", "number"],
  ["accumulate", "<n>", "number"],
  ["steps", "<n>", "number"],
  ["epochs", "<n>", "number"],
  ["time", "<duration>", "text"],
  ["learningRate", "<value>", "number"],
  ["minimumLearningRate", "<value>", "number"],
  ["warmup", "<steps>", "number"],
  ["weightDecay", "<value>", "number"],
  ["weightDecayEnd", "<value>", "number"],
  ["clip", "<norm>", "number"],
  ["clipMode", "<mode>", "text"],
  ["ema", "<decay>", "number"],
  ["temperature", "<value>", "number"],
  ["inpaintWeight", "<value>", "number"],
  ["matchWeight", "<value>", "number"],
  ["negatives", "<which>", "text"],
  ["precision", "<format>", "text"],
  ["recompute", "", "flag"],
  ["cache", "<when>", "text"],
  ["cacheFolder", "<folder>", "text"],
  ["seed", "<n>", "number"],
  ["threads", "<n>", "number"],
  ["checkpointEvery", "<steps>", "number"],
  ["keepCheckpoints", "<n>", "number"],
  ["healthEvery", "<steps>", "number"],
  ["onNan", "<what>", "text"],
];

/**
 * Adds one option for every configuration field to a command; the help text is the field's description.
 *
 * @param command The command.
 * @param without Fields that it does not take.
 */
export function addConfigOptions(command: Command, without: readonly ConfigField[] = []): void {
  for (const [field, placeholder] of options) {
    if (without.includes(field)) continue;
    command.addOption(new Option(`${optionName(field)} ${placeholder}`.trim(), describeField(field)));
  }
}

/**
 * Reads the configuration fields from parsed options.
 *
 * @param parsed What commander parsed: texts by camelCase name.
 * @returns The checked fields that were given.
 * @throws UsageError naming the option, what was given and what was expected.
 */
export function configFromOptions(parsed: Readonly<Record<string, unknown>>): Config {
  const given: Record<string, unknown> = {};
  for (const [field, , kind] of options) {
    const value = parsed[field];
    if (typeof value === "string") given[field] = readValue(value, kind);
    else if (value === true) given[field] = true;
  }
  return checkConfig(given, "command line", optionName);
}

/** A number where the text is one, else the text itself, so that the check can show what was given. */
function readValue(text: string, kind: Kind): unknown {
  if (kind === "text") return text;
  if (kind === "numbers") return text.split(",").map((part) => readValue(part, "number"));
  return text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text);
}
