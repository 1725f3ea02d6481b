import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  add,
  affine,
  defineOperation,
  divide,
  empty,
  exp,
  log,
  mean,
  multiply,
  perform,
  reciprocal,
  relu,
  sqrt,
  square,
  subtract,
  sum,
  type Tensor,
  tensor,
} from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import {
  averagesOf,
  NonFiniteError,
  type NonFiniteOrigin,
  RunFolder,
  readCheckpoint,
  type TrainingEvent,
  type TrainingTask,
  type TrainOptions,
} from "@splitmask/trainer";
import { valueSteps } from "./eventFile.js";
import { freshForEachTest } from "./freshForEachTest.js";
import { runTiny } from "./runTiny.js";
import { Perceptron, type Points, points, regression } from "./tinyTask.js";

let folder: string;
let device: Device;
freshForEachTest(1, (fresh) => {
  ({ device, folder } = fresh);
});

/** The loss of a perceptron, with what `spoil` makes of the hidden layer's outputs at step 4. */
function spoilt(spoil: (hidden: Tensor, model: Perceptron) => Tensor): TrainingTask<Points> {
  const model = new Perceptron(device, 8, 16);
  return {
    name: "spoilt",
    model,
    loss({ inputs, targets }, { step }) {
      const hidden = relu(model.hidden.forward(inputs));
      const predicted = model.output.forward(step === 3 ? spoil(hidden, model) : hidden);
      return { total: mean(square(subtract(predicted, targets))), parts: {} };
    },
  };
}

async function originOf(task: TrainingTask<Points>): Promise<NonFiniteError> {
  const failed = await runTiny(folder, `run-${Math.random()}`, device, { task }).catch(
    (error: unknown) => error,
  );
  expect(failed).toBeInstanceOf(NonFiniteError);
  expect((failed as NonFiniteError).step).toBe(4);
  return failed as NonFiniteError;
}

const zeros = (x: Tensor) => affine(x, 0, 0);
const cases: [string, (hidden: Tensor, model: Perceptron) => Tensor, Partial<NonFiniteOrigin>][] = [
  [
    "log of a negative number",
    (x) => log(affine(x, 0, -1)),
    { stage: "forward", operation: "log", tensor: "output", shape: [32, 16], parameter: "hidden.bias" },
  ],
  [
    "exp that overflows",
    (x) => exp(affine(x, 0, 1000)),
    { stage: "forward", operation: "exp", tensor: "output", shape: [32, 16] },
  ],
  [
    "0 / 0",
    (x) => divide(zeros(x), zeros(x)),
    { stage: "forward", operation: "divide", tensor: "output", shape: [32, 16] },
  ],
  [
    "a sum that overflows",
    (x) => multiply(x, sum(affine(x, 0, 3e38))),
    { stage: "forward", operation: "sum", tensor: "output", shape: [] },
  ],
  [
    "the gradient of sqrt at 0",
    (x) => sqrt(zeros(x)),
    {
      stage: "backward",
      operation: "sqrt",
      tensor: "x",
      shape: [32, 16],
      kernel: expect.stringMatching(/^unaryBackward: output 0/),
    },
  ],
  [
    "the second of two gradients",
    (x, { hidden }) => affine(divide(affine(x, 0, 1), affine(hidden.bias!, 0, 1e-30)), 1e-12, 0),
    { stage: "backward", operation: "divide", tensor: "b", shape: [16] },
  ],
];

test.each(cases)("%s is named", async (_, spoil, origin) => {
  expect((await originOf(spoilt(spoil))).origin).toMatchObject(origin);
});

/**
 * An operation of one's own, infinite at the threshold by an operation or everywhere by a kernel, whose rule gives NaN.
 */
