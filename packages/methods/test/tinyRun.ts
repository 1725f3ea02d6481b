import type { ImageBatch } from "@splitmask/augmentation";
import { normal, scope } from "@splitmask/autograd";
import { createDevice, type Device } from "@splitmask/kernels";
import { AdamW, clipGradientNorm, parameterGroups } from "@splitmask/optim";
import type { TrainingTask } from "@splitmask/trainer";

/** Pictures of 32×32 pixels for the encoder and of 16×16 for the tokenizer. */
export function makeBatch(on: Device, batch = 6, seed = 1): ImageBatch {
  const view = (size: number) =>
    normal(on, [batch, 3, size, size], { key: { seed, purpose: `view ${size}` } });
  return { views: [view(32), view(16)], labels: new Int32Array(batch), indices: new Int32Array(batch) };
}

/** All weights after some steps with a new batch each. */
export async function trainedWeights(
  on: Device,
  task: TrainingTask<ImageBatch>,
  steps: number,
): Promise<Map<string, number[]>> {
  const optimizer = new AdamW(parameterGroups(task.model, { weightDecay: 0.05 }), { learningRate: 3e-3 });
  for (let step = 0; step < steps; step++) {
    scope(on, () => {
      optimizer.zeroGrad();
      task.loss(makeBatch(on, 6, step), { training: true, seed: 9, step }).total.backward();
      optimizer.step({ gradientScale: clipGradientNorm(task.model.parameters(), 3).scale });
    });
  }
  const weights = new Map<string, number[]>();
  for (const [name, parameter] of task.model.namedParameters())
    weights.set(name, Array.from(await parameter.data()));
  return weights;
}

/** Trains the same on one thread, once more, and on two: finite weights, to the bit the same. */
export async function expectSameBits(makeTask: (on: Device) => TrainingTask<ImageBatch>): Promise<void> {
  const results: Map<string, number[]>[] = [];
  for (const threads of [1, 1, 2]) {
    const own = createDevice({ threads });
    results.push(await trainedWeights(own, makeTask(own), 4));
    own.close();
  }
  expect(results[0]!.size).toBeGreaterThan(20);
  for (const weights of results[0]!.values()) expect(weights.every(Number.isFinite)).toBe(true);
  expect(results[1]).toEqual(results[0]);
  expect(results[2]).toEqual(results[0]);
}
