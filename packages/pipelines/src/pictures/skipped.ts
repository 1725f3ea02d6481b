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
  // They are met in an order that depends on which was decoded first; what is told does not.
  const shown = [...skipped]
    .sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))
    .slice(0, 20)
    .map(({ path, reason }) => `  ${printable(path)}: ${reason}`);
  const more = skipped.length > shown.length ? [`  … and ${skipped.length - shown.length} more`] : [];
  const pictures = skipped.length === 1 ? "picture was" : "pictures were";
  terminal.warn([`${skipped.length} ${pictures} skipped:`, ...shown, ...more].join("\n"));
}

/** Warns of pictures that cannot be read, with an example: "3 " and what is said of them. */
export function warnOfUnread(pictures: readonly SkippedPicture[], what: string, terminal: Terminal): void {
  const [example] = pictures;
  if (example === undefined) return;
  terminal.warn(`${pictures.length} ${what}, e.g. ${printable(example.path)}: ${example.reason}`);
}