const inverse = (threshold: number, byKernel: boolean) =>
  defineOperation({
    name: "inverse",
    forward: ({ x }: { x: Tensor }) => {
      const shifted = affine(x, 1, -threshold);
      if (!byKernel) return { output: affine(reciprocal(shifted), 1), saved: {} };
      const output = empty(device, x.shape, "float32");
      device.run("affine", "float32", { output, input: x, size: x.size, scale: 1, offset: 1e39 });
      return { output: affine(output, 1), saved: {} };
    },
    gradient: ({ outputGradient }) => ({ x: log(affine(outputGradient, 0, -1)) }),
  });

test.each([
  [
    0,
    false,
    { stage: "forward", operation: "reciprocal", within: "inverse", tensor: "output" },
    "reciprocal in inverse at hidden.bias, output (32×16; ",
  ],
  [
    0,
    true,
    { stage: "forward", operation: "inverse", within: null, tensor: "intermediate" },
    "inverse at hidden.bias (",
  ],
  [
    -1,
    false,
    { operation: "log", within: "the gradient rule of inverse" },
    "log in the gradient rule of inverse at ",
  ],
] as const)(
  "inside an operation of one's own it is named with that (threshold %d, by a kernel: %s)",
  async (threshold, byKernel, origin, text) => {
    const failed = await originOf(spoilt((x) => perform(inverse(threshold, byKernel), { x: zeros(x) })));
    expect(failed.origin).toMatchObject(origin);
    expect(failed.message).toContain(`The first to make it: ${text}`);
  },
);

test("values that were there before the step: the batch's, and a parameter's", async () => {
  const broken = (x: Tensor) => subtract(x, tensor(device, Number.NaN));
  const given = await originOf(spoilt(broken));
  expect(given.origin).toMatchObject({ stage: "given", operation: "subtract", tensor: "b", shape: [] });
  expect(given.message).toContain(
    "The first to make it: nothing in the step: the input b of subtract (a scalar) had such values before.",
  );
});

test("the error names step, losses, operation, tensor and samples", async () => {
  const source = points(device);
  const names = Array.from({ length: 32 }, (_, index) => `picture ${index}.png`);
  const failed = await runTiny(folder, "run", device, {
    task: spoilt((x) => log(affine(x, 0, -1))),
    batches: { ...source, samples: () => names },
  }).catch((error: unknown) => error as NonFiniteError);
  expect((failed as NonFiniteError).samples).toEqual(names);
  expect((failed as NonFiniteError).message).toBe(
    "train: step 4 is not finite: total NaN, gradient norm NaN. " +
      "The first to make it: log at hidden.bias, output (32×16; unary: output 0 has a value that is not " +
      `finite at element 0). Its samples: ${names.slice(0, 8).join(", ")}, … and 24 more. No checkpoint ` +
      "was written yet. A lower learning rate, a longer warm-up or a smaller clipNorm usually helps.",
  );
});

const weights = (name: string, step: number) =>
  ["model.safetensors", "optimizer.safetensors"].map((file) =>
    readFileSync(join(folder, name, "checkpoints", `step-${String(step).padStart(6, "0")}`, file)),
  );
const stepsOf = (events: readonly TrainingEvent[]) =>
  events.flatMap((event) => (event.type === "step" ? [event.step] : []));

/** A regression whose batch of step 7 (index 6) has no finite loss. */
const broken = () => regression(device, 8, 16, 6);

test("skip leaves the step out: weights and optimizer go on as if it had not been", async () => {
  const { events, result } = await runTiny(folder, "skipped", device, {
    task: broken(),
    nonFinite: { action: "skip" },
  });
  expect(result).toMatchObject({ reason: "done", step: 12 });
  expect(stepsOf(events)).toEqual([1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12]);
  expect(events.find((event) => event.type === "nonFinite")).toMatchObject({
    step: 7,
    action: "skip",
    nextStep: 8,
    error: { origin: { operation: "log" } },
  });
  // The same as a run to step 6, and then the others.
  const { state, model } = await readCheckpoint(result.checkpoint!);
  expect(state.recovery).toEqual({ skipped: [7], rollbacks: 0, rateFactor: 1 });
  for (const { data } of model.values())
    expect([...data].every((value) => Number.isFinite(Number(value)))).toBe(true);
  const reader = await RunFolder.open(join(folder, "skipped"), { write: false });
  expect((await reader.readMetrics()).map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12]);
});

