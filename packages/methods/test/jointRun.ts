import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ImageBatch } from "@splitmask/augmentation";
import { noGrad, scope, type Tensor } from "@splitmask/autograd";
import type { ModelFixture } from "@splitmask/autograd/testing";
import { sliceImageBatch } from "@splitmask/data";
import { createDevice, type Device } from "@splitmask/kernels";
import type { ForwardContext } from "@splitmask/nn";
import type { AdamW, SGD } from "@splitmask/optim";
import { RunFolder, type TrainingTask, type TrainOptions, train } from "@splitmask/trainer";
import { fixedSteps } from "./fixedRun.js";

/** A run as a method's reference made it. */
interface ReferenceRun {
  readonly task: TrainingTask<ImageBatch>;
  readonly fixture: ModelFixture;
  batch(step: number): ImageBatch;
  contextOf(step: number): ForwardContext;
  readonly optimizer: AdamW | SGD;
  /** Clips gradients, where the reference does, and makes the optimizer's step. */
  learn(step: number): void;
}

/** Trains as the reference did; expects its losses, within a relative bound. */
export async function expectReferenceLosses(device: Device, run: ReferenceRun, bound: number): Promise<void> {
  const { batch, contextOf, fixture, learn, optimizer, task } = run;
  const losses: Tensor[] = [];
  for (let step = 0; step < fixedSteps; step++) {
    const context = contextOf(step);
    losses.push(
      scope(device, () => {
        optimizer.zeroGrad();
        const { total, statistics } = task.loss(batch(step), context);
        total.backward();
        learn(step);
        noGrad(device, () => task.afterStep!(context, statistics!));
        return total;
      }),
    );
  }
  const expected = fixture.get("losses").data as Float32Array;
  for (const [step, loss] of losses.entries())
    expect([step, Math.abs((await loss.item()) / expected[step]! - 1) <= bound]).toEqual([step, true]);
}

/** Every parameter by name, those without gradients too. */
export type TrainedNumbers = ReadonlyMap<string, Float32Array>;

/** Trains a task for four steps on batches of 6 pictures, on a device of its own. */
export async function trainedState(
  makeTask: (on: Device) => TrainingTask<ImageBatch>,
  batch: (step: number, on: Device) => ImageBatch,
  changes: Partial<TrainOptions<ImageBatch>>,
  threads: number,
): Promise<TrainedNumbers> {
  const device = createDevice({ threads });
  const task = makeTask(device);
  await train<ImageBatch>({
    ...{ device, task, length: { steps: 4 }, schedule: { base: 3e-3 }, seed: 9 },
    batches: {
      ...{ batchSize: 6, batchesPerEpoch: 100, slice: sliceImageBatch },
      batch: async (step) => batch(step, device),
    },
    ...changes,
  });
  const named = [...task.model.namedParameters()];
  const read = named.map(async ([name, value]) => [name, (await value.data()) as Float32Array] as const);
  const state = new Map(await Promise.all(read));
  device.close();
  return state;
}

/**
 * Expects the same bits on two threads, on one, and of a run that is interrupted after its first step and resumed.
 *
 * @returns What the run ends with.
 */
export async function expectSameRuns(
  trained: (changes?: Partial<TrainOptions<ImageBatch>>, threads?: number) => Promise<TrainedNumbers>,
): Promise<TrainedNumbers> {
  const whole = await trained();
  expect(await trained({}, 1)).toEqual(whole);
  const folder = await mkdtemp(join(tmpdir(), "joint-"));
  const first = await RunFolder.create(join(folder, "run"), {});
  const stopping = new AbortController();
  const stopped = await trained({
    ...{ runFolder: first, signal: stopping.signal },
    onEvent: (event) => event.type === "step" && event.step === 1 && stopping.abort(),
  });
  await first.close();
  expect(stopped).not.toEqual(whole);
  const again = await RunFolder.open(join(folder, "run"));
  expect(await trained({ runFolder: again, resume: true })).toEqual(whole);
  await again.close();
  await rm(folder, { recursive: true });
  return whole;
}
