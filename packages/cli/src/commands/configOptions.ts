import type { Config, ConfigField, FinetuneConfig, FinetuneField } from "@splitmask/pipelines/settings";
import {
  checkConfig,
  checkFields,
  checkFinetuneConfig,
  describeField,
  finetuneSchema,
  labelledShape,
  optionName,
  sourceShape,
} from "@splitmask/pipelines/settings";
import { type Command, Option } from "commander";
import { z } from "zod";

type Kind = "number" | "text" | "numbers" | "texts" | "flag";

/** An option that is a configuration field: value placeholder and how the text is read. */
type FieldOption<Field extends string> = readonly [field: Field, placeholder: string, kind: Kind];

/** The options of fields that are texts and stated with their placeholder. */
function optionsOf<Field extends string>(
  shape: Readonly<Record<Field, z.ZodType>>,
): readonly FieldOption<Field>[] {
  const fields = Object.keys(shape) as Field[];
  return fields.map((field) => [field, String(shape[field].meta()?.placeholder), "text"]);
}

/** How any training computes and keeps its files. */
const everyRun: readonly FieldOption<ConfigField & FinetuneField>[] = [
  ["precision", "<format>", "text"],
  ["recompute", "", "flag"],
  ["cache", "<when>", "text"],
  ["cacheFolder", "<folder>", "text"],
  ["seed", "<n>", "number"],
  ["threads", "<n>", "number"],
  ["checkpointEvery", "<steps>", "number"],
  ["keepCheckpoints", "<n>", "number"],
];

/** The options of `pretrain` that are configuration fields. */
const options: readonly FieldOption<ConfigField>[] = [
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
  ...optionsOf(sourceShape),
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
  ["schedule", "<name>", "text"],
  ["decayEvery", "<steps>", "number"],
  ["milestones", "<steps,…>", "numbers"],
  ["decayFactor", "<factor>", "number"],
  ["optimizer", "<name>", "text"],
  ["momentum", "<share>", "number"],
  ["weightDecay", "<value>", "number"],
  ["weightDecayEnd", "<value>", "number"],
  ["layerDecay", "<factor>", "number"],
  ["freeze", "<names,…>", "texts"],
  ["clip", "<norm>", "number"],
  ["clipMode", "<mode>", "text"],
  ["ema", "<decay>", "number"],
  ["temperature", "<value>", "number"],
  ["inpaintWeight", "<value>", "number"],
  ["matchWeight", "<value>", "number"],
  ["negatives", "<which>", "text"],
  ...everyRun,
  ["healthEvery", "<steps>", "number"],
  ["monitor", "<pictures>", "text"],
  ["monitorTest", "<pictures>", "text"],
  ["monitorEvery", "<steps>", "number"],
  ["monitorPictures", "<n>", "number"],
  ["onNan", "<what>", "text"],
];

/** The options of `finetune` that are configuration fields. */
const finetuneOptions: readonly FieldOption<FinetuneField>[] = [
  ["recipe", "<name>", "text"],
  ["imageSize", "<pixels>", "number"],
  ...optionsOf(labelledShape),
  ["subset", "<share|n|file>", "text"],
  ["perClass", "<n>", "number"],
  ["maximumSkipped", "<share>", "number"],
  ["batch", "<n>", "number"],
  ["accumulate", "<n>", "number"],
  ["repeats", "<n>", "number"],
  ["epochs", "<n>", "number"],
  ["steps", "<n>", "number"],
  ["time", "<duration>", "text"],
  ["learningRate", "<value>", "number"],
  ["minimumLearningRate", "<value>", "number"],
  ["warmupEpochs", "<n>", "number"],
  ["layerDecay", "<factor>", "number"],
  ["freeze", "<names,…>", "texts"],
  ["weightDecay", "<value>", "number"],
  ["weightDecayEnd", "<value>", "number"],
  ["clip", "<norm>", "number"],
  ["clipMode", "<mode>", "text"],
  ["ema", "<decay>", "number"],
  ["dropPath", "<share>", "number"],
  ["labelSmoothing", "<share>", "number"],
  ["mixup", "<alpha>", "number"],
  ["cutmix", "<alpha>", "number"],
  ["cropScale", "<share>", "number"],
  ["flip", "<share>", "number"],
  ["magnitude", "<n>", "number"],
  ["magnitudeStd", "<n>", "number"],
  ["jitter", "<strength>", "number"],
  ["erasing", "<share>", "number"],
  ["headDeviation", "<value>", "number"],
  ["cropRatio", "<share>", "number"],
  ["evaluateEvery", "<epochs>", "number"],
  ...everyRun,
  ["onNan", "<what>", "text"],
];

/**
 * Adds one option for every configuration field to a command; the help text is the field's description.
 *
 * @param command The command.
 * @param without Fields that it does not take.
 */
export function addConfigOptions(command: Command, without: readonly ConfigField[] = []): void {
  const taken = options.filter(([field]) => !without.includes(field));
  addOptions(command, taken, describeField);
}

/** The same for the fields of `finetune`. */
export function addFinetuneOptions(command: Command): void {
  addOptions(command, finetuneOptions, (field) => finetuneSchema.shape[field].description ?? "");
}

function addOptions<Field extends string>(
  command: Command,
  list: readonly FieldOption<Field>[],
  describe: (field: Field) => string,
): void {
  for (const [field, placeholder] of list) {
    command.addOption(new Option(`${optionName(field)} ${placeholder}`.trim(), describe(field)));
  }
}

/**
 * Adds an option for each setting of how pictures are opened to a command that has no configuration.
 *
 * @param command The command.
 * @param shape Which settings.
 * @returns What reads them from the parsed options.
 */
export function addSourceOptions<Shape extends z.ZodRawShape & Readonly<Record<string, z.ZodType>>>(
  command: Command,
  shape: Shape,
): (parsed: Readonly<Record<string, unknown>>) => z.output<z.ZodObject<Shape>> {
  const fields = optionsOf(shape);
  addOptions(command, fields, (field) => shape[field]!.description ?? "");
  const schema = z.strictObject(shape);
  return (parsed) => checkFields(schema, givenOptions(parsed, fields), "command line", optionName);
}

/**
 * Reads the configuration fields from parsed options.
 *
 * @param parsed What commander parsed: texts by camelCase name.
 * @returns The checked fields that were given.
 * @throws UsageError naming the option, what was given and what was expected.
 */
export function configFromOptions(parsed: Readonly<Record<string, unknown>>): Config {
  return checkConfig(givenOptions(parsed, options), "command line", optionName);
}

/** The same for the fields of `finetune`. */
export function finetuneFromOptions(parsed: Readonly<Record<string, unknown>>): FinetuneConfig {
  return checkFinetuneConfig(givenOptions(parsed, finetuneOptions), "command line", optionName);
}

function givenOptions(
  parsed: Readonly<Record<string, unknown>>,
  list: readonly FieldOption<string>[],
): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  for (const [field, , kind] of list) {
    const value = parsed[field];
    if (typeof value === "string") given[field] = readValue(value, kind);
    else if (value === true) given[field] = true;
  }
  return given;
}

/** A number where the text is one, else the text itself, so that the check can show what was given. */
function readValue(text: string, kind: Kind): unknown {
  if (kind === "text") return text;
  if (kind === "texts") return text.split(",");
  if (kind === "numbers") return text.split(",").map((part) => readValue(part, "number"));
  return text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text);
}
