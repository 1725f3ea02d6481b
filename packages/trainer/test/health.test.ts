import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { affine, mean, square, tensor } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import { RunFolder, type TrainingEvent, type TrainingTask } from "@splitmask/trainer";
import { freshForEachTest } from "./freshForEachTest.js";
import { runTiny } from "./runTiny.js";
import { type Points, points, regression } from "./tinyTask.js";

let folder: string;
let device: Device;
freshForEachTest(1, (fresh) => {
  ({ device, folder } = fresh);
});

/** A regression with a figure that is 10 − step, and one of its batch. */
function watched(): TrainingTask<Points> {
  return {
    ...regression(device),
    health: ({ inputs }, { step, training }) => ({
      countdown: tensor(device, 9 - step),
      size: mean(square(inputs)),
      training: tensor(device, training ? 1 : 0),
    }),
    alarms: [
      { figure: "countdown", below: 4, advice: "Count again." },
      { figure: "countdown", above: 100, advice: "Never." },
      { figure: "size", above: 0.5, advice: "Smaller points." },
      { figure: "another", below: 1, advice: "Not a figure of this task." },
    ],
  };
}

const warningsOf = (events: readonly TrainingEvent[]) => events.filter((event) => event.type === "warning");

test("figures come every so many steps, to events, metrics and event files; alarms go off once", async () => {
  const { events } = await runTiny(folder, "run", device, { task: watched(), healthEvery: 2 });
  const seen = events.flatMap((event) => (event.type === "step" ? [event.health] : []));
  expect(seen.map((health) => health?.countdown ?? null)).toEqual([
    null,
    8,
    null,
    6,
    null,
    4,
    null,
    2,
    null,
    0,
    null,
    -2,
  ]);
  expect(seen[1]!.training).toBe(0);
  const batch = await points(device).batch(1);
  expect(seen[1]!.size).toBeCloseTo(await mean(square(batch.inputs)).item(), 6);
  expect(warningsOf(events)).toEqual([
    { type: "warning", step: 2, figure: "size", value: seen[1]!.size, level: 0.5, advice: "Smaller points." },
    { type: "warning", step: 8, figure: "countdown", value: 2, level: 4, advice: "Count again." },
  ]);
  const reader = await RunFolder.open(join(folder, "run"), { write: false });
  const metrics = await reader.readMetrics();
  expect(metrics.map(({ health }) => health ?? null)).toEqual(seen);
  const name = readdirSync(reader.path).find((each) => each.includes("tfevents"))!;
  expect(readFileSync(join(reader.path, name), "latin1")).toContain("health/countdown");
});

test("figures change nothing, and 0 means none", async () => {
  const weights: unknown[] = [];
  for (const healthEvery of [0, 1]) {
    const task = watched();
    const { events } = await runTiny(folder, `run-${healthEvery}`, device, { task, healthEvery });
    expect(events.some((event) => event.type === "step" && event.health !== null)).toBe(healthEvery === 1);
    weights.push(await task.model.hostStateDict());
  }
  expect(weights[0]).toEqual(weights[1]);
});

test("figures go on over a resume, in metrics and event files, as if there had been no interruption", async () => {
  const figures = async (name: string) => {
    const reader = await RunFolder.open(join(folder, name), { write: false });
    const values = readdirSync(reader.path)
      .filter((each) => each.includes("tfevents"))
      .map(
        (each) => readFileSync(join(reader.path, each), "latin1").match(/health\/countdown/g)?.length ?? 0,
      );
    return {
      metrics: (await reader.readMetrics()).map(({ health, step }) => [step, health ?? null]),
      values: values.reduce((sum, count) => sum + count, 0),
    };
  };
  await runTiny(folder, "whole", device, { task: watched(), healthEvery: 2 });
  const controller = new AbortController();
  await runTiny(folder, "cut", device, {
    task: watched(),
    healthEvery: 2,
    signal: controller.signal,
    onEvent: (event) => event.type === "step" && event.step === 5 && controller.abort(),
  });
  await runTiny(folder, "cut", device, { task: watched(), healthEvery: 2, resume: true });
  expect(await figures("cut")).toEqual(await figures("whole"));
  expect((await figures("whole")).values).toBe(6);
});

test("an alarm is silent in the first tenth of the steps", async () => {
  const task: TrainingTask<Points> = {
    ...regression(device),
    health: () => ({ rank: tensor(device, 1) }),
    alarms: [{ figure: "rank", below: 2, advice: "Wait." }],
  };
  const { events } = await runTiny(folder, "run", device, { task, healthEvery: 1, length: { steps: 40 } });
  expect(warningsOf(events)).toMatchObject([{ step: 4, figure: "rank" }]);
});

test("a gradient norm far above those before is an alarm, once while it lasts", async () => {
  const plain = regression(device);
  const task: TrainingTask<Points> = {
    ...plain,
    loss: (batch, context) => {
      const { total } = plain.loss(batch, context);
      const spiked = context.step === 30 || context.step === 31 || context.step === 45;
      return { total: spiked ? affine(total, 1000, 0) : total, parts: {} };
    },
  };
  const { events } = await runTiny(folder, "run", device, {
    task,
    length: { steps: 50 },
    schedule: { base: 1e-4 },
  });
  const warnings = warningsOf(events);
  expect(warnings.map(({ step }) => step)).toEqual([31, 46]);
  expect(warnings[0]).toMatchObject({
    figure: "gradientNorm",
    advice: expect.stringContaining("try a lower learning rate, a longer warm-up or a smaller clip"),
  });
  expect(warnings[0]!.value).toBeGreaterThan(warnings[0]!.level);
});
