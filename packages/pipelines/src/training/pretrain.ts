import { isAbsolute } from "node:path";
import { type Method, methods } from "@splitmask/methods";
import { UsageError } from "@splitmask/methods/settings";
import { readRun } from "../runs/description.js";
import { methodOf } from "../runs/methodOf.js";
import { checkOutFolder } from "../runs/outFolder.js";
import type { Config } from "../settings/config.js";
import { loadMethod, methodReference } from "../settings/loadMethod.js";
import type { PretrainingSettings } from "../settings/runSettings.js";
import { silentTerminal, type Terminal } from "../terminal/terminal.js";
import { type PretrainingOutcome, type PretrainingSource, pretrainingRun } from "./pretrainingRun.js";
import type { RunPlan } from "./runKind.js";
import type { TrainedRun } from "./trainedRun.js";
import { plannedRun, trainingRun } from "./trainingRun.js";

/** What to pre-train, and where. */
export interface PretrainRequest {
  /** The pictures: a folder, a file or a pattern, as `openDataset` takes it. */
  readonly folder: string;
  /** Run folder to write. */
  readonly out: string;
  /** The fields that are given; the rest is chosen. */
  readonly config?: Config;
  /** Go on from the run folder's last checkpoint. */
  readonly resume?: boolean;
  /** Delete the run folder's earlier run first. */
  readonly overwrite?: boolean;
  /** Aborting it stops after the step at hand, with a checkpoint. */
  readonly signal?: AbortSignal;
}

/** What came of it. */
export type PretrainResult = TrainedRun & PretrainingOutcome;

/**
 * Pre-trains an encoder on pictures without labels: decides the settings, makes what the method needs (such as a
 * tokenizer), trains, and leaves everything in the run folder. What fails before the first checkpoint leaves no run
 * folder behind.
 *
 * @param request What and where.
 * @param terminal Where it tells what it does.
 * @throws UsageError where the settings contradict each other, or the run folder holds a run already.
 * @throws Error where there are no pictures, or the run folder cannot be written.
 */
export async function pretrain(
  request: PretrainRequest,
  terminal: Terminal = silentTerminal,
): Promise<PretrainResult> {
  const { out, resume = false, overwrite = false, signal } = request;
  checkOutFolder(out, { resume, overwrite }); // before a run that goes on is asked for its method
  const source = await sourceOf(request, resume ? out : null);
  const config = { ...source.given, method: source.method.name };
  return trainingRun(pretrainingRun(source), { out, config, resume, overwrite, signal }, terminal);
}

/** A run that is only planned. */
export interface DryRunRequest extends Pick<PretrainRequest, "folder" | "config"> {
  /** Where it would be written; for the free disk. */
  readonly out?: string;
}

/**
 * Decides every setting of a pre-training run and estimates what it takes, without training or writing anything.
 *
 * @param request What would be trained on.
 * @param terminal Where the decisions are told.
 * @throws UsageError where the settings contradict each other, or the memory does not suffice.
 * @throws Error where there are no pictures.
 */
export async function dryRun(
  request: DryRunRequest,
  terminal: Terminal = silentTerminal,
): Promise<RunPlan<PretrainingSettings>> {
  const source = await sourceOf(request, null);
  const { out = "." } = request;
  const planned = { out, config: source.given, resume: false, overwrite: false, signal: undefined };
  return plannedRun(pretrainingRun(source), planned, terminal);
}

/** The pictures, the fields that are given, and the method: that of the run where it goes on and none is given. */
async function sourceOf(
  { config = {}, folder }: Pick<PretrainRequest, "config" | "folder">,
  resumed: string | null,
): Promise<PretrainingSource> {
  const { method: asked, ...given } = config;
  const before = resumed === null ? null : (await readRun(resumed, "pretraining")).description;
  const reference = typeof asked === "string" ? methodReference(asked) : asked;
  const isFile = typeof reference === "string" && isAbsolute(reference);
  return {
    ...{ folder, given },
    method: before === null ? await ownOrKnown(reference) : await methodOf(before, reference),
    methodFile: isFile ? reference : (before?.methodFile ?? null),
  };
}

/** The method of a new run; one's own must not pass for one of the table. */
async function ownOrKnown(asked: Config["method"]): Promise<Method> {
  const method = await loadMethod(asked);
  const known = (methods as Readonly<Record<string, Method>>)[method.name];
  if (known === undefined || known === method) return method;
  throw new UsageError(
    `method: "${method.name}" is the name of ${known.title}; give a method of your own another name.`,
  );
}
