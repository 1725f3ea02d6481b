import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import {
  affine,
  copyInto,
  layerNorm,
  linear,
  mean,
  noGrad,
  normal,
  scope,
  square,
  subtract,
  type Tensor,
} from "@splitmask/autograd";
import { createDevice, type Device } from "@splitmask/kernels";

const ROWS = 512;
const WIDTH = 64;
const STEPS = 2000;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** The resident size without V8's garbage, of which it may keep more or less. The loop itself runs without any help. */
async function residentBytes(device: Device): Promise<number> {
  for (let round = 0; round < 2; round++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 20));
    await device.synchronize();
  }
  return process.memoryUsage().rss;
}

/**
 * One step of a small residual MLP, about 2 MB of intermediate tensors, with plain gradient descent written by hand.
 */
function step(device: Device, weights: readonly Tensor[], number: number): Tensor {
  const x = normal(device, [ROWS, WIDTH], { key: { seed: 1, purpose: "x", step: number } });
  const hidden = linear(layerNorm(x), weights[0]!, null);
  const output = linear(hidden, weights[1]!, null, { inputActivation: "gelu", residual: x });
  const loss = mean(square(subtract(output, affine(x, 2))));
  loss.backward();
  noGrad(device, () => {
    for (const weight of weights) {
      copyInto(weight, subtract(weight, affine(weight.grad!, 0.5)));
      weight.grad = null;
    }
  });
  return loss;
}

test.each([
  ["without scopes and without dispose", false],
  ["with a scope a step", true],
])(`${STEPS} steps of a hand-written loop stay flat, %s`, async (_, scoped) => {
  const device = createDevice({ threads: 1 });
  const weight = (shape: number[], purpose: string): Tensor =>
    normal(device, shape, { standardDeviation: 0.05, key: { seed: 1, purpose }, requiresGrad: true });
  const weights = [weight([2 * WIDTH, WIDTH], "first"), weight([WIDTH, 2 * WIDTH], "second")];
  const losses: number[] = [];
  let resident = 0;
  let peak = 0;
  for (let number = 0; number < STEPS; number++) {
    const loss = scoped ? scope(device, () => step(device, weights, number)) : step(device, weights, number);
    losses.push(await loss.item());
    // The first quarter fills the device's pool and warms V8 up.
    if (number === STEPS / 4) {
      resident = await residentBytes(device);
      peak = device.memory().peakLiveBytes;
    }
  }
  expect(losses.at(-1)).toBeLessThan(0.8 * losses[0]!);
  // All steps together use some 4 GB: what leaked one small tensor a step (128 KB) would show as 190 MB.
  expect((await residentBytes(device)) - resident).toBeLessThan(48 << 20);
  expect(device.memory().peakLiveBytes - peak).toBeLessThan(48 << 20);
  device.close();
});
