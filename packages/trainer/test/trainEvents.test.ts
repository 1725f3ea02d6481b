import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Device } from "@splitmask/kernels";
import {
  BatchError,
  latestCheckpoint,
  RunFolder,
  type TrainingEvent,
  type TrainOptions,
  trainEvents,
} from "@splitmask/trainer";
import { freshForEachTest } from "./freshForEachTest.js";
import { runTiny, tinyOptions } from "./runTiny.js";
import { type Points, points, regression } from "./tinyTask.js";

let folder: string;
let device: Device;
freshForEachTest(2, (fresh) => {
  ({ device, folder } = fresh);
});

const options = (changes: Partial<TrainOptions<Points>> = {}): TrainOptions<Points> => ({
  ...tinyOptions(device),
  ...changes,
});

const weights = (path: string) =>
  ["model.safetensors", "optimizer.safetensors"].map((file) => readFileSync(join(path, file)));

test("yields what onEvent hears, in order, and gives the result", async () => {
  const heard: TrainingEvent[] = [];
  const read: TrainingEvent[] = [];
  const events = trainEvents(options({ onEvent: (event) => void heard.push(event) }));
  for await (const event of events) {
    read.push(event);
    // A slow reader does not lose any.
    if (read.length % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(read).toEqual(heard);
  expect(read[0]).toMatchObject({ type: "start" });
  expect(read.filter(({ type }) => type === "step")).toHaveLength(12);
  expect(read.at(-1)).toMatchObject({ type: "done", step: 12 });
  expect(await events.result).toMatchObject({ reason: "done", step: 12 });
  expect(events.dropped).toBe(0);
});

test("leaving the loop stops the run with a checkpoint, from which it goes on to the same weights", async () => {
  const runFolder = await RunFolder.create(join(folder, "left"), {});
  const events = trainEvents(options({ runFolder, length: { steps: 200 } }));
  for await (const event of events) if (event.type === "step" && event.step === 3) break;
  // Behind the loop everything is saved.
  const saved = (await latestCheckpoint(runFolder.checkpointsPath))!;
  const result = await events.result;
  expect(result).toMatchObject({ reason: "interrupted", step: saved.step, checkpoint: saved.path });
  expect(saved.step).toBeLessThan(10);
  await runFolder.close();
  const resumed = await runTiny(folder, "left", device, { length: { steps: 200 }, resume: true });
  const whole = await runTiny(folder, "whole", device, { length: { steps: 200 } });
  expect(weights(resumed.result.checkpoint!)).toEqual(weights(whole.result.checkpoint!));
});

test("an error in the loop stops the run too, and is what comes out", async () => {
  const events = trainEvents(options({ length: { steps: 5000 } }));
  const reading = async () => {
    for await (const event of events) if (event.type === "step") throw new Error("the reader's own");
  };
  await expect(reading()).rejects.toThrow("the reader's own");
  expect(await events.result).toMatchObject({ reason: "interrupted" });
});

test("the caller's signal stops it", async () => {
  const controller = new AbortController();
  const events = trainEvents(options({ signal: controller.signal, length: { steps: 5000 } }));
  const types: string[] = [];
  for await (const { type } of events) {
    types.push(type);
    controller.abort();
  }
  expect(types.at(-1)).toBe("stop");
  const late = trainEvents(options({ signal: controller.signal }));
  expect(await late.result).toMatchObject({ reason: "interrupted", step: 0 });
});

test("a run that fails throws after its last event, to the reader and in the result", async () => {
  const source = points(device);
  const failing = {
    ...source,
    batch: (step: number) => (step < 3 ? source.batch(step) : Promise.reject(new Error("gone"))),
  };
  const events = trainEvents(options({ batches: failing }));
  const types: string[] = [];
  const reading = async () => {
    for await (const { type } of events) types.push(type);
  };
  await expect(reading()).rejects.toThrow(BatchError);
  expect(types.at(-1)).toBe("stop");
  await expect(events.result).rejects.toThrow("train: the batch of step 4 could not be made: gone");
  const wrong = trainEvents(options({ clipNorm: -1 }));
  await expect(wrong[Symbol.asyncIterator]().next()).rejects.toThrow("train: clipNorm is -1");
});

test("training does not wait for a reader: of more than a thousand events the oldest steps are dropped", async () => {
  const batches = { ...points(device, 2, 4), batch: points(device, 2, 4).batch };
  const events = trainEvents(
    options({ task: regression(device, 2, 2), batches, length: { steps: 1200 }, traceNonFinite: false }),
  );
  await events.result;
  const read: TrainingEvent[] = [];
  for await (const event of events) read.push(event);
  expect(read).toHaveLength(1000);
  expect(events.dropped).toBe(202);
  expect(read[0]!.type).toBe("start");
  expect(read[1]).toMatchObject({ type: "step", step: 203 });
  expect(read.at(-1)!.type).toBe("done");
});
