import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setImmediate } from "node:timers/promises";
import { add, mean, ones, square, sum } from "@splitmask/autograd";
import { createDevice, type Device } from "@splitmask/kernels";
import {
  BatchError,
  latestCheckpoint,
  listCheckpoints,
  NonFiniteError,
  RunFolder,
  readCheckpoint,
  type TrainingEvent,
  type TrainingTask,
  type TrainOptions,
  train,
} from "@splitmask/trainer";
import { loopTurns } from "../../../scripts/jest/loopTurns.js";
import { runTiny, type TinyRun } from "./runTiny.js";
import { type Perceptron, type Points, points, regression } from "./tinyTask.js";

let folder: string;
let devices: Device[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "splitmask-train-"));
  devices = [];
});
afterEach(async () => {
  for (const device of devices) device.close();
  await rm(folder, { recursive: true, force: true });
});

function device(threads = 2): Device {
  devices.push(createDevice({ threads }));
  return devices.at(-1)!;
}

type Changes = Partial<TrainOptions<Points>> & { readonly threads?: number };

/** One call of `train` in a run folder of this name, which is made or opened. */
function run(name: string, { threads, ...changes }: Changes = {}): Promise<TinyRun> {
  return runTiny(folder, name, changes.device ?? device(threads), changes);
}

function weights(name: string, step: number): Buffer[] {
  const path = join(folder, name, "checkpoints", `step-${String(step).padStart(6, "0")}`);
  return ["model.safetensors", "optimizer.safetensors"].map((file) => readFileSync(join(path, file)));
}

/** Aborts when the step with this number is reported. */
function stopAt(step: number): Pick<TrainOptions<Points>, "signal" | "onEvent"> {
  const controller = new AbortController();
  return {
    signal: controller.signal,
    onEvent: (event) => {
      if (event.type === "step" && event.step === step) controller.abort();
    },
  };
}

