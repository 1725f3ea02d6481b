import { createDevice } from "@splitmask/kernels";
import type { Config } from "../config/config.js";
import type { Terminal } from "../terminal/terminal.js";
import { scanPictures } from "./pictures.js";
import { planRun, type RunPlan, tellDecisions } from "./plan.js";

/** A run that is only planned. */
export interface DryRunRequest {
  /** The pictures: a folder, a file or a pattern, as `openDataset` takes it. */
  readonly folder: string;
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
export async function dryRun(request: DryRunRequest, terminal: Terminal): Promise<RunPlan> {
  const { config: given = {}, folder } = request;
  const scanned = await scanPictures(folder, terminal, given);
  const device = createDevice(given.threads === undefined ? {} : { threads: given.threads });
  try {
    const plan = await planRun(device, given, scanned);
    tellDecisions(folder, scanned, plan.choices, terminal);
    return plan;
  } finally {
    device.close();
    await scanned.dataset.close?.();
  }
}
