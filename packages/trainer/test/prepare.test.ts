import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { affine } from "@splitmask/autograd";
import { createDevice } from "@splitmask/kernels";
import { BatchError, type TrainingTask } from "@splitmask/trainer";
import { runTiny } from "./runTiny.js";
import { type Points, points, regression } from "./tinyTask.js";

const device = createDevice({ threads: 2 });
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "splitmask-prepare-"));
});
afterAll(async () => {
  device.close();
  await rm(folder, { recursive: true });
});

/** Targets times ten, which are computed before the step. */
const tenfold = (): TrainingTask<Points> => ({
  ...regression(device),
  async prepare({ inputs, targets }) {
    await setImmediate();
    return { inputs, targets: affine(targets, 10, 0) };
  },
});

test("a batch is completed before its step, and what it became is released", async () => {
  const source = points(device);
  const tens = {
    ...source,
    batch: async (step: number) => {
      const { inputs, targets } = await source.batch(step);
      return { inputs, targets: affine(targets, 10, 0) };
    },
  };
  const expected = await runTiny(folder, "expected", device, { batches: tens });
  const released: Points[] = [];
  const batches = { ...source, release: (batch: Points) => released.push(batch) };
  const prepared = await runTiny(folder, "prepared", device, { task: tenfold(), batches });
  expect(prepared.result.lastLosses).toEqual(expected.result.lastLosses);
  expect(released).toHaveLength(12);
  const plain = await runTiny(folder, "plain", device);
  expect(prepared.result.lastLosses).not.toEqual(plain.result.lastLosses);
});

test("where it fails, the run ends as where a batch cannot be read", async () => {
  const task = { ...regression(device), prepare: () => Promise.reject(new Error("no teacher")) };
  const failed = await runTiny(folder, "failed", device, { task }).catch((error: unknown) => error);
  expect(failed).toBeInstanceOf(BatchError);
  expect((failed as BatchError).cause).toMatchObject({ message: "no teacher" });
});