test("skip: the last step changes nothing, to the last bit", async () => {
  const states: unknown[] = [];
  for (const action of ["skip", "stop"] as const) {
    const task = regression(device, 8, 16, 11);
    await runTiny(folder, action, device, { task, nonFinite: { action } }).catch(() => undefined);
    states.push(await task.model.hostStateDict());
  }
  // The stopped run left the model as it was before the last step.
  expect(states[0]).toEqual(states[1]);
});

test("skip, interrupted at any step and resumed: the same bits", async () => {
  const options = () => ({ task: broken(), nonFinite: { action: "skip" as const } });
  await runTiny(folder, "whole", device, options());
  for (const step of [3, 6, 8, 10]) {
    await runTiny(folder, `stopped-${step}`, device, { ...options(), ...stopAt(step) });
    await runTiny(folder, `stopped-${step}`, device, { ...options(), resume: true });
    expect(weights(`stopped-${step}`, 12)).toEqual(weights("whole", 12));
  }
});

test("skip leaves the step out of the moving average too, also over a resume", async () => {
  const options = () => ({ task: broken(), nonFinite: { action: "skip" as const }, ema: { decay: 0.9 } });
  const averages = async (name: string) =>
    averagesOf((await readCheckpoint(join(folder, name, "checkpoints", "step-000012"))).optimizer);
  await runTiny(folder, "average", device, options());
  const whole = await averages("average");
  expect(whole.size).toBeGreaterThan(0);
  for (const { data } of whole.values())
    expect([...data].every((value) => Number.isFinite(Number(value)))).toBe(true);
  for (const step of [6, 8]) {
    await runTiny(folder, `average-${step}`, device, { ...options(), ...stopAt(step) });
    await runTiny(folder, `average-${step}`, device, { ...options(), resume: true });
    expect(await averages(`average-${step}`)).toEqual(whole);
  }
});

/** Aborts when a step from this one on is reported. */
function stopAt(step: number): Pick<TrainOptions<Points>, "signal" | "onEvent"> {
  const stop = new AbortController();
  return {
    signal: stop.signal,
    onEvent: (event) => {
      if (event.type === "step" && event.step >= step) stop.abort();
    },
  };
}

/**
 * A regression that reports the mean square of the hidden weights; at step 7 its loss is finite only where `limit` has
 * not been passed in the direction of `sign`.
 */
function bounded(limit: number, sign: number): TrainingTask<Points> {
  const model = new Perceptron(device, 8, 16);
  return {
    name: "bounded",
    model,
    loss({ inputs, targets }, { step }) {
      const error = mean(square(subtract(model.forward(inputs), targets)));
      const size = mean(square(model.hidden.weight));
      if (step !== 6) return { total: error, parts: { size } };
      const barrier = log(affine(size, -sign, sign * limit));
      return { total: add(error, affine(barrier, 0, 0)), parts: { size } };
    },
  };
}

/** `bounded` with a limit that the run passes between steps 6 and 7 at the full rate, and not at a quarter of it. */
async function boundedHalfway(): Promise<() => TrainingTask<Points>> {
  const { events } = await runTiny(folder, "free", device, { task: bounded(Number.MAX_SAFE_INTEGER, 1) });
  const sizes = events.flatMap((event) => (event.type === "step" ? [event.losses.size!] : []));
  const [before, after] = [sizes[5]!, sizes[6]!];
  return () => bounded((before + after) / 2, Math.sign(after - before));
}

