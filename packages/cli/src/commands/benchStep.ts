import { writeFile } from "node:fs/promises";
import type { LimitName, ProfileRow } from "@splitmask/kernels";
import { type BenchStepRequest, benchStep, type StepBench } from "@splitmask/pipelines";
import { percent } from "@splitmask/report";
import type { CommandTerminal } from "../terminal/terminal.js";

/** A `splitmask bench step` command line. */
export interface BenchStepCommand extends BenchStepRequest {
  /** File for the Chrome trace. */
  readonly trace?: string;
  /** Print the short rows too. */
  readonly all?: boolean;
}

/** Rows with a smaller share are printed as one. */
const smallShare = 0.005;

const limitNames: Readonly<Record<LimitName, string>> = {
  multiplyAdds: "FMA",
  bfloat16Dots: "bf16",
  lastCache: "cache",
  memory: "memory",
};

/** `splitmask bench step`: the figures of a training step and the table of its kernels. */
export async function runBenchStep(terminal: CommandTerminal, command: BenchStepCommand): Promise<void> {
  const { trace: traceFile, all = false, ...request } = command;
  const { bench, trace } = await benchStep(request, terminal);
  if (traceFile !== undefined) await writeFile(traceFile, JSON.stringify(trace));
  const lines = [...headLines(bench), "", ...stepTable(bench, all, terminal.width)];
  if (traceFile !== undefined)
    lines.push("", `trace: ${traceFile} (open it in chrome://tracing or ui.perfetto.dev)`);
  terminal.result({ ...bench, ...(traceFile === undefined ? {} : { trace: traceFile }) }, lines);
}

function headLines(bench: StepBench): string[] {
  const { config, limits, memory } = bench;
  const { width, depth, heads, imageSize, patch, batch, precision, recompute } = config;
  const milliseconds = (seconds: number) => `${(1000 * seconds).toFixed(1)} ms`;
  const giga = (value: number) => (value >= 1e11 ? (value / 1e9).toFixed(0) : (value / 1e9).toPrecision(3));
  const mebibytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;
  const bfloat16 =
    limits.bfloat16Dots === null
      ? "no bfloat16 dot instruction"
      : `bfloat16 dots ${giga(limits.bfloat16Dots)} GFLOP/s`;
  return [
    `${bench.method}, encoder ${width}×${depth}×${heads} (width × depth × heads), ${imageSize} pixels, patches of ${patch}, batch ${batch}, ${precision}${recompute ? ", recompute" : ""}`,
    `${bench.threads === 1 ? "1 thread" : `${bench.threads} threads`}, ${bench.instructionSet}`,
    `step: ${milliseconds(bench.secondsPerStep)} (median of ${bench.stepSeconds.length}), ${bench.picturesPerSecond.toFixed(1)} pictures/s`,
    `floor: ${milliseconds(bench.floorSeconds)} for ${giga(bench.operationsPerStep)} GFLOP of products and attention at their limits; floor / step ${bench.ofFloor.toFixed(2)}`,
    `memory: peak ${mebibytes(memory.peakLiveBytes)} on the device, ${mebibytes(memory.peakResidentBytes)} resident`,
    `limits: FMA ${giga(limits.multiplyAdds)} GFLOP/s, ${bfloat16}, copies ${giga(limits.lastCache)} GB/s in the last cache (${mebibytes(limits.lastCacheBytes)}), ${giga(limits.memory)} GB/s in memory`,
  ];
}

/**
 * The table of a step's kernels, longest first; times and calls are of one step.
 *
 * @param bench What was measured.
 * @param all Also the rows with less than 0.5 % of the time, one by one.
 * @param width Characters of a line; names are cut to fit.
 * @returns One line a row.
 */
export function stepTable(bench: StepBench, all = false, width = Number.POSITIVE_INFINITY): string[] {
  const { profile, profiledSteps } = bench;
  const small = all ? [] : profile.rows.filter((row) => row.share < smallShare);
  const shown = profile.rows.filter((row) => !small.includes(row));
  const cells = [
    ["kernel", "calls", "ms", "share", "rate", "of limit"],
    ...shown.map((row) => [
      row.detail === "" ? row.kernel : `${row.kernel} ${row.detail}`,
      (row.calls / profiledSteps).toFixed(0),
      ...timeCells(row.seconds, bench),
      rateOf(row),
      `${row.ofLimit.toFixed(2)} ${limitNames[row.limit]}`,
    ]),
  ];
  if (small.length > 0) {
    const seconds = small.reduce((total, row) => total + row.seconds, 0);
    const calls = small.reduce((total, row) => total + row.calls, 0);
    const name = `${small.length} others, each below 0.5 %`;
    cells.push([name, (calls / profiledSteps).toFixed(0), ...timeCells(seconds, bench), "", ""]);
  }
  cells.push(["(waiting for JavaScript)", "", ...timeCells(profile.idleSeconds, bench), "", ""]);
  cells.push(["step, while profiled", "", ...timeCells(profile.seconds, bench), "", ""]);
  return layOut(cells, width);
}

function timeCells(seconds: number, { profile, profiledSteps }: StepBench): [string, string] {
  return [((1000 * seconds) / profiledSteps).toFixed(2), percent(seconds / profile.seconds, 1)];
}

function rateOf({ judgedBy, rate }: ProfileRow): string {
  const text = rate >= 1e10 ? (rate / 1e9).toFixed(0) : (rate / 1e9).toFixed(1);
  return `${text} ${judgedBy === "operations" ? "GFLOP/s" : "GB/s   "}`;
}

/** The first column to the left and cut where the line is too long, the last to the left, the others to the right. */
function layOut(rows: readonly (readonly string[])[], width: number): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const others = widths.slice(1).reduce((total, each) => total + each + 2, 0);
  const first = Math.max(12, Math.min(widths[0]!, width - others));
  return rows.map((row) =>
    row
      .map((cell, column) => {
        if (column === 0) return (cell.length > first ? `${cell.slice(0, first - 1)}…` : cell).padEnd(first);
        return column === row.length - 1 ? cell : cell.padStart(widths[column]!);
      })
      .join("  ")
      .trimEnd(),
  );
}
