import { type DatasetIdentity, identityDifference } from "@splitmask/data";
import { movedAlong } from "../pictures/samePictures.js";
import type { MonitorSettings } from "../settings/resolveMonitor.js";
import type { Terminal } from "../terminal/terminal.js";

/**
 * The settings of a monitor whose pictures have moved with those of the run: mostly they lie beside them, or are the
 * same.
 */
export function monitorMoved(
  { monitor, monitorTest }: MonitorSettings,
  move: { readonly from: string; readonly to: string },
): Partial<MonitorSettings> {
  return {
    ...(monitor ? { monitor: movedAlong(monitor, move) } : {}),
    ...(monitorTest ? { monitorTest: movedAlong(monitorTest, move) } : {}),
  };
}

/**
 * Warns where a monitor shows other pictures than before.
 *
 * @param before What they were.
 * @param now What they are; empty without a monitor.
 * @param terminal Where it is told.
 */
export function warnOfOtherMonitor(
  before: readonly DatasetIdentity[],
  now: readonly DatasetIdentity[],
  terminal: Terminal,
): void {
  for (const [place, identity] of before.entries()) {
    const difference = now[place] === undefined ? null : identityDifference(identity, now[place], true);
    if (difference === null) continue;
    terminal.warn(
      "the monitor's pictures are not those that the run was started with, so that its figures do not compare " +
        `with the earlier ones: ${difference}.`,
    );
  }
}
