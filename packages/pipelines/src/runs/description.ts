import type { ChannelNumbers, DatasetIdentity } from "@splitmask/data";
import { RunFolder } from "@splitmask/trainer";
import type { Config } from "../settings/config.js";
import { changeableFields, sharedFields } from "../settings/fieldGroups.js";
import { finetuneFields } from "../settings/finetuneGroups.js";
import type { Choice, ResolvedConfig } from "../settings/resolve.js";
import { UsageError } from "@splitmask/methods/settings";
import { otherRun } from "./runKind.js";

/** What `config.json` of a run folder holds: everything that is needed to build the model and to go on with the run. */
export interface RunDescription {
  /** Version of this layout. */
  readonly format: 1;
  /** The method. */
  readonly method: "splitmask";
  /** The folder of pictures, absolute. */
  readonly pictures: string;
  /** How many pictures it held. */
  readonly pictureCount: number;
  /** What the pictures are, wherever they lie; null where their format does not tell. */
  readonly identity: DatasetIdentity | null;
  /** The same of the monitor's pictures, and of those that it tests with; empty without a monitor. */
  readonly monitorIdentities: readonly DatasetIdentity[];
  /** The settings, every one decided. */
  readonly config: ResolvedConfig;
  /** The fields that were given. */
  readonly given: Config;
  /** Mean of red, green and blue in 0…1, as given or measured. */
  readonly mean: ChannelNumbers;
  /** Standard deviation of red, green and blue in 0…1, as given or measured. */
  readonly std: ChannelNumbers;
  /** Why the monitor's figures may not mean what they seem to. */
  readonly warnings: readonly string[];
  /** The decisions with their reasons. */
  readonly choices: readonly Choice[];
}

/**
 * Takes the description out of a run folder.
 *
 * @param run An opened run folder.
 * @throws Error where `config.json` is not one of this command's runs.
 */
export function describedBy(run: RunFolder): RunDescription {
  const description = run.config as Partial<RunDescription> | null;
  if (description?.format !== 1 || description.method !== "splitmask" || description.config === undefined) {
    throw otherRun(run, "splitmask");
  }
  return description as RunDescription;
}

/** Reads a run folder's description without taking its lock, so also while the run is going on. */
export async function readRun(path: string): Promise<{ run: RunFolder; description: RunDescription }> {
  const run = await RunFolder.open(path, { write: false });
  return { run, description: describedBy(run) };
}

/** Settings that may change when a run goes on: they do not change what is computed. */
const changeable = changeableFields({ ...sharedFields, ...finetuneFields });

/**
 * The fields that are given to a resumed run and may change.
 *
 * @typeParam Settings The run's settings, of which they are some.
 */
export function changedSettings<Settings>(given: object): Partial<Settings> {
  const entries = Object.entries(given).filter(
    ([field, value]) => value !== undefined && changeable.has(field),
  );
  return Object.fromEntries(entries) as Partial<Settings>;
}

/** What a run was started with, and what stands for it. */
export interface StartedWith {
  /** The settings, every one decided. */
  readonly config: object;
  /** The fields that were given. */
  readonly given: object;
}

/**
 * Checks that what is given to a resumed run says nothing else than what it was started with.
 *
 * @param description The run's description.
 * @param given The fields that are given now.
 * @throws UsageError naming what differs.
 */
export function checkResume(description: StartedWith, given: object): void {
  const was: Readonly<Record<string, unknown>> = { ...description.config, ...description.given };
  const differences = Object.entries(given)
    .filter(
      ([field, value]) => !changeable.has(field) && JSON.stringify(was[field]) !== JSON.stringify(value),
    )
    .map(
      ([field, value]) =>
        `${field} was ${JSON.stringify(was[field] ?? null)} and is now ${JSON.stringify(value)}`,
    );
  if (differences.length > 0) {
    throw new UsageError(
      `--resume: the run was started with other settings: ${differences.join("; ")}. Leave these out to go on with it, or start a new run in another folder.`,
    );
  }
}
