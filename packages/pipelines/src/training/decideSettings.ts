import type { Method } from "@splitmask/methods";
import type { Config } from "../settings/config.js";
import type { MachineFacts, PictureFacts } from "../settings/facts.js";
import { loadMethod } from "../settings/loadMethod.js";
import { type Resolution, resolveConfig } from "../settings/resolve.js";
import { pretrainingCosts } from "./costOf.js";

/** What `decideSettings` gives: the settings with their reasons, and the method that they are for. */
export interface DecidedSettings extends Resolution {
  /** The method. */
  readonly method: Method;
}

/**
 * Decides every setting of a pre-training run, as `pretrain` does.
 *
 * @param given The fields that are given, the method among them.
 * @param pictures How many there are, and how large.
 * @param machine Its threads, memory and speed.
 * @throws UsageError where fields contradict each other, or the memory does not suffice.
 */
export async function decideSettings(
  { method: asked, ...given }: Config,
  pictures: PictureFacts,
  machine: MachineFacts,
): Promise<DecidedSettings> {
  const method = await loadMethod(asked);
  const costOf = pretrainingCosts(method, machine);
  return { method, ...(await resolveConfig({ method, given, pictures, machine, costOf })) };
}
