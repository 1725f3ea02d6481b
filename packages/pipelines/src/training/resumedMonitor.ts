import { identityDifference } from "@splitmask/data";
import { movedAlong } from "../pictures/samePictures.js";
import type { RunDescription } from "../runs/description.js";
import type { Config } from "../settings/config.js";
import type { ResolvedConfig } from "../settings/resolve.js";
import type { Terminal } from "../terminal/terminal.js";
import type { MonitorPictures } from "./monitor.js";

/**
 * The settings of a monitor whose pictures have moved with those of the run: mostly they lie beside them, or are the
 * same.
 */
export function monitorMoved(
  { monitor, monitorTest }: ResolvedConfig,
  move: { readonly from: string; readonly to: string },
): Partial<ResolvedConfig> {
  return {
    ...(monitor ? { monitor: movedAlong(monitor, move) } : {}),
    ...(monitorTest ? { monitorTest: movedAlong(monitorTest, move) } : {}),
  };
}

/** Warns where a monitor shows other pictures than before, without having been told to. */
export async function checkMonitor(
  { monitorIdentities: before }: RunDescription,
  given: Config,
  monitor: MonitorPictures | null,
  terminal: Terminal,
): Promise<void> {
  const isTold = [given.monitor, given.monitorTest].some((path) => path !== undefined);
  if (monitor === null || isTold) return;
  const now = await monitor.identities();
  for (const [place, identity] of before.entries()) {
    const difference = now[place] === undefined ? null : identityDifference(identity, now[place], true);
    if (difference === null) continue;
    terminal.warn(
      "the monitor's pictures are not those that the run was started with, so that its figures do not compare " +
        `with the earlier ones: ${difference}.`,
    );
  }
}
