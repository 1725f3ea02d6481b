import type { FinetuneConfig } from "../settings/config.js";
import type { ClassificationSettings } from "../settings/runSettings.js";
import { silentTerminal, type Terminal } from "../terminal/terminal.js";
import { type ClassificationOutcome, classificationRun, type FinetuneSources } from "./classificationRun.js";
import type { RunPlan } from "./runKind.js";
import type { TrainedRun } from "./trainedRun.js";
import { plannedRun, trainingRun } from "./trainingRun.js";

/** What to fine-tune, and where. */
export interface FinetuneRequest extends FinetuneSources {
  /** Run folder to write. */
  readonly out: string;
  /** The fields that are given; the rest is the recipe's or chosen. */
  readonly config?: FinetuneConfig;
  /** Go on from the run folder's last checkpoint. */
  readonly resume?: boolean;
  /** Delete the run folder's earlier run first. */
  readonly overwrite?: boolean;
  /** Aborting it stops after the step at hand, with a checkpoint. */
  readonly signal?: AbortSignal;
}

/** What came of it. */
export type FinetuneResult = TrainedRun & ClassificationOutcome;

/**
 * Fine-tunes a pre-trained encoder with labels (or trains it from its first weights), evaluates it on the test
 * pictures, and leaves everything in the run folder. What fails before the first checkpoint leaves no run folder
 * behind.
 *
 * @param request What and where.
 * @param terminal Where it tells what it does.
 * @throws UsageError where the settings contradict each other, or the run folder holds a run already.
 * @throws Error where pictures or labels are missing, or the run folder cannot be written.
 */
export function finetune(
  request: FinetuneRequest,
  terminal: Terminal = silentTerminal,
): Promise<FinetuneResult> {
  const { out, config = {}, resume = false, overwrite = false, signal } = request;
  return trainingRun(
    classificationRun(request, config),
    { out, config, resume, overwrite, signal },
    terminal,
  );
}

/** A fine-tuning run that is only planned. */
export interface FinetuneDryRunRequest extends FinetuneSources {
  /** Where it would be written; for the free disk. */
  readonly out?: string;
  /** The fields that are given; the rest is the recipe's or chosen. */
  readonly config?: FinetuneConfig;
}

/**
 * Decides every setting of a fine-tuning run and estimates what it takes, without training or writing anything.
 *
 * @param request What would be fine-tuned.
 * @param terminal Where the decisions are told.
 * @throws UsageError where the settings contradict each other.
 * @throws Error where the encoder, pictures or labels are missing.
 */
export function finetuneDryRun(
  request: FinetuneDryRunRequest,
  terminal: Terminal = silentTerminal,
): Promise<RunPlan<ClassificationSettings>> {
  const { config = {}, out = "." } = request;
  const planned = { out, config, resume: false, overwrite: false, signal: undefined };
  return plannedRun(classificationRun(request, config), planned, terminal);
}
