import type { SkippedPicture } from "@splitmask/data";
import { printable } from "../terminal/printable.js";
import type { Terminal } from "../terminal/terminal.js";

/**
 * Tells which pictures could not be read: how many, and the first twenty by name.
 *
 * @param skipped The pictures.
 * @param terminal Where it is told.
 */
export function tellSkipped(skipped: readonly SkippedPicture[], terminal: Terminal): void {
  if (skipped.length === 0) return;
  const shown = byPath(skipped)
    .slice(0, 20)
    .map(({ path, reason }) => `  ${printable(path)}: ${reason}`);
  const more = skipped.length > shown.length ? [`  … and ${skipped.length - shown.length} more`] : [];
  const pictures = skipped.length === 1 ? "picture was" : "pictures were";
  terminal.warn([`${skipped.length} ${pictures} skipped:`, ...shown, ...more].join("\n"));
}

/** Pictures are met in an order that depends on which was decoded first; what is told does not. */
function byPath(skipped: readonly SkippedPicture[]): SkippedPicture[] {
  return [...skipped].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}
