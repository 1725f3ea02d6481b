import { createDevice } from "@splitmask/kernels";
import { trainedRange } from "../evaluation/trainedRange.js";
import { openLabelledPictures } from "../pictures/labelledPictures.js";
import { scanPictures } from "../pictures/scanPictures.js";
import type { Config } from "../settings/config.js";
import type { FinetuneConfig } from "../settings/finetuneConfig.js";
import type { ResolvedFinetuneConfig } from "../settings/resolveFinetune.js";
import { silentTerminal, type Terminal } from "../terminal/terminal.js";
import { type FinetuneSources, planFinetune, readFirstEncoder, tellFinetune } from "./finetunePlan.js";
import { planRun, type RunPlan, tellDecisions } from "./plan.js";

/** A run that is only planned. */
export interface DryRunRequest {
  /** The pictures: a folder, a file or a pattern, as `openDataset` takes it. */
  readonly folder: string;
  /** Where it would be written; for the free disk. */
  readonly out?: string;
  /** The fields that are given; the rest is chosen. */
  readonly config?: Config;
}

/**
 * Decides every setting of a pre-training run and estimates what it takes, without training or writing anything.
 *
 * @param request What would be trained on.
 * @param terminal Where the decisions are told.
 * @throws UsageError where the settings contradict each other, or the memory does not suffice.
 * @throws Error where there are no pictures.
 */
export async function dryRun(request: DryRunRequest, terminal: Terminal = silentTerminal): Promise<RunPlan> {
  const { config: given = {}, folder } = request;
  const scanned = await scanPictures(folder, terminal, { ...given, use: "pretraining" });
  const device = createDevice(given.threads === undefined ? {} : { threads: given.threads });
  try {
    const plan = await planRun(device, given, scanned, request.out ?? ".");
    tellDecisions(folder, scanned, plan.choices, terminal);
    return plan;
  } finally {
    device.close();
    await scanned.dataset.close?.();
  }
}

/** A fine-tuning run that is only planned. */
export interface FinetuneDryRunRequest extends FinetuneSources {
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
export async function finetuneDryRun(
  request: FinetuneDryRunRequest,
  terminal: Terminal,
): Promise<RunPlan<ResolvedFinetuneConfig>> {
  const { config: given = {} } = request;
  const first = await readFirstEncoder(request);
  const valueRange = given.valueRange ?? (await trainedRange(request.run)) ?? undefined;
  const pictures = await openLabelledPictures(request, { ...given, valueRange }, terminal);
  const device = createDevice(given.threads === undefined ? {} : { threads: given.threads });
  try {
    const plan = await planFinetune(device, given, request, first, pictures);
    tellFinetune(request, pictures, plan, terminal);
    return plan;
  } finally {
    device.close();
    await pictures.train.dataset.close?.();
    await pictures.test.close?.();
  }
}
