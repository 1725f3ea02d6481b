import type { ChannelNumbers, DatasetIdentity } from "@splitmask/data";
import { type Choice, type Fields, type Given, noteOf, UsageError } from "@splitmask/methods/settings";
import { RunFolder } from "@splitmask/trainer";
import type { VisionTransformerConfig } from "@splitmask/vit";
import type { RecordedPictures } from "../pictures/samePictures.js";
import type {
  ClassificationSettings,
  PretrainingSettings,
  RunSettings,
  TokenizerRunSettings,
} from "../settings/runSettings.js";
import { commandOf, type RunKindName } from "./runCommands.js";

/** The encoder that a run began with. */
export interface RecordedEncoder {
  /** The run that gave its shape and normalization, absolute; or its checkpoint, or an encoder's file. */
  readonly run: string;
  /** Steps that it was pre-trained for; null where it began with its first random weights, or a file does not say. */
  readonly steps: number | null;
  /** Hash of its weights; null where they were random. */
  readonly weights: string | null;
}

/**
 * What `config.json` of a run folder holds: everything that is needed to build the model and to go on with the run.
 *
 * @typeParam Settings Those of its kind of run.
 */
export interface RunDescription<Settings extends RunSettings = RunSettings> {
  /** Version of this layout. */
  readonly format: 1;
  /** What kind of run it is. */
  readonly kind: RunKindName;
  /** The method, by its name. */
  readonly method: string;
  /**
   * The module whose default export is the method, or a configuration with it, absolute; null: a method of the table,
   * or an object that a program gave.
   */
  readonly methodFile: string | null;
  /** The encoder; null: a tokenizer was trained. */
  readonly encoder: VisionTransformerConfig | null;
  /** The pictures that it learns from. */
  readonly pictures: RecordedPictures;
  /** The pictures that it is tested with; null: none. */
  readonly test: RecordedPictures | null;
  /** How many pictures it learns from. */
  readonly pictureCount: number;
  /** The class names, by label; empty where it learns without labels. */
  readonly classes: readonly string[];
  /** The encoder that it began with; null: its own, with random weights. */
  readonly pretrained: RecordedEncoder | null;
  /** What the monitor's pictures are, and those that it tests with; empty without a monitor. */
  readonly monitorIdentities: readonly DatasetIdentity[];
  /** The settings, every one decided. */
  readonly config: Settings;
  /** The fields that were given. */
  readonly given: object;
  /** Mean of red, green and blue in 0…1, as given, measured, or of pre-training. */
  readonly mean: ChannelNumbers;
  /** Standard deviation of red, green and blue in 0…1, as given, measured, or of pre-training. */
  readonly std: ChannelNumbers;
  /** Why figures may not mean what they seem to. */
  readonly warnings: readonly string[];
  /** The decisions with their reasons. */
  readonly choices: readonly Choice[];
}

/** The settings of each kind of run. */
interface KindSettings {
  readonly pretraining: PretrainingSettings;
  readonly classification: ClassificationSettings;
  readonly tokenizer: TokenizerRunSettings;
}

/** Whether what a `config.json` holds is the description of a run, and not what a program of its own wrote. */
export function isDescription(config: unknown): config is RunDescription {
  const { format, kind } = (config ?? {}) as Partial<RunDescription>;
  return format === 1 && commandOf[kind!] !== undefined;
}

/**
 * Takes the description out of an opened run folder.
 *
 * @param kind The kind of run that it has to be; any when left out.
 * @throws Error where `config.json` is not one of these runs.
 */
export function describedBy<Kind extends RunKindName = RunKindName>(
  { config, path }: RunFolder,
  kind?: Kind,
): RunDescription<KindSettings[Kind]> {
  const description = isDescription(config) ? config : null;
  if (description !== null && (kind ?? description.kind) === description.kind)
    return description as unknown as RunDescription<KindSettings[Kind]>;
  const wanted =
    kind === undefined ? "splitmask pretrain or splitmask finetune" : `splitmask ${commandOf[kind]}`;
  const problem =
    description === null
      ? `${path}: config.json was not written by ${wanted} of this version.`
      : `${path} is a run of splitmask ${commandOf[description.kind]}; expected one of ${wanted}.`;
  throw new Error(`${problem} Give the folder that \`${wanted} --out\` wrote.`);
}

/** A run folder that is read. */
interface OpenedRun<Kind extends RunKindName> {
  /** The folder. */
  readonly run: RunFolder;
  /** What its `config.json` holds. */
  readonly description: RunDescription<KindSettings[Kind]>;
}

/** Reads a run folder's description without taking its lock, so also while the run is going on. */
export async function readRun<Kind extends RunKindName = RunKindName>(
  path: string,
  kind?: Kind,
): Promise<OpenedRun<Kind>> {
  const run = await RunFolder.open(path, { write: false });
  return { run, description: describedBy(run, kind) };
}

/** The settings with the normalization as it was given or measured: what a method makes its views and model of. */
export function preparedSettings<Settings extends RunSettings>({
  config,
  mean,
  std,
}: Pick<RunDescription<Settings>, "config" | "mean" | "std">) {
  return { ...config, mean, std };
}

/** The fields that are given now, those that may change when a run goes on apart. */
function givenNow(given: object, fields: Fields) {
  const entries = Object.entries(given).filter(([, value]) => value !== undefined);
  const mayChange = ([name]: [string, unknown]) =>
    fields[name] !== undefined && noteOf(fields[name]).mayChange === true;
  return { changed: entries.filter(mayChange), fixed: entries.filter((entry) => !mayChange(entry)) };
}

/**
 * The fields that are given to a resumed run and may change.
 *
 * @param fields All fields of its kind of run, its method's own included.
 */
export function changedSettings<Own extends Fields>(given: object, fields: Own): Given<Own> {
  return Object.fromEntries(givenNow(given, fields).changed) as Given<Own>;
}

/**
 * Checks that what is given to a resumed run says nothing else than what it was started with.
 *
 * @param fields All fields of its kind of run, its method's own included.
 * @throws UsageError naming what differs.
 */
export function checkResume(
  { config, given: before, method }: Pick<RunDescription, "method" | "given"> & { readonly config: object },
  given: object,
  fields: Fields,
): void {
  const was: Readonly<Record<string, unknown>> = { ...config, ...before, method };
  const differences = givenNow(given, fields)
    .fixed.filter(([field, value]) => JSON.stringify(was[field]) !== JSON.stringify(value))
    .map(
      ([field, value]) =>
        `${field} was ${JSON.stringify(was[field] ?? null)} and is now ${JSON.stringify(value)}`,
    );
  if (differences.length > 0) {
    throw new UsageError(
      `--resume: the run was started with other settings: ${differences.join("; ")}. ` +
        "Leave these out to go on with it, or start a new run in another folder.",
    );
  }
}
