import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { mean, square } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import {
  LoggerError,
  type MetricsLogger,
  TensorboardEventFile,
  type TrainingEvent,
  type TrainOptions,
} from "@splitmask/trainer";
import { valueSteps } from "./eventFile.js";
import { freshForEachTest } from "./freshForEachTest.js";
import { runTiny, type TinyRun } from "./runTiny.js";
import { type Points, points, regression } from "./tinyTask.js";

let folder: string;
let device: Device;
freshForEachTest(2, (fresh) => {
  ({ device, folder } = fresh);
});

const run = (
  name: string,
  loggers: readonly MetricsLogger[],
  changes: Partial<TrainOptions<Points>> = {},
  events: TrainingEvent[] = [],
): Promise<TinyRun> => runTiny(folder, name, device, { loggers, ...changes }, events);

/** Remembers its calls. */
class Recorder implements MetricsLogger {
  readonly calls: unknown[] = [];

  log(step: number, values: Readonly<Record<string, number>>): void {
    this.calls.push([step, values]);
  }

  flush(): void {
    this.calls.push("flush");
  }

  close(): void {
    this.calls.push("close");
  }
}

test("hear of every step and evaluation under TensorBoard's names, and are flushed and closed", async () => {
  const recorder = new Recorder();
  const written = new TensorboardEventFile(join(folder, "events.out.tfevents.own"), 1);
  const { events } = await run("run", [recorder, written, { log: () => undefined }], {
    length: { steps: 4 },
    task: { ...regression(device), health: ({ inputs }) => ({ size: mean(square(inputs)) }) },
    healthEvery: 2,
    evaluation: { every: 2, run: async ({ step }) => ({ accuracy: step / 10 }) },
  });
  const [first, second, evaluation, ...rest] = recorder.calls as [number, Record<string, number>][];
  const told = events.flatMap((event) => (event.type === "step" ? [event] : []));
  expect(first).toEqual([
    1,
    {
      "loss/total": told[0]!.losses.total,
      "loss/error": told[0]!.losses.total,
      learningRate: 0,
      gradientNorm: told[0]!.gradientNorm,
      waitingSeconds: expect.any(Number),
    },
  ]);
  expect(second![1]["health/size"]).toBe(told[1]!.health!.size);
  expect(evaluation).toEqual([2, { "evaluation/accuracy": 0.2 }]);
  expect(rest.map((call) => (Array.isArray(call) ? call[0] : call))).toEqual([3, 4, 4, "flush", "close"]);
  const own = readdirSync(join(folder, "run")).find((name) => name.includes("tfevents"))!;
  expect(valueSteps(written.path)).toEqual(valueSteps(join(folder, "run", own)));
});

test("an interrupted run closes them too, and hears of the steps that follow when it goes on", async () => {
  const controller = new AbortController();
  const before = new Recorder();
  const onEvent = (event: TrainingEvent) => event.type === "step" && event.step === 3 && controller.abort();
  const { result } = await run("run", [before], { signal: controller.signal, onEvent });
  expect(before.calls.slice(-2)).toEqual(["flush", "close"]);
  const after = new Recorder();
  await run("run", [after], { resume: true });
  expect((after.calls[0] as [number])[0]).toBe(result.step + 1);
});

test("one that is slow has its calls one after the other, and the run waits for it in the end", async () => {
  const steps: number[] = [];
  let running = 0;
  const slow: MetricsLogger = {
    async log(step) {
      expect(++running).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 10));
      steps.push(step);
      running--;
    },
    async flush() {
      await new Promise((resolve) => setTimeout(resolve, 10));
      steps.push(-1);
    },
  };
  await run("run", [slow]);
  expect(steps).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, -1]);
});

test("training waits for one that is a thousand steps behind", async () => {
  let release = () => {};
  const stuck: MetricsLogger = {
    log: (step) =>
      step > 1
        ? undefined
        : new Promise<void>((resolve) => {
            release = resolve;
          }),
  };
  let last = 0;
  let waited = 0;
  let stoodAt = 0;
  const timer = setInterval(() => {
    // It stands still: nothing but the logger holds it up.
    if (last < 1001 || ++waited < 5) return;
    stoodAt = last;
    clearInterval(timer);
    release();
  }, 20);
  const tiny = points(device, 2, 4);
  const { result } = await run("run", [stuck], {
    task: regression(device, 2, 2),
    batches: { ...tiny, batch: tiny.batch },
    length: { steps: 1100 },
    checkpointEvery: 10_000,
    traceNonFinite: false,
    onEvent: (event) => {
      if (event.type === "step") last = event.step;
    },
  });
  expect(stoodAt).toBe(1001);
  expect(result.step).toBe(1100);
});

describe("one that fails ends the run with an error that names it, saved up to there", () => {
  const weights = ({ result }: TinyRun) =>
    ["model.safetensors", "optimizer.safetensors"].map((file) =>
      readFileSync(join(result.checkpoint!, file)),
    );
  const reason = new Error("no space in the cloud");
  class CloudLogger implements MetricsLogger {
    closed = 0;
    log(step: number): void {
      if (step === 7) throw reason;
    }
    close(): void {
      this.closed++;
    }
  }

  test("in log, at once or later", async () => {
    const cloud = new CloudLogger();
    const events: TrainingEvent[] = [];
    const failed = await run("run", [new Recorder(), cloud], {}, events).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(LoggerError);
    expect((failed as Error).message).toMatch(
      new RegExp(
        /^train: loggers\[1\] \(CloudLogger\) failed in log at step 7: no space in the cloud\. /.source +
          /The run is saved up to .*step-00000[789]: mend the logger, then resume from there\.$/.source,
      ),
    );
    expect((failed as Error).cause).toBe(reason);
    expect(cloud.closed).toBe(1);
    expect(events.at(-1)).toMatchObject({ type: "stop", reason: "failed", error: failed });
    const resumed = await run("run", [], { resume: true });
    expect(weights(resumed)).toEqual(weights(await run("whole", [])));

    const later: MetricsLogger = { log: (step) => (step === 2 ? Promise.reject(reason) : undefined) };
    await expect(run("later", [later])).rejects.toThrow(
      "train: loggers[0] failed in log at step 2: no space in the cloud.",
    );
  });

  test("in flush or close", async () => {
    const flushing: MetricsLogger = { log: () => undefined, flush: () => Promise.reject(reason) };
    await expect(run("flush", [flushing])).rejects.toThrow(
      /^train: loggers\[0\] failed in flush: no space in the cloud\. The run is saved up to .*step-000012:/,
    );
    const closing: MetricsLogger = {
      log: () => undefined,
      close() {
        throw reason;
      },
    };
    await expect(run("close", [closing])).rejects.toThrow("train: loggers[0] failed in close:");
  });
});
