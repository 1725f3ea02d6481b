import { evenlySpaced, type ImageDataset } from "@splitmask/data";
import { type Choice, formatCount } from "@splitmask/methods/settings";
import { formatDuration } from "@splitmask/report";
import { estimateRun } from "../estimate/runEstimate.js";
import { freeDiskBytes } from "../machine/freeDisk.js";
import { examineMachine } from "../machine/machine.js";
import { wantsDiskCache } from "../pictures/diskCache.js";
import type { RunDescription } from "../runs/description.js";
import { formatBytes } from "../settings/quantities.js";
import type { RunSettings } from "../settings/runSettings.js";
import { columns } from "../terminal/columns.js";
import type { Terminal } from "../terminal/terminal.js";
import type { RunContext, RunKind, RunPlan } from "./runKind.js";
import { costsOf } from "./runStep.js";

/** Pictures that are decoded to learn how long it takes. */
const sampledDecodes = 8;
/** Short side that they are reduced to, as those of most runs are. */
const usualDecodeSize = 128;

/** Looks at pictures and machine, decides every setting if a run does not go on, and estimates what it takes. */
export async function planRun<Settings extends RunSettings>(
  kind: RunKind<Settings, unknown>,
  context: RunContext,
  decided: RunDescription<Settings> | null = null,
): Promise<RunPlan<Settings>> {
  const { dataset, facts } = context.pictures.train;
  const decodeSeconds = await timeDecoding(dataset);
  const pictures = { ...facts, ...(decodeSeconds === null ? {} : { decodeSeconds }) };
  const machine = await examineMachine(context.device);
  const { choices, config, cost } =
    decided === null
      ? await kind.decide(context.pictures, pictures, machine)
      : { ...decided, cost: await costsOf(kind.step(decided), machine)(decided.config) };
  const work = kind.work(config, cost, context.pictures);
  const cached = { config, facts: pictures, decodeSize: work.decodeSize };
  const isWanted = () => wantsDiskCache(cached, machine.freeBytes / 3);
  const onDisk = config.cache === "on" || (config.cache === "auto" && isWanted());
  return {
    ...{ config, choices, pictures, machine },
    ...estimateRun(config, work, pictures, machine, onDisk),
    freeDiskBytes: await freeDiskBytes(context.request.out),
  };
}

/** Median time to decode a picture on one core, in seconds; null where none of a few can be decoded. */
export async function timeDecoding(dataset: ImageDataset): Promise<number | null> {
  const times: number[] = [];
  for (const index of evenlySpaced(dataset.length, sampledDecodes)) {
    const started = performance.now();
    const decoded = await dataset.image(index, { shortSide: usualDecodeSize }).catch(() => null);
    if (decoded !== null) times.push((performance.now() - started) / 1000);
  }
  return times.length === 0 ? null : times.sort((a, b) => a - b)[times.length >> 1]!;
}

/** Prints how many pictures there are, and the decisions with their reasons. */
export function tellDecisions(
  paths: { readonly train: string; readonly test: string | null },
  { pictures: { classes, test, train }, terminal }: RunContext,
  choices: readonly Choice[],
): void {
  const { style } = terminal;
  const ofClasses = classes.length === 0 ? "" : ` of ${classes.length} classes`;
  const found = style.bold(`${formatCount(train.facts.count)} pictures${ofClasses}`);
  const ignored = train.ignored === 0 ? "" : ` (${train.ignored} other files are ignored)`;
  const where = `in ${paths.train}${ignored}`;
  const place = paths.test === null ? "held out of them" : `in ${paths.test}`;
  const tested = test === null ? "" : `, ${test.length.toLocaleString("en")} test pictures ${place}`;
  terminal.line(`${found} ${where}${tested}`);
  const rows = choices.map(({ name, reason, value }) => [`  ${name}`, value, style.dim(reason)]);
  for (const text of columns(rows)) terminal.line(text);
}

/** What a run that starts now is going to take, for people. */
export function estimateText(
  { estimate, freeDiskBytes: free, machine }: RunPlan,
  { style }: Terminal,
): string[] {
  const { disk, memory, picturesPerSecond, seconds, secondsPerStep, steps } = estimate;
  const step =
    secondsPerStep < 1 ? `${(1000 * secondsPerStep).toFixed(0)} ms` : `${secondsPerStep.toFixed(1)} s`;
  const speed = picturesPerSecond < 10 ? picturesPerSecond.toPrecision(2) : formatCount(picturesPerSecond);
  const threads = `${machine.threads} ${machine.threads === 1 ? "thread" : "threads"}`;
  const pictures = memory.pictures > 0 ? `, ${formatBytes(memory.pictures)} of decoded pictures` : "";
  const cache = disk.cache > 0 ? `, and ${formatBytes(disk.cache)} of decoded pictures in the cache` : "";
  const row = (name: string, value: string, detail: string) => [
    `  ${name}`,
    `about ${value}`,
    style.dim(detail),
  ];
  return [
    style.bold("estimate"),
    ...columns([
      row(
        "time",
        `${formatDuration(seconds)}, until ${endText(seconds)}`,
        `${formatCount(steps)} steps of ${step}, ${speed} pictures a second on ${threads}`,
      ),
      row(
        "memory",
        formatBytes(memory.total),
        `a step ${formatBytes(memory.step)}${pictures}; ${formatBytes(machine.freeBytes)} are free`,
      ),
      row(
        "disk",
        formatBytes(disk.run),
        `checkpoints, weights, metrics and report${cache}; ${formatBytes(free)} are free`,
      ),
    ]),
  ];
}

/** The time of day so many seconds from now, with the date where it is another one. */
function endText(seconds: number): string {
  const now = new Date();
  const end = new Date(now.getTime() + 1000 * seconds);
  const time = end.toLocaleTimeString("en-GB", { timeStyle: "short" });
  // Sweden writes dates as ISO 8601 does.
  return end.toDateString() === now.toDateString() ? time : `${end.toLocaleDateString("sv")} ${time}`;
}

/** Warns where a run needs more memory or disk than is free. */
export function warnOfShortage(
  { estimate: { disk, memory }, freeDiskBytes: free, machine }: RunPlan,
  terminal: Terminal,
): void {
  if (memory.total > machine.freeBytes) {
    terminal.warn(
      `the run takes about ${formatBytes(memory.total)} of memory and only ` +
        `${formatBytes(machine.freeBytes)} are free: close other programs, or choose a smaller --batch.`,
    );
  }
  if (disk.run > free) {
    terminal.warn(
      `the run folder takes about ${formatBytes(disk.run)} and only ${formatBytes(free)} are free on its ` +
        "disk: free some space, choose another --out, or keep fewer checkpoints (--keep-checkpoints 1).",
    );
  }
}
