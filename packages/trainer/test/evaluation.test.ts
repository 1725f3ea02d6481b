import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { log, mean, noGrad, scope, square, subtract, tensor } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import {
  EvaluationError,
  listCheckpoints,
  RunFolder,
  readCheckpoint,
  type TrainingEvaluation,
  type TrainingEvent,
  type TrainingTask,
  type TrainOptions,
} from "@splitmask/trainer";
import { valueSteps } from "./eventFile.js";
import { freshForEachTest } from "./freshForEachTest.js";
import { runTiny, type TinyRun } from "./runTiny.js";
import { type Perceptron, type Points, points, regression } from "./tinyTask.js";

let folder: string;
let device: Device;
freshForEachTest(2, (fresh) => {
  ({ device, folder } = fresh);
});

type Changes = Partial<TrainOptions<Points>>;

/** The error on a batch that training never sees, as a task's own model has it; counts its calls. */
function heldOut(task: TrainingTask<Points>, every = 4): TrainingEvaluation & { readonly calls: number[] } {
  const model = task.model as Perceptron;
  const calls: number[] = [];
  return {
    calls,
    every,
    async run({ step }) {
      calls.push(step);
      const batch = await points(device).batch(1000);
      const error = scope(device, () =>
        noGrad(device, () => mean(square(subtract(model.forward(batch.inputs), batch.targets)))),
      );
      return { error: await error.item(), steps: step };
    },
  };
}

function run(name: string, changes: Changes = {}, events: TrainingEvent[] = []): Promise<TinyRun> {
  const { task = regression(device), ...rest } = changes;
  return runTiny(folder, name, device, { evaluation: heldOut(task), ...rest, task }, events);
}

const files = (name: string, step: number) =>
  ["model.safetensors", "optimizer.safetensors", "state.json"].map((file) =>
    readFileSync(join(folder, name, "checkpoints", `step-${String(step).padStart(6, "0")}`, file)),
  );
const evaluationsOf = async (name: string) => {
  const reader = await RunFolder.open(join(folder, name), { write: false });
  return (await reader.readEvaluations()).map(({ evaluation, step }) => ({ step, ...evaluation }));
};

