import {
  affine,
  concatenate,
  type HostTensor,
  type ProductPrecision,
  scope,
  type Tensor,
  tensor,
} from "@splitmask/autograd";
import { ModelFixture } from "@splitmask/autograd/testing";
import type { ImageBatch } from "@splitmask/data";
import type { Device } from "@splitmask/kernels";
import { SplitMask, type Splits } from "@splitmask/methods";
import { AdamW, clipGradientNorm, cosineSchedule, parameterGroups } from "@splitmask/optim";
import { CodebookTokenizer } from "@splitmask/tokenizer";

/** Batches and splits of the fixture; later steps begin with the first again. */
export const fixedSteps = 10;

/** int32 [step] of a fixture array steps×…. */
export function ofStep(on: Device, host: HostTensor, step: number): Tensor {
  const [, ...shape] = host.shape;
  const size = shape.reduce((product, extent) => product * extent, 1);
  const data = (host.data as Int32Array).slice(step * size, (step + 1) * size);
  return tensor(on, data as Int32Array<ArrayBuffer>, shape);
}

/** The batch of a step of a fixture: its `pictures`, bytes M×3×S×S, at the `draws` of the step, in [−1, 1]. */
export function pictureBatch(on: Device, fixture: ModelFixture, step: number): ImageBatch {
  const [pictures, draws] = [fixture.get("pictures"), fixture.get("draws")];
  const [, batch] = draws.shape as [number, number];
  const [, ...shape] = pictures.shape;
  const size = shape.reduce((product, extent) => product * extent, 1);
  const values = new Float32Array(batch * size);
  for (let row = 0; row < batch; row++) {
    const picture = (draws.data as Int32Array)[step * batch + row]!;
    values.set((pictures.data as Uint8Array).subarray(picture * size, (picture + 1) * size), row * size);
  }
  const images = affine(tensor(on, values, [batch, ...shape]), 1 / 127.5, -1);
  return { views: [images], labels: new Int32Array(batch).fill(-1), indices: new Int32Array(batch) };
}

/** The task, weights, batches and splits of tools/reference/splitmask.py. */
export async function setUpFixedRun(device: Device) {
  const read = (name: string) =>
    ModelFixture.read(new URL(`fixtures/splitmask-${name}.safetensors`, import.meta.url));
  const [weights, fixture] = [await read("weights"), await read("steps")];
  const fixedSplits = (step: number): Splits => {
    const [first, second] = [
      ofStep(device, fixture.get("first"), step),
      ofStep(device, fixture.get("second"), step),
    ];
    const join = (a: Tensor, b: Tensor) => concatenate([a, b], 0);
    // Each branch hides what the other sees.
    return [{ branches: 2, visible: join(first, second), hidden: join(second, first) }];
  };
  const task = new SplitMask(device, {
    encoder: { imageSize: 32, patchSize: 8, width: 32, depth: 2, heads: 2, dropPath: 0 },
    tokenizer: new CodebookTokenizer(device, {
      name: "fixture",
      patchSize: 8,
      codebook: fixture.upload(device, "codebook"),
      transform: { pixelRange: "symmetric", center: "none", mean: null },
    }),
    splitSampler: (_device, { step }) => fixedSplits(step % fixedSteps),
  });
  task.model.loadStateDict(weights.under("parameter."));
  const batch = (number: number): ImageBatch => {
    const given = pictureBatch(device, fixture, number % fixedSteps);
    return { ...given, views: [given.views[0]!, given.views[0]!] };
  };
  return { task, fixture, batch };
}

/** The schedule of tools/reference/splitmask.py for a run of so many steps. */
export const fixedRate = (steps: number) =>
  cosineSchedule({ base: 2e-3, minimum: 1e-5, warmupSteps: 2, totalSteps: steps, start: 1e-3 });

/** Trains as tools/reference/splitmask.py does; gives each step's losses and gradient norm. */
export async function* trainFixedRun(
  device: Device,
  { task, batch }: Pick<Awaited<ReturnType<typeof setUpFixedRun>>, "task" | "batch">,
  steps: number,
  precision?: ProductPrecision,
): AsyncGenerator<Readonly<Record<"total" | "inpaint" | "match" | "norm", number>>> {
  const optimizer = new AdamW(parameterGroups(task.model, { weightDecay: 0.05 }));
  const rate = fixedRate(steps);
  for (let step = 0; step < steps; step++) {
    const { total, inpaint, match, norm } = scope(device, () => {
      const { total, parts } = task.loss(batch(step), { training: true, seed: 0, step, precision });
      optimizer.zeroGrad();
      total.backward();
      const { norm, scale } = clipGradientNorm(task.model.parameters(), 1);
      optimizer.step({ learningRate: rate(step), gradientScale: scale });
      return { total, inpaint: parts.inpaint!, match: parts.match!, norm };
    });
    yield {
      total: await total.item(),
      inpaint: await inpaint.item(),
      match: await match.item(),
      norm: await norm.item(),
    };
  }
}
