import { type Choice, formatCount } from "@splitmask/methods/settings";
import { formatDuration } from "@splitmask/report";
import type { ScannedPictures } from "../pictures/scanPictures.js";
import { formatBytes } from "../settings/quantities.js";
import { columns } from "../terminal/columns.js";
import type { Terminal } from "../terminal/terminal.js";
import type { RunPlan } from "./runKind.js";

/** What is printed of a run's estimate needs no more than these. */
type EstimatedPlan = Pick<RunPlan, "estimate" | "machine" | "freeDiskBytes">;

/**
 * Prints how many pictures there are, and the decisions with their reasons.
 *
 * @param found What was found, such as "120 pictures".
 * @param where Where, and what else.
 * @param choices The decisions.
 * @param terminal Where they are printed.
 */
export function tellDecisions(
  found: string,
  where: string,
  choices: readonly Choice[],
  terminal: Terminal,
): void {
  const { style } = terminal;
  terminal.line(`${style.bold(found)} ${where}`);
  const rows = choices.map(({ name, reason, value }) => [`  ${name}`, value, style.dim(reason)]);
  for (const text of columns(rows)) terminal.line(text);
}

/** "120 pictures", with what was left alone: the start of what is told of a run. */
export function foundText({ facts: { count } }: Pick<ScannedPictures, "facts">, of = ""): string {
  return `${formatCount(count)} pictures${of}`;
}

/** How many other files a folder has. */
export function ignoredText({ ignored }: Pick<ScannedPictures, "ignored">): string {
  return ignored === 0 ? "" : ` (${ignored} other files are ignored)`;
}

/**
 * What a run is going to take: names, values and details for people.
 *
 * @param plan The run.
 * @param now When it starts.
 */
function estimateRows(
  { estimate, machine, freeDiskBytes: free }: EstimatedPlan,
  now: Date,
): [string, string, string][] {
  const { disk, memory, picturesPerSecond, seconds, secondsPerStep, steps } = estimate;
  const step =
    secondsPerStep < 1 ? `${(1000 * secondsPerStep).toFixed(0)} ms` : `${secondsPerStep.toFixed(1)} s`;
  const end = new Date(now.getTime() + 1000 * seconds);
  const pictures = memory.pictures > 0 ? `, ${formatBytes(memory.pictures)} of decoded pictures` : "";
  const cache = disk.cache > 0 ? `, and ${formatBytes(disk.cache)} of decoded pictures in the cache` : "";
  return [
    [
      "time",
      `about ${formatDuration(seconds)}, until ${endText(end, now)}`,
      `${formatCount(steps)} steps of ${step}, ${picturesPerSecond < 10 ? picturesPerSecond.toPrecision(2) : formatCount(picturesPerSecond)} pictures a second on ${machine.threads} ${machine.threads === 1 ? "thread" : "threads"}`,
    ],
    [
      "memory",
      `about ${formatBytes(memory.total)}`,
      `a step ${formatBytes(memory.step)}${pictures}; ${formatBytes(machine.freeBytes)} are free`,
    ],
    [
      "disk",
      `about ${formatBytes(disk.run)}`,
      `checkpoints, weights, metrics and report${cache}; ${formatBytes(free)} are free`,
    ],
  ];
}

/** The time of day, with the date where it is another one. */
function endText(end: Date, now: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const time = `${two(end.getHours())}:${two(end.getMinutes())}`;
  if (end.toDateString() === now.toDateString()) return time;
  return `${end.getFullYear()}-${two(end.getMonth() + 1)}-${two(end.getDate())} ${time}`;
}

/** The same, laid out. */
export function estimateText(plan: EstimatedPlan, terminal: Terminal): string[] {
  const { style } = terminal;
  const rows = estimateRows(plan, new Date());
  return [
    style.bold("estimate"),
    ...columns(rows.map(([name, value, detail]) => [`  ${name}`, value, style.dim(detail)])),
  ];
}

/** Warns where a run needs more memory or disk than is free. */
export function warnOfShortage(
  { estimate: { disk, memory }, freeDiskBytes: free, machine }: EstimatedPlan,
  terminal: Terminal,
): void {
  if (memory.total > machine.freeBytes) {
    terminal.warn(
      `the run takes about ${formatBytes(memory.total)} of memory and only ${formatBytes(machine.freeBytes)} are free: close other programs, or choose a smaller --batch.`,
    );
  }
  if (disk.run > free) {
    terminal.warn(
      `the run folder takes about ${formatBytes(disk.run)} and only ${formatBytes(free)} are free on its disk: free some space, choose another --out, or keep fewer checkpoints (--keep-checkpoints 1).`,
    );
  }
}