describe("train", () => {
  test("learns, reports every step in order, and leaves a checkpoint", async () => {
    const { events, result } = await run("run", { length: { steps: 60 }, keepBest: null });
    expect(result.reason).toBe("done");
    expect(result.step).toBe(60);
    expect(result.lastLosses!.total).toBeLessThan(0.5 * result.firstLosses!.total!);
    expect(result.lastLosses!.error).toBe(result.lastLosses!.total);
    expect(result.imagesPerSecond).toBeGreaterThan(0);
    const steps = events.filter((event) => event.type === "step");
    expect(steps.map((event) => event.step)).toEqual(Array.from({ length: 60 }, (_, index) => index + 1));
    expect(steps[0]).toMatchObject({ steps: 60, learningRate: 0, imagesPerSecond: null, secondsLeft: null });
    expect(steps[2]).toMatchObject({ learningRate: 0.01, imagesPerSecond: expect.any(Number) });
    expect(steps.at(-1)!.secondsLeft).toBe(0);
    expect(events[0]).toEqual({ type: "start", task: "regression", steps: 60, firstStep: 1 });
    expect(events.at(-1)).toEqual({ type: "done", step: 60, seconds: expect.any(Number) });
    const checkpoints = events.filter((event) => event.type === "checkpoint").map((event) => event.step);
    expect(checkpoints).toEqual([5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60]);
    const left = await listCheckpoints(join(folder, "run", "checkpoints"));
    expect(left.map((checkpoint) => checkpoint.step)).toEqual([55, 60]);
    expect(result.checkpoint).toBe(left[1]!.path);
    const { model, state } = await readCheckpoint(result.checkpoint!);
    expect([...model.keys()].sort()).toEqual([
      "hidden.bias",
      "hidden.weight",
      "output.bias",
      "output.weight",
    ]);
    expect(state).toMatchObject({
      format: 1,
      step: 60,
      steps: 60,
      settings: { seed: 5, optimizer: { weightDecay: 0.05 } },
    });
    const reader = await RunFolder.open(join(folder, "run"), { write: false });
    const metrics = await reader.readMetrics();
    expect(metrics.map((line) => line.step)).toEqual(steps.map((event) => event.step));
    expect(metrics[9]!.losses).toEqual(steps[9]!.losses);
    expect(readdirSync(join(folder, "run")).filter((name) => name.includes("tfevents"))).toHaveLength(1);
    expect(existsSync(join(folder, "run", "lock.json"))).toBe(false);
  });

  test("one thread, two threads, interrupted and resumed: the same bits", async () => {
    await run("one", { threads: 1 });
    await run("two", { threads: 2 });
    expect(weights("two", 12)).toEqual(weights("one", 12));
    const stopped = await run("resumed", { threads: 1, ...stopAt(6) });
    expect(stopped.result.reason).toBe("interrupted");
    expect(stopped.result.step).toBeGreaterThanOrEqual(6);
    expect(stopped.result.step).toBeLessThan(9);
    expect(stopped.events.at(-1)).toMatchObject({
      type: "stop",
      reason: "interrupted",
      step: stopped.result.step,
    });
    const latest = await latestCheckpoint(join(folder, "resumed", "checkpoints"));
    expect(latest!.step).toBe(stopped.result.step);
    const resumed = await run("resumed", { threads: 2, resume: true });
    expect(resumed.events[0]).toMatchObject({ type: "start", firstStep: stopped.result.step + 1 });
    expect(resumed.events[1]).toEqual({ type: "resume", step: latest!.step, path: latest!.path });
    expect(weights("resumed", 12)).toEqual(weights("one", 12));
    const reader = await RunFolder.open(join(folder, "resumed"), { write: false });
    const wanted = await (await RunFolder.open(join(folder, "one"), { write: false })).readMetrics();
    const losses = (await reader.readMetrics()).map((line) => [line.step, line.losses]);
    expect(losses).toEqual(wanted.map((line) => [line.step, line.losses]));
    // Another seed is another run: the comparison above can fail.
    await run("other", { seed: 6 });
    expect(weights("other", 12)).not.toEqual(weights("one", 12));
  });

  test("parameters that get their first gradient late keep their own steps over a resume", async () => {
    const late = (): Pick<TrainOptions<Points>, "device" | "task"> => {
      const own = device();
      const task = regression(own);
      const { hidden } = task.model as Perceptron;
      const withLate: TrainingTask<Points> = {
        ...task,
        loss: (batch, context) =>
          context.step < 4
            ? { total: mean(square(hidden.forward(batch.inputs))), parts: {} }
            : { total: task.loss(batch, context).total, parts: {} },
      };
      return { device: own, task: withLate };
    };
    await run("late", late());
    for (const stop of [2, 7]) {
      await run(`late ${stop}`, { ...late(), ...stopAt(stop) });
      await run(`late ${stop}`, { ...late(), resume: true });
      expect(weights(`late ${stop}`, 12)).toEqual(weights("late", 12));
      const { state } = await readCheckpoint(join(folder, `late ${stop}`, "checkpoints", "step-000012"));
      expect(state.parameterSteps).toEqual({ "output.weight": 8, "output.bias": 8 });
    }
  });

  test("a run that was killed goes on from its last whole checkpoint", async () => {
    await run("whole");
    await run("killed", { keepCheckpoints: 9, ...stopAt(10) });
    const checkpoints = join(folder, "killed", "checkpoints");
    for (const { path, step } of await listCheckpoints(checkpoints))
      if (step > 5) await rm(path, { recursive: true });
    mkdirSync(join(checkpoints, "step-000010.1.abcd.part"));
    writeFileSync(join(checkpoints, "step-000010.1.abcd.part", "model.safetensors"), "cut off");
    const { events } = await run("killed", { resume: true });
    expect(events[1]).toMatchObject({ type: "resume", step: 5 });
    expect(weights("killed", 12)).toEqual(weights("whole", 12));
    expect(readdirSync(checkpoints).sort()).toEqual(["step-000010", "step-000012"]);
  });

  test("resume without a checkpoint starts at the first step; resume of a finished run does nothing", async () => {
    const first = await run("run", { resume: true });
    expect(first.events[0]).toMatchObject({ type: "start", firstStep: 1 });
    const again = await run("run", { resume: true });
    expect(again.events.map((event) => event.type)).toEqual(["start", "resume", "done"]);
    expect(again.result).toMatchObject({
      reason: "done",
      step: 12,
      firstLosses: null,
      checkpoint: first.result.checkpoint,
    });
    await expect(run("run", { resume: true, length: { steps: 6 } })).rejects.toThrow(
      /has done 12 steps already, and only 6 were asked for/,
    );
  });

  test("an aborted signal before the first step leaves no checkpoint", async () => {
    const { result } = await run("run", { signal: AbortSignal.abort() });
    expect(result).toMatchObject({ reason: "interrupted", step: 0, checkpoint: null });
    expect(await latestCheckpoint(join(folder, "run", "checkpoints"))).toBeNull();
  });

  test("a checkpoint of another model or run: the differences, and nothing is changed", async () => {
    await run("run");
    const other = device();
    const task = regression(other, 8, 24);
    const before = await task.model.hostStateDict();
    await expect(run("run", { device: other, task, resume: true })).rejects.toThrow(
      new RegExp(
        /is of another model: 3 of 4 tensors differ:\n/.source +
          / {2}hidden.weight is 16×8 in the checkpoint and 24×8 here\n[\s\S]*Nothing was loaded/.source,
      ),
    );
    expect(await task.model.hostStateDict()).toEqual(before);
    await expect(run("run", { resume: true, seed: 9, clipNorm: 1 })).rejects.toThrow(
      /was made with other settings: seed was 5 and is now 9; clipNorm was 3 and is now 1/,
    );
    expect(
      (await readCheckpoint((await latestCheckpoint(join(folder, "run", "checkpoints")))!.path)).state.step,
    ).toBe(12);
  });

  test("a loss that is not finite stops the run, names step and kernel, keeps the last good checkpoint", async () => {
    const on = device();
    const task = regression(on, 8, 16, 6);
    const failed = await run("run", { device: on, task, checkpointEvery: 3 }).catch(
      (error: unknown) => error as Error,
    );
    expect(failed).toBeInstanceOf(NonFiniteError);
    expect((failed as NonFiniteError).step).toBe(7);
    expect((failed as Error).message).toMatch(
      new RegExp(
        /^train: step 7 is not finite: total NaN, error NaN, gradient norm \S+. /.source +
          /The first to make it: log at output.bias, output \(a scalar; unary: output 0 has a value /.source +
          /that is not finite at element 0\)\. The last good checkpoint is .*step-000006\./.source,
      ),
    );
    const { model } = await readCheckpoint(
      (await latestCheckpoint(join(folder, "run", "checkpoints")))!.path,
    );
    // The model stands as it was before that step.
    expect((await task.model.hostStateDict()).get("hidden.weight")!.data).toEqual(
      model.get("hidden.weight")!.data,
    );
    expect(on.checkFinite).toBe(false);
    const reader = await RunFolder.open(join(folder, "run"), { write: false });
    expect((await reader.readMetrics()).at(-1)!.step).toBe(6);
  });

  test("a time limit is planned right where steps end two at a time", async () => {
    const on = device();
    const source = points(on);
    let asked = 0;
    const bursts = {
      ...source,
      batch(step: number) {
        // While this thread is busy, the step that runs and the one that waits both end.
        const until = performance.now() + (asked++ % 2 === 1 ? 20 : 0);
        while (performance.now() < until);
        return source.batch(step);
      },
    };
    const { events } = await run("bursts", { device: on, batches: bursts, length: { seconds: 1 } });
    const plan = events.find((event) => event.type === "plan")!;
    expect(plan.secondsPerStep).toBeGreaterThan(0.009);
    expect(plan.steps).toBeLessThan(1 / 0.009);
  });

  test("a batch that fails stops the run; what was done is saved, and the error says where", async () => {
    const on = device();
    const source = points(on);
    const batch = source.batch.bind(source);
    const events: TrainingEvent[] = [];
    const skipped: { path: string; reason: string }[] = [];
    const gone = new Error("there is no folder pictures.");
    const failing = {
      ...source,
      skipped: () => skipped,
      async batch(step: number) {
        if (step < 8) return batch(step);
        skipped.push({ path: "last.png", reason: "gone" });
        throw gone;
      },
    };
    const failed = await run("run", {
      device: on,
      batches: failing,
      onEvent: (event) => void events.push(event),
    }).catch((error: unknown) => error as Error);
    expect(failed).toBeInstanceOf(BatchError);
    expect(failed).toMatchObject({ step: 9, cause: gone });
    expect((failed as Error).message).toMatch(
      new RegExp(
        /^train: the batch of step 9 could not be made: there is no folder pictures\. /.source +
          /The run is saved up to .*step-000008: when the data is back, resume from there\.$/.source,
      ),
    );
    expect(events.at(-1)).toMatchObject({ type: "stop", reason: "failed", step: 8, error: failed });
    expect(readFileSync(join(folder, "run", "skipped.jsonl"), "utf8")).toContain("last.png");
    // With the data back, it ends as if nothing had been.
    await run("run", { resume: true });
    await run("whole");
    expect(weights("run", 12)).toEqual(weights("whole", 12));
  });

  test("skipped samples are reported once", async () => {
    const on = device();
    const skipped: { path: string; reason: string }[] = [];
    const source = points(on);
    const batch = source.batch.bind(source);
    const { events } = await run("run", {
      device: on,
      batches: {
        ...source,
        skipped: () => skipped,
        batch(step) {
          if (step % 6 === 3) skipped.unshift({ path: `${step}.png`, reason: "truncated" });
          return batch(step);
        },
      },
    });
    const named = events.flatMap((event) =>
      event.type === "skipped" ? event.pictures.map((picture) => picture.path) : [],
    );
    expect(named).toEqual(["3.png", "9.png"]);
    const file = join(folder, "run", "skipped.jsonl");
    expect(readFileSync(file, "utf8")).toBe(
      '{"path":"3.png","reason":"truncated"}\n{"path":"9.png","reason":"truncated"}\n',
    );

    // A resumed run meets some of them again, and new ones; the last line of the first session was cut off.
    writeFileSync(file, '{"path":"3.png","reason":"truncated"}\n{"path":"9.pn');
    const again = [
      { path: "3.png", reason: "truncated" },
      { path: "two\nlines.png", reason: "zero bytes" },
    ];
    const more = { ...points(on), skipped: () => again };
    await run("run", { device: on, batches: more, resume: true, length: { steps: 14 } });
    const reader = await RunFolder.open(join(folder, "run"), { write: false });
    expect(await reader.readSkipped()).toEqual(again);
  });

  test("a checkpoint that cannot be written is an error that says which", async () => {
    const on = device();
    const runFolder = await RunFolder.create(join(folder, "run"), {});
    writeFileSync(join(folder, "run", "checkpoints"), "");
    const options = {
      device: on,
      task: regression(on),
      batches: points(on),
      length: { steps: 6 },
      schedule: { base: 0.01 },
      runFolder,
    };
    await expect(train({ ...options, checkpointEvery: 2 })).rejects.toThrow(
      /ENOTDIR|EEXIST|checkpoint: step 2 could not be written/,
    );
    await runFolder.close();
  });

  test("epochs become whole steps, at least one", async () => {
    const on = device();
    const batches = points(on);
    const lasting = async (epochs: number) =>
      (
        await train({
          device: on,
          task: regression(on),
          batches,
          length: { epochs },
          schedule: { base: 0.01 },
        })
      ).steps;
    expect(await lasting(1.5)).toBe(Math.round(1.5 * batches.batchesPerEpoch));
    expect(await lasting(1e-3)).toBe(1);
  });

  test("options that make no sense", async () => {
    const on = device();
    const task = regression(on);
    const options = { device: on, task, batches: points(on), length: { steps: 6 }, schedule: { base: 0.01 } };
    await expect(train({ ...options, length: { steps: 0 } })).rejects.toThrow(
      "train: length.steps is 0; it must be a whole number of at least 1.",
    );
    await expect(train({ ...options, length: { epochs: 0 } })).rejects.toThrow(
      "train: length.epochs is 0; it must be a number above 0.",
    );
    await expect(train({ ...options, clipNorm: -1 })).rejects.toThrow("train: clipNorm is -1");
    await expect(train({ ...options, resume: true })).rejects.toThrow(
      "resume is true but there is no runFolder",
    );
    const loss: typeof task.loss = ({ inputs }) => ({ total: inputs, parts: {} });
    await expect(train({ ...options, task: { ...task, loss } })).rejects.toThrow(
      "the loss of task regression is 32×8; total must be a scalar",
    );
    // As if it were in a #private field.
    const hidden = ones(on, [3], { requiresGrad: true });
    const more: typeof task.loss = (batch, context) => {
      const { total } = task.loss(batch, context);
      return { total: add(total, sum(hidden)), parts: {} };
    };
    await expect(train({ ...options, task: { ...task, loss: more } })).rejects.toThrow(
      "the loss of task regression depends on 1 trainable tensors that its model does not have (3), so nothing",
    );
  });

  test("tells which share of the time it waited for data", async () => {
    const on = device();
    const source = points(on);
    const slow = {
      ...source,
      async batch(step: number) {
        await on.synchronize(); // the steps before are done: whatever follows is waited for
        await new Promise((resolve) => setTimeout(resolve, 60));
        return source.batch(step);
      },
    };
    const started = performance.now();
    const { result, events } = await run("run", { device: on, batches: slow, length: { steps: 8 } });
    // Of the steps from the third on, six, at least so much is spent waiting, however long the steps take.
    expect(result.waitingShare).toBeGreaterThan((6 * 59) / (performance.now() - started));
    expect(result.waitingShare).toBeLessThanOrEqual(1);
    const shares = events.flatMap((event) => (event.type === "step" ? [event.waitingShare] : []));
    expect(shares.slice(0, 2)).toEqual([null, null]);
    expect(shares.at(-1)).toBeCloseTo(result.waitingShare!, 10);
    const metrics = await (await RunFolder.open(join(folder, "run"), { write: false })).readMetrics();
    expect(metrics).toHaveLength(8);
    for (const { waitingSeconds } of metrics) expect(waitingSeconds).toBeGreaterThan(0.03);
  });

  test("data that comes while a step computes is not waited for", async () => {
    const width = 256;
    const on = device();
    const source = points(on, width, 4096);
    const late = {
      ...source,
      async batch(step: number) {
        // Later, but by what this thread does: where it is kept from running, the step that computes is too.
        for (let turn = 0; turn < 5; turn++) await setImmediate();
        return source.batch(step);
      },
    };
    const task = regression(on, width, 1024);
    const { result } = await run("run", { device: on, task, batches: late, length: { steps: 8 } });
    expect(result.waitingShare).toBeLessThan(0.2);
  });

  test("memory stays flat and every batch is given back", async () => {
    const on = device();
    const batches = points(on);
    const live: number[] = [];
    await train({
      device: on,
      task: regression(on),
      batches,
      length: { steps: 600 },
      schedule: { base: 0.001 },
      onEvent: (event) => {
        if (event.type === "step") live.push(on.memory().liveBytes);
      },
    });
    expect(batches.released).toBe(600);
    expect(Math.max(...live.slice(300))).toBeLessThanOrEqual(Math.max(...live.slice(10, 300)));
  });

  test("the event loop stays free while steps compute", async () => {
    const on = device(1);
    const turns = await loopTurns(
      train({
        device: on,
        task: regression(on, 512, 4096),
        batches: points(on, 512, 1024),
        length: { steps: 6 },
        schedule: { base: 0.001 },
      }),
    );
    // Six steps: each takes a few turns by itself, and tens of thousands while the device computes.
    expect(turns).toBeGreaterThan(6 * 100);
  });
});
