import { writeFile } from "node:fs/promises";
import type { Balance, BalanceRow, ProfileRow } from "@splitmask/kernels";
import { type BenchStepRequest, benchStep, type StepBench } from "@splitmask/pipelines";
import { columns } from "@splitmask/pipelines/settings";
import { percent } from "@splitmask/report";
import type { CommandTerminal } from "../terminal/terminal.js";

/** Rows with a smaller share are printed as one. */
const smallShare = 0.005;

const limitNames = {
  multiplyAdds: "FMA",
  bfloat16Dots: "bf16",
  lastCache: "cache",
  memory: "memory",
};

/** `splitmask bench step`: the figures of a training step and the table of its kernels. */
export async function runBenchStep(
  terminal: CommandTerminal,
  request: BenchStepRequest,
  traceFile: string | undefined,
  all: boolean | undefined,
): Promise<void> {
  const { bench, trace } = await benchStep(request, terminal);
  if (traceFile !== undefined) await writeFile(traceFile, JSON.stringify(trace));
  const lines = [
    ...[...headLines(bench), "", ...stepTable(bench, all, terminal.width)],
    ...bench.balances.flatMap((balance) => ["", ...balanceTable(bench, balance, all, terminal.width)]),
  ];
  if (traceFile !== undefined)
    lines.push("", `trace: ${traceFile} (open it in chrome://tracing or ui.perfetto.dev)`);
  terminal.result({ ...bench, ...(traceFile === undefined ? {} : { trace: traceFile }) }, lines);
}

function headLines(bench: StepBench): string[] {
  const { config, limits, memory, profile, queue } = bench;
  const { width, depth, heads, imageSize, patch, batch, precision, recompute } = config;
  const milliseconds = (seconds: number) => `${(1000 * seconds).toFixed(1)} ms`;
  const microseconds = (seconds: number) => `${(1e6 * seconds).toFixed(2)} µs`;
  const giga = (value: number) => (value >= 1e11 ? (value / 1e9).toFixed(0) : (value / 1e9).toPrecision(3));
  const mebibytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;
  const bfloat16 =
    limits.bfloat16Dots === null
      ? "no bfloat16 dot instruction"
      : `bfloat16 dots ${giga(limits.bfloat16Dots)} GFLOP/s`;
  return [
    `${bench.method}, encoder ${width}×${depth}×${heads} (width × depth × heads), ${imageSize} pixels, ` +
      `patches of ${patch}, batch ${batch}, ${precision}${recompute ? ", recompute" : ""}`,
    `${bench.threads === 1 ? "1 thread" : `${bench.threads} threads`}, ${bench.instructionSet}`,
    `step: ${milliseconds(bench.secondsPerStep)} (median of ${bench.stepSeconds.length}), ` +
      `${bench.picturesPerSecond.toFixed(1)} pictures/s`,
    `floor: ${milliseconds(bench.floorSeconds)} for ${giga(bench.operationsPerStep)} GFLOP of products and ` +
      `attention at their limits; floor / step ${bench.ofFloor.toFixed(2)}`,
    `memory: peak ${mebibytes(memory.peakLiveBytes)} on the device, ${mebibytes(memory.peakResidentBytes)} resident`,
    `limits: FMA ${giga(limits.multiplyAdds)} GFLOP/s, ${bfloat16}, copies ${giga(limits.lastCache)} GB/s ` +
      `in the last cache (${mebibytes(limits.lastCacheBytes)}), ${giga(limits.memory)} GB/s in memory`,
    `queue: ${microseconds(queue.secondsPerCall)} a call, ${microseconds(queue.secondsPerBarrier)} a barrier of all ` +
      `threads; kernels waited for a thread ${percent(profile.threadWaitSeconds / profile.seconds, 1)} of the step`,
  ];
}

/** The table of a step's kernels, longest first; the short ones as one row, where not all are wanted. */
export function stepTable(bench: StepBench, all = false, width = Number.POSITIVE_INFINITY): string[] {
  const { profile, profiledSteps } = bench;
  const isSmall = (row: ProfileRow) => !all && row.share < smallShare;
  const small = profile.rows.filter(isSmall);
  const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
  const row = (name: string, calls: number | null, seconds: number): [string, string, string, string] => [
    name,
    calls === null ? "" : (calls / profiledSteps).toFixed(0),
    ((1000 * seconds) / profiledSteps).toFixed(2),
    percent(seconds / profile.seconds, 1),
  ];
  const others = row(
    `${small.length} others, each below 0.5 %`,
    sum(small.map(({ calls }) => calls)),
    sum(small.map(({ seconds }) => seconds)),
  );
  const rows: readonly (readonly [string, ...string[]])[] = [
    ["kernel", "calls", "ms", "share", "rate", "of limit"],
    ...profile.rows
      .filter((each) => !isSmall(each))
      .map(
        (each) =>
          [
            ...row(`${each.kernel} ${each.detail}`.trimEnd(), each.calls, each.seconds),
            rateOf(each),
            `${each.ofLimit.toFixed(2)} ${limitNames[each.limit]}`,
          ] as const,
      ),
    ...(small.length === 0 ? [] : [others]),
    row("(waiting for JavaScript)", null, profile.idleSeconds),
    row("(the queue itself)", null, profile.queueSeconds),
    row("step, while profiled", null, profile.seconds),
  ];
  return fitted(rows, width, [1, 2, 3, 4]);
}

/** How evenly kernels could share their work among simulated threads; those that would take the most time first. */
export function balanceTable(
  { profiledSteps }: StepBench,
  balance: Balance,
  all = false,
  width = Number.POSITIVE_INFINITY,
): string[] {
  const { threads, seconds, speedUp } = balance;
  const shareThen = (row: BalanceRow) => row.seconds / row.speedUp / (seconds / speedUp);
  const shown = balance.rows.filter((row) => all || shareThen(row) >= smallShare);
  const rows = shown.map(
    (row) =>
      [
        `${row.kernel} ${row.detail}`.trimEnd(),
        ...[
          (row.calls / profiledSteps).toFixed(0),
          percent(row.share, 1),
          row.phases.toFixed(1),
          row.tasks.toFixed(1),
        ],
        ...[percent(row.largest, 1), percent(row.serial, 1), `${row.speedUp.toFixed(1)}×`],
        percent(shareThen(row), 1),
      ] as const,
  );
  const head = [
    "kernel",
    "calls",
    "share",
    "phases",
    "tasks",
    "largest",
    "serial",
    "at most",
    "share then",
  ] as const;
  return [
    `on ${threads} threads, if only the sharing of tasks mattered: at most ${speedUp.toFixed(1)} times one thread`,
    ...fitted([head, ...rows], width, [1, 2, 3, 4, 5, 6, 7, 8]),
  ];
}

function rateOf({ judgedBy, rate }: ProfileRow): string {
  const text = rate >= 1e10 ? (rate / 1e9).toFixed(0) : (rate / 1e9).toFixed(1);
  return `${text} ${judgedBy === "operations" ? "GFLOP/s" : "GB/s   "}`;
}

/** The table with its first column cut where the lines are too long. */
function fitted(
  rows: readonly (readonly [string, ...string[]])[],
  width: number,
  figures: readonly number[],
): string[] {
  const excess = Math.max(...columns(rows, figures).map((text) => text.length)) - width;
  const longest = Math.max(...rows.map(([name]) => name.length));
  const most = Math.max(12, longest - Math.max(0, excess));
  const cut = (name: string) => (name.length > most ? `${name.slice(0, most - 1)}…` : name);
  return columns(
    rows.map(([name, ...cells]) => [cut(name), ...cells]),
    figures,
  );
}