test("rollback: from the last checkpoint with a lower rate; interrupted and resumed: the same bits", async () => {
  const task = await boundedHalfway();
  const options = () => ({ task: task(), nonFinite: { action: "rollback" as const, rateFactor: 0.25 } });
  const { events } = await runTiny(folder, "whole", device, options());
  expect(events.filter((event) => event.type === "nonFinite")).toMatchObject([
    { step: 7, action: "rollback", nextStep: 6, error: { origin: { stage: "forward", operation: "log" } } },
  ]);
  expect(stepsOf(events)).toEqual([1, 2, 3, 4, 5, 6, 6, 7, 8, 9, 10, 11, 12]);
  const rates = events.flatMap((event) => (event.type === "step" ? [event.learningRate] : []));
  expect(rates[6]).toBe(0.25 * rates[5]!);
  const { state } = await readCheckpoint(join(folder, "whole", "checkpoints", "step-000012"));
  expect(state.recovery).toEqual({ skipped: [], rollbacks: 1, rateFactor: 0.25 });
  const reader = await RunFolder.open(join(folder, "whole"), { write: false });
  const metrics = await reader.readMetrics();
  expect(metrics.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  expect(metrics[5]!.learningRate).toBe(rates[6]);
  const values = readdirSync(join(folder, "whole"))
    .filter((name) => name.includes("tfevents"))
    .flatMap((name) => valueSteps(join(folder, "whole", name)));
  expect(values.sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  for (const step of [3, 8, 10]) {
    await runTiny(folder, `stopped-${step}`, device, { ...options(), ...stopAt(step) });
    await runTiny(folder, `stopped-${step}`, device, { ...options(), resume: true });
    expect(weights(`stopped-${step}`, 12)).toEqual(weights("whole", 12));
  }
});

test("rollback where a lower rate does not help: one checkpoint further back each time, then it stops", async () => {
  const events: TrainingEvent[] = [];
  const failed = await runTiny(
    folder,
    "run",
    device,
    { task: broken(), checkpointEvery: 2, keepCheckpoints: 3, nonFinite: { action: "rollback", limit: 4 } },
    events,
  ).catch((error: unknown) => error as Error);
  const next = events.flatMap((event) => (event.type === "nonFinite" ? [event.nextStep] : []));
  expect(next).toEqual([7, 5, 7, 5]);
  expect((failed as Error).message).toMatch(
    /4 steps were gone back for already, as many as may be\. The last good checkpoint is .*step-000006\./,
  );
});

test("rollback before the first checkpoint goes to the first weights; skip stops at its limit", async () => {
  const events: TrainingEvent[] = [];
  await runTiny(
    folder,
    "first",
    device,
    { task: broken(), checkpointEvery: 100, nonFinite: { action: "rollback", limit: 1 } },
    events,
  ).catch(() => undefined);
  expect(events.find((event) => event.type === "nonFinite")).toMatchObject({ nextStep: 1 });
  const always = regression(device);
  const task: typeof always = {
    ...always,
    loss: (batch, context) => ({ total: log(affine(always.loss(batch, context).total, -1, 0)), parts: {} }),
  };
  await expect(
    runTiny(folder, "always", device, { task, nonFinite: { action: "skip", limit: 3 } }),
  ).rejects.toThrow(/step 4 is not finite.*3 steps were left out already, as many as may be\./);
});

test("policies that make no sense", async () => {
  const policy = (nonFinite: object, changes: object = {}) =>
    runTiny(folder, "run", device, { nonFinite, ...changes });
  await expect(policy({ action: "hope" })).rejects.toThrow(
    'train: nonFinite.action is "hope"; it must be "stop", "skip" or "rollback".',
  );
  await expect(policy({ limit: -1 })).rejects.toThrow("train: nonFinite.limit is -1");
  await expect(policy({ rateFactor: 1 })).rejects.toThrow(
    "train: nonFinite.rateFactor is 1; it must be a number above 0 and below 1.",
  );
});