test("runs every so many steps and after the last; its figures go everywhere, the training's bits stay", async () => {
  const { events, result } = await run("evaluated", { length: { steps: 10 } });
  const told = events.filter((event) => event.type === "evaluation");
  expect(told.map(({ figures, step }) => [step, figures.steps])).toEqual([
    [4, 4],
    [8, 8],
    [10, 10],
  ]);
  expect(told[2]!.figures.error).toBeLessThan(told[0]!.figures.error!);
  expect(told[0]!.seconds).toBeGreaterThan(0);
  expect(result.lastEvaluation).toEqual(told[2]!.figures);
  // After the line of its step, before that of the next.
  const types = events.map(({ type }) => type).filter((type) => type === "step" || type === "evaluation");
  expect(types.indexOf("evaluation")).toBe(4);
  expect(await evaluationsOf("evaluated")).toEqual(told.map(({ figures, step }) => ({ step, ...figures })));
  const reader = await RunFolder.open(join(folder, "evaluated"), { write: false });
  expect((await reader.readMetrics()).map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  const lines = readFileSync(join(reader.path, "metrics.jsonl"), "utf8").trimEnd().split("\n");
  expect(JSON.parse(lines[4]!)).toEqual({
    step: 4,
    evaluation: told[0]!.figures,
    seconds: told[0]!.seconds,
    time: expect.any(Number),
  });
  const name = readdirSync(reader.path).find((each) => each.includes("tfevents"))!;
  expect(readFileSync(join(reader.path, name), "latin1")).toContain("evaluation/error");
  expect(valueSteps(join(reader.path, name))).toEqual([1, 2, 3, 4, 4, 5, 6, 7, 8, 8, 9, 10, 10]);

  await run("plain", { length: { steps: 10 }, evaluation: null });
  expect(files("evaluated", 10).slice(0, 2)).toEqual(files("plain", 10).slice(0, 2));
  expect(await evaluationsOf("plain")).toEqual([]);
});

test("sees the moving average's weights, and the run goes on with its own", async () => {
  const task = regression(device);
  const weights: unknown[] = [];
  const evaluation: TrainingEvaluation = {
    every: 6,
    run: async () => {
      weights.push((await task.model.hostStateDict()).get("hidden.weight"));
      return {};
    },
  };
  const { result } = await run("averaged", { task, evaluation, ema: { decay: 0.7 } });
  expect(weights).toHaveLength(2);
  expect(weights[1]).toEqual((await result.average!.hostStateDict()).tensors.get("hidden.weight"));
  expect(weights[1]).not.toEqual((await task.model.hostStateDict()).get("hidden.weight"));
  await run("plain", { ema: { decay: 0.7 }, evaluation: null });
  expect(files("averaged", 12).slice(0, 2)).toEqual(files("plain", 12).slice(0, 2));
});

test("one that was interrupted is made up for when the run goes on, once", async () => {
  await run("whole");
  for (const at of [4, 12]) {
    const name = `cut-${at}`;
    const controller = new AbortController();
    const task = regression(device);
    const measured = heldOut(task);
    const cut = await run(name, {
      task,
      signal: controller.signal,
      evaluation: {
        every: 4,
        async run(context) {
          if (context.step !== at) return measured.run(context);
          setTimeout(() => controller.abort(), 5);
          await new Promise<void>((resolve) =>
            context.signal.addEventListener("abort", () => resolve(), { once: true }),
          );
          throw context.signal.reason;
        },
      },
    });
    // Also after the last step: the run is not done before it was evaluated.
    expect(cut.result).toMatchObject({ reason: "interrupted", step: at });
    expect(measured.calls).toEqual(at === 4 ? [] : [4, 8]);
    const again = regression(device);
    const evaluation = heldOut(again);
    const resumed = await run(name, { task: again, evaluation, resume: true });
    expect(evaluation.calls).toEqual(at === 4 ? [4, 8, 12] : [12]);
    expect(resumed.result).toMatchObject({ reason: "done", step: 12 });
    expect(await evaluationsOf(name)).toEqual(await evaluationsOf("whole"));
    expect(files(name, 12).slice(0, 2)).toEqual(files("whole", 12).slice(0, 2));
    expect((await readCheckpoint(resumed.result.checkpoint!)).state.evaluation).toEqual(
      resumed.result.lastEvaluation,
    );
    // And a finished run has nothing to make up for.
    const finished = heldOut(again);
    await run(name, { task: again, evaluation: finished, resume: true });
    expect(finished.calls).toEqual([]);
  }
});

test("a run that goes back to a checkpoint does not evaluate it again", async () => {
  const task = regression(device);
  let spoilt = false;
  const once: TrainingTask<Points> = {
    ...task,
    loss(batch, context) {
      const loss = task.loss(batch, context);
      if (context.step !== 9 || spoilt) return loss;
      spoilt = true;
      return { ...loss, total: log(subtract(loss.total, tensor(device, 1e6))) };
    },
  };
  const evaluation = heldOut(task);
  await run("back", {
    task: once,
    evaluation,
    checkpointEvery: 4,
    nonFinite: { action: "rollback" },
    traceNonFinite: false,
  });
  expect(evaluation.calls).toEqual([4, 8, 12]);
  expect((await evaluationsOf("back")).map(({ step }) => step)).toEqual([4, 8, 12]);
});

describe("keepBest by a figure", () => {
  const accuracies: Readonly<Record<number, number>> = { 2: 0.3, 4: 0.9, 6: 0.2, 8: 0.9, 10: 0.1, 12: 0.5 };
  const evaluation: TrainingEvaluation = {
    every: 2,
    run: async ({ step }) => ({ accuracy: accuracies[step]! }),
  };

  test("the best one stays, higher or lower, and there is a checkpoint after each evaluation", async () => {
    for (const [better, best] of [
      ["higher", 8],
      ["lower", 10],
    ] as const) {
      const keepBest = { figure: "accuracy", better };
      const { events, result } = await run(better, { evaluation, keepBest, keepCheckpoints: 1 });
      expect(events.flatMap((event) => (event.type === "checkpoint" ? [event.step] : []))).toEqual([
        2, 4, 5, 6, 8, 10, 12,
      ]);
      const left = await listCheckpoints(join(folder, better, "checkpoints"));
      expect(left.map(({ step }) => step)).toEqual([best, 12]);
      expect(result.bestCheckpoint).toBe(left[0]!.path);
      const { state } = await readCheckpoint(left[0]!.path);
      expect(state.evaluation).toEqual({ accuracy: accuracies[best] });
      // A resumed run knows them.
      const resumed = await run(better, { evaluation, keepBest, keepCheckpoints: 1, resume: true });
      expect(resumed.result.bestCheckpoint).toBe(left[0]!.path);
    }
  });

  test("says what cannot be", async () => {
    await expect(
      run("none", { evaluation: null, keepBest: { figure: "accuracy", better: "higher" } }),
    ).rejects.toThrow(
      'train: keepBest names the figure "accuracy", but without an evaluation there are no figures. ' +
        'Pass one, or name a loss: { loss: "total" }.',
    );
    await expect(run("other", { evaluation, keepBest: { figure: "knn", better: "higher" } })).rejects.toThrow(
      new RegExp(
        /^train: the evaluation after step 2 failed: /.source +
          /keepBest names the figure "knn", and evaluation\.run gave accuracy\. Name one of these\. /.source +
          /The run is saved up to .*step-000002: resuming evaluates it again\.$/.source,
      ),
    );
    await expect(
      run("worse", { evaluation, keepBest: { figure: "accuracy", better: "best" as "higher" } }),
    ).rejects.toThrow('train: keepBest.better is "best"; it must be "lower" or "higher".');
    await expect(run("never", { evaluation: { ...evaluation, every: 0 } })).rejects.toThrow(
      "train: evaluation.every is 0; it must be a whole number of at least 1.",
    );
  });
});

test("one that fails ends the run, which is saved and goes on to the same weights", async () => {
  const reason = new Error("the folder of labeled pictures is gone");
  const events: TrainingEvent[] = [];
  const failing: TrainingEvaluation = {
    every: 8,
    run: () => Promise.reject(reason),
  };
  const failed = await run("run", { evaluation: failing }, events).catch((error: unknown) => error);
  expect(failed).toBeInstanceOf(EvaluationError);
  expect(failed).toMatchObject({ step: 8, cause: reason });
  expect((failed as Error).message).toMatch(
    new RegExp(
      /^train: the evaluation after step 8 failed: the folder of labeled pictures is gone\. /.source +
        /The run is saved up to .*step-000008: resuming evaluates it again\.$/.source,
    ),
  );
  expect(events.at(-1)).toMatchObject({ type: "stop", reason: "failed", step: 8 });
  await run("run", { resume: true });
  await run("whole");
  expect(files("run", 12).slice(0, 2)).toEqual(files("whole", 12).slice(0, 2));
  expect((await evaluationsOf("run")).map(({ step }) => step)).toEqual([8, 12]);
  const text: TrainingEvaluation = { every: 8, run: async () => ({ accuracy: "0.5" as unknown as number }) };
  await expect(run("text", { evaluation: text })).rejects.toThrow(
    'evaluation.run gave accuracy: "0.5"; expected numbers by name, such as { knnAccuracy: 0.71 }.',
  );
});

test("a time limit leaves room for evaluations", async () => {
  const evaluation: TrainingEvaluation = {
    every: 20,
    async run() {
      await new Promise((resolve) => setTimeout(resolve, 100));
      return {};
    },
  };
  const { events, result } = await run("timed", { evaluation, length: { seconds: 2 } });
  const plan = events.find((event) => event.type === "plan")!;
  // Without room for them the steps alone would fill the time.
  expect(plan.steps * (plan.secondsPerStep + 0.1 / 20)).toBeLessThan(2);
  expect(result.reason).toBe("done");
  // After the last step there is one to come.
  const lefts = events.flatMap((event) => (event.type === "step" ? [event.secondsLeft!] : []));
  expect(lefts.at(-1)).toBeGreaterThan(0.09);
});
