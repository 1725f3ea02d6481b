import { affine, log, mean, slice, square, subtract, zeros } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import { type ForwardContext, Parameter } from "@splitmask/nn";
import { updateAverages } from "@splitmask/optim";
import type { TrainingTask } from "@splitmask/trainer";
import { freshForEachTest } from "./freshForEachTest.js";
import { runTiny } from "./runTiny.js";
import { Perceptron, type Points, points } from "./tinyTask.js";

let folder: string;
let device: Device;
freshForEachTest(1, (fresh) => {
  ({ device, folder } = fresh);
});

/** A perceptron beside which the mean of its inputs is kept. */
class WithMean extends Perceptron {
  readonly average = Parameter.begin(device, () => zeros(device, [8]));
}

/** Regression with a moving mean of the inputs, and the contexts that `afterStep` was given. */
function observing(nanAtStep = -1) {
  const model = new WithMean(device, 8, 16);
  model.average.requiresGrad = false;
  const contexts: ForwardContext[] = [];
  const task: TrainingTask<Points> = {
    ...{ name: "observing", model },
    loss({ inputs, targets }, { step }) {
      const error = mean(square(subtract(model.forward(inputs), targets)));
      const total = step === nanAtStep ? log(affine(error, -1, 0)) : error;
      return { total, parts: {}, statistics: { average: mean(inputs, { axes: [0] }) } };
    },
    afterStep(context, statistics) {
      contexts.push(context);
      updateAverages([{ average: model.average, value: statistics.average! }], 0.7);
    },
  };
  return { task, contexts, average: async () => Array.from(await model.average.data(), Number) };
}

/** 0.7 of it and 0.3 of the mean of the inputs, step by step; those left out change nothing. */
async function expected(left: readonly number[] = []): Promise<number[]> {
  const { batch } = points(device);
  let average = new Array<number>(8).fill(0);
  for (let step = 0; step < 12; step++) {
    if (left.includes(step)) continue;
    const values = await mean((await batch(step)).inputs, { axes: [0] }).data();
    average = average.map((old, index) => 0.7 * old + 0.3 * Number(values[index]));
  }
  return average;
}

const close = (values: readonly number[]) => values.map((value) => expect.closeTo(value, 5));

test("gets the statistics of the batch, of micro-batches their mean, and how much of the run is done", async () => {
  const whole = observing();
  await runTiny(folder, "whole", device, { task: whole.task });
  expect(await whole.average()).toEqual(close(await expected()));
  expect(whole.contexts.map(({ progress, step }) => [step, progress])).toEqual(
    Array.from({ length: 12 }, (_, step) => [step, step / 12]),
  );
  const parts = observing();
  const cut = (batch: Points, start: number, end: number): Points => ({
    inputs: slice(batch.inputs, 0, start, end),
    targets: slice(batch.targets, 0, start, end),
  });
  const batches = Object.assign(points(device), { slice: cut });
  await runTiny(folder, "parts", device, { task: parts.task, batches, accumulate: 4 });
  expect(await parts.average()).toEqual(close(await whole.average()));
});

test("what it changed is in checkpoints, and undone where a step is left out", async () => {
  const whole = observing(6);
  const skip = { nonFinite: { action: "skip" } } as const;
  await runTiny(folder, "skipped", device, { task: whole.task, ...skip });
  expect(await whole.average()).toEqual(close(await expected([6])));
  const stopping = new AbortController();
  await runTiny(folder, "stopped", device, {
    ...{ task: observing(6).task, ...skip, signal: stopping.signal },
    onEvent: (event) => event.type === "step" && event.step === 4 && stopping.abort(),
  });
  const resumed = observing(6);
  await runTiny(folder, "stopped", device, { task: resumed.task, ...skip, resume: true });
  expect(await resumed.average()).toEqual(await whole.average());
});

test("a time limit is measured without it", async () => {
  const { contexts, task } = observing();
  let now = 0;
  await runTiny(folder, "timed", device, { task, length: { seconds: 2 }, clock: () => (now += 20) });
  expect(contexts[0]).toMatchObject({ step: 0, progress: 0 });
  expect(
    contexts.every(({ progress }, index) => index === 0 || progress! > contexts[index - 1]!.progress!),
  ).toBe(true);
});
