import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StepBench } from "@splitmask/pipelines";
import { stepTable } from "../src/commands/benchStep.js";
import { callMain, lastLine, tinyModel } from "./command.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "splitmask-bench-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const small = [...tinyModel, "--depth", "2", "--vocabulary", "64", "--batch", "8"];

describe("bench step", () => {
  test("gives figures that fit together, and a trace of the same calls", async () => {
    const file = join(folder, "step.json");
    const outcome = await callMain([
      "bench",
      "step",
      ...small,
      "--timed",
      "3",
      "--profiled",
      "2",
      "--trace",
      file,
      "--json",
    ]);
    expect(outcome.code).toBe(0);
    const bench = lastLine(outcome) as unknown as StepBench & { trace: string };
    expect(bench.trace).toBe(file);
    expect(bench.config).toMatchObject({ width: 32, depth: 2, heads: 2, imageSize: 32, patch: 8, batch: 8 });
    expect(bench.threads).toBe(1);
    expect(bench.stepSeconds).toHaveLength(3);
    expect(bench.picturesPerSecond).toBeCloseTo(8 / bench.secondsPerStep, 6);
    expect(bench.floorSeconds).toBeGreaterThan(0);
    expect(bench.ofFloor).toBeCloseTo(bench.floorSeconds / bench.secondsPerStep, 9);
    expect(bench.memory.peakLiveBytes).toBeGreaterThan(0);
    expect(bench.memory.peakResidentBytes).toBeGreaterThan(bench.memory.peakLiveBytes);

    const { rows, seconds, idleSeconds, queueSeconds } = bench.profile;
    const busy = rows.reduce((total, row) => total + row.seconds, 0);
    expect(busy + idleSeconds + queueSeconds).toBeCloseTo(seconds, 9);
    expect(bench.queue.secondsPerCall).toBeGreaterThan(0);
    expect(bench.balances).toEqual([]);
    expect(rows.map((row) => row.seconds)).toEqual(rows.map((row) => row.seconds).sort((a, b) => b - a));
    const callsOf = (kernel: string, detail?: string) =>
      rows
        .filter((row) => row.kernel === kernel && (detail === undefined || row.detail === detail))
        .reduce((total, row) => total + row.calls, 0);
    // Two steps: both branches' 8 of 16 tokens in two encoder blocks, all 16 in two decoder blocks; one update, two
    // views of the pictures.
    expect(callsOf("attention", "16×8×2×16")).toBe(4);
    expect(callsOf("attentionBackward", "16×8×2×16")).toBe(4);
    expect(callsOf("attention", "16×16×2×16")).toBe(4);
    expect(callsOf("adamW")).toBe(2);
    expect(callsOf("augmentImages")).toBe(4);
    expect(callsOf("gemmArgmax", "NT 128×64×192")).toBe(2);

    const { traceEvents } = JSON.parse(await readFile(file, "utf8")) as {
      traceEvents: { ph: string; ts: number; dur: number; pid: number; tid: number }[];
    };
    const spans = traceEvents.filter((event) => event.ph === "X" && event.tid === 1);
    expect(spans).toHaveLength(rows.reduce((total, row) => total + row.calls, 0));
    let end = 0;
    for (const span of spans) {
      expect([span.pid, span.tid]).toEqual([1, 1]);
      expect(span.ts).toBeGreaterThanOrEqual(end - 1e-6);
      end = span.ts + span.dur;
    }
    expect(end).toBeLessThanOrEqual(1e6 * seconds);
    expect(spans.reduce((total, span) => total + span.dur, 0)).toBeCloseTo(1e6 * busy, 3);
  });

  test("prints a table for people", async () => {
    const counts = ["--timed", "1", "--profiled", "1", "--simulate-threads", "4,8"];
    const outcome = await callMain(["bench", "step", ...small, ...counts, "--all"]);
    expect(outcome.error).toBe("");
    expect(outcome.code).toBe(0);
    for (const text of [
      "SplitMask, encoder 32×2×2 (width × depth × heads), 32 pixels, patches of 8, batch 8, float32",
      "pictures/s",
      "floor / step ",
      "gemm NT 128×96×32 ",
      "GFLOP/s",
      "(waiting for JavaScript)",
      "(the queue itself)",
      "100.0 %",
      "a barrier of all threads",
      "on 4 threads, if only the sharing of tasks mattered: at most ",
      "on 8 threads, if only the sharing of tasks mattered: at most ",
      "share then",
    ]) {
      expect(outcome.output).toContain(text);
    }
  });

  test("refuses settings that make no sense, and tells what there is to measure", async () => {
    const patch = await callMain(["bench", "step", "--image-size", "30", "--patch", "8"]);
    expect(patch.code).toBe(2);
    expect(patch.error).toContain("the image size must be a multiple of the patch");
    const folderless = await callMain(["bench", "step", "--steps", "3"]);
    expect(folderless.code).toBe(2);
    expect(folderless.error).toContain("unknown option '--steps'");
    expect((await callMain(["bench", "step", "--timed", "0"])).code).toBe(2);
    const bare = await callMain(["bench"]);
    expect(bare.code).toBe(2);
    expect(bare.error).toContain("step [options]");
  });
});

test("stepTable: one step's times, short rows together, names cut to the width", () => {
  const row = (kernel: string, detail: string, calls: number, seconds: number, judgedBy: string) => ({
    kernel,
    detail,
    calls,
    seconds,
    share: seconds / 2,
    operations: 1e9,
    bytes: 1e9,
    judgedBy,
    rate: 123.4e9,
    ofLimit: 0.456,
    limit: judgedBy === "operations" ? "multiplyAdds" : "memory",
  });
  const bench = {
    profiledSteps: 2,
    profile: {
      seconds: 2,
      idleSeconds: 0.08,
      queueSeconds: 0.02,
      rows: [
        row("gemm", "NT 6272×768×192", 24, 1.4, "operations"),
        row("layerNorm", "", 8, 0.49, "bytes"),
        row("fill", "", 6, 0.006, "bytes"),
        row("permute", "", 2, 0.004, "bytes"),
      ],
    },
  } as unknown as StepBench;
  expect(stepTable(bench)).toEqual([
    "kernel                      calls       ms    share         rate  of limit",
    "gemm NT 6272×768×192           12   700.00   70.0 %  123 GFLOP/s  0.46 FMA",
    "layerNorm                       4   245.00   24.5 %  123 GB/s     0.46 memory",
    "2 others, each below 0.5 %      4     5.00    0.5 %",
    "(waiting for JavaScript)             40.00    4.0 %",
    "(the queue itself)                   10.00    1.0 %",
    "step, while profiled               1000.00  100.0 %",
  ]);
  expect(stepTable(bench, true)).toHaveLength(8);
  const narrow = stepTable(bench, false, 70);
  expect(narrow[1]).toBe("gemm NT 6272×768×1…     12   700.00   70.0 %  123 GFLOP/s  0.46 FMA");
  for (const line of narrow) expect(line.length).toBeLessThanOrEqual(70);
});
