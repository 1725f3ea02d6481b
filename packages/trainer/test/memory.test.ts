import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Tensor } from "@splitmask/autograd";
import type { Device } from "@splitmask/kernels";
import { RunFolder, type TrainOptions, train, trainEvents } from "@splitmask/trainer";
import { freshForEachTest } from "./freshForEachTest.js";
import { tinyOptions } from "./runTiny.js";
import { type Points, points, regression } from "./tinyTask.js";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

let device: Device;
let folder: string;
freshForEachTest(1, (fresh) => {
  ({ device, folder } = fresh);
});

const STEPS = 5500;
/** By then the queue of events is full, and what is run is compiled. */
const WARM = 2000;
/** A heap wavers by less, and the metrics of 3,500 steps with as many losses are three times as much. */
const MOST = 1 << 20;
const LOSSES = 12;

/** Trains a tiny task; gives by how many bytes what is in use has grown since the run was warm. */
async function growthOf(run: (options: TrainOptions<Points>) => Promise<unknown>) {
  const stop = new AbortController();
  const { batchSize, batchesPerEpoch, ...source } = points(device, 4, 4);
  const batch = await source.batch(0);
  const inUse = async () => {
    for (let turn = 0; turn < 4; turn++) {
      collectGarbage();
      await setImmediate();
    }
    return { heap: process.memoryUsage().heapUsed, live: device.memory().liveBytes };
  };
  const task = regression(device, 4, 4);
  const losses = (total: Tensor) => Array.from({ length: LOSSES }, (_, index) => [`loss ${index}`, total]);
  const loss: typeof task.loss = (own, context) => {
    const { total } = task.loss(own, context);
    return { total, parts: Object.fromEntries(losses(total)) };
  };
  const measured: Awaited<ReturnType<typeof inUse>>[] = [];
  const batches = {
    ...{ batchSize, batchesPerEpoch },
    async batch(step: number) {
      if (step === WARM || step === STEPS - 1) measured.push(await inUse());
      return batch;
    },
  };
  await run({
    ...{ ...tinyOptions(device), task: { ...task, loss }, batches },
    ...{ length: { steps: STEPS }, schedule: { base: 1e-4 }, signal: stop.signal },
  });
  const [before, after] = measured;
  return { heap: after!.heap - before!.heap, live: after!.live - before!.live };
}

describe("what a run holds does not grow with its steps", () => {
  test("without a run folder, with a signal, and events that nobody reads", async () => {
    const { heap, live } = await growthOf(async (options) => {
      const { result } = trainEvents(options);
      await result;
    });
    expect(heap).toBeLessThan(MOST);
    expect(live).toBeLessThan(MOST);
  });

  test("with a run folder, a logger, evaluations, an average, and no checkpoint before the end", async () => {
    const runFolder = await RunFolder.create(join(folder, "run"), {});
    const { heap, live } = await growthOf((options) =>
      train({
        ...options,
        ...{ runFolder, checkpointEvery: 1_000_000, ema: { decay: 0.99, warmup: {} } },
        evaluation: { every: 500, run: async () => ({ figure: 1 }) },
        loggers: [{ log: () => setImmediate() }],
      }),
    );
    await runFolder.close();
    expect(heap).toBeLessThan(MOST);
    expect(live).toBeLessThan(MOST);
  });
});
