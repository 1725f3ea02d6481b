import type { ImageBatch } from "@splitmask/augmentation";
import { clone, keep, normal, type Tensor } from "@splitmask/autograd";
import { largestError } from "@splitmask/autograd/testing";
import { sliceImageBatch } from "@splitmask/data";
import { createDevice } from "@splitmask/kernels";
import { Beit, MaskedAutoencoder, SplitMask, type SplitMaskConfig } from "@splitmask/methods";
import { RandomProjectionTokenizer } from "@splitmask/tokenizer";
import { type TrainingTask, type TrainOptions, train } from "@splitmask/trainer";

const device = createDevice({ threads: 2 });
afterAll(() => device.close());

const pictures = 128;
const encoder = { imageSize: 32, patchSize: 8, width: 32, depth: 3, heads: 2, dropPath: 0.3 };

function makeTask(config: Partial<SplitMaskConfig> = {}): SplitMask {
  return new SplitMask(device, {
    encoder,
    decoder: { dropPath: 0.3 },
    tokenizer: new RandomProjectionTokenizer(device, { vocabularySize: 64, patchSize: 4 }),
    seed: 4,
    ...config,
  });
}

interface StepNumbers {
  readonly losses: Readonly<Record<string, number>>;
  readonly norm: number;
  readonly gradients: ReadonlyMap<string, ArrayLike<number>>;
}

/** The losses, the gradient's norm and every gradient of one step. */
async function oneStep(
  task: TrainingTask<ImageBatch>,
  changes: Partial<TrainOptions<ImageBatch>>,
  replaced: Partial<TrainingTask<ImageBatch>> = {},
): Promise<StepNumbers> {
  const gradients = new Map<string, Tensor>();
  const view = (size: number) =>
    normal(device, [pictures, 3, size, size], { key: { seed: 2, purpose: `view ${size}` } });
  let numbers: Omit<StepNumbers, "gradients"> | null = null;
  await train<ImageBatch>({
    device,
    task: {
      name: task.name,
      model: task.model,
      loss: (batch, context) => task.loss(batch, context),
      crossSampleLoss: task.crossSampleLoss ?? null,
      afterStep() {
        for (const [name, { grad }] of task.model.namedParameters()) {
          if (grad !== null) gradients.set(name, keep(clone(grad)));
        }
      },
      ...replaced,
    },
    batches: {
      batchSize: pictures,
      batchesPerEpoch: 1,
      batch: async () => ({
        views: [view(32), view(16)],
        labels: new Int32Array(pictures),
        indices: new Int32Array(pictures),
      }),
      slice: sliceImageBatch,
    },
    length: { steps: 1 },
    // The weights stay as they are, so that one task serves every comparison.
    schedule: { base: 0 },
    seed: 11,
    ...changes,
    onEvent(event) {
      if (event.type === "step") numbers = { losses: event.losses, norm: event.gradientNorm };
    },
  });
  const read = [...gradients].map(async ([name, gradient]) => [name, await gradient.data()] as const);
  return { ...numbers!, gradients: new Map(await Promise.all(read)) };
}

/** The largest relative difference of a loss, of the norm, and of a gradient. */
function differences(found: StepNumbers, expected: StepNumbers): { losses: number; gradients: number } {
  expect(Object.keys(found.losses)).toEqual(Object.keys(expected.losses));
  expect([...found.gradients.keys()]).toEqual([...expected.gradients.keys()]);
  const relative = (a: number, b: number) => Math.abs(a - b) / Math.abs(b);
  const losses = Object.entries(expected.losses).map(([name, loss]) => relative(found.losses[name]!, loss));
  const gradients = [...expected.gradients].map(([name, gradient]) =>
    largestError(found.gradients.get(name)!, gradient),
  );
  return {
    losses: Math.max(...losses),
    gradients: Math.max(relative(found.norm, expected.norm), ...gradients),
  };
}

const cases: [string, Partial<SplitMaskConfig>][] = [
  ["the paper's", {}],
  [
    "2N − 2 negatives, a projection head and a class token",
    {
      encoder: { ...encoder, classToken: true },
      negatives: "both",
      projection: { hidden: 24, output: 16 },
    },
  ],
  [
    "branches that differ in length, plain products, and inpainting that weighs more",
    {
      split: { mode: "uniform", visible: 0.25, second: "complement" },
      normalizeDescriptors: false,
      temperature: 5,
      inpaintWeight: 10,
    },
  ],
  ["no match loss", { matchWeight: 0 }],
];

describe("8 micro-batches of 16 are the batch of 128: losses and gradients to 1e-5, with drop path and masks", () => {
  test.each(cases)("%s", async (_, config) => {
    const task = makeTask(config);
    const whole = await oneStep(task, {});
    const parts = await oneStep(task, { accumulate: 8 });
    const { losses, gradients } = differences(parts, whole);
    const measured = `losses ${losses.toExponential(2)}, gradients ${gradients.toExponential(2)}`;
    expect({ measured, within: losses <= 1e-5 && gradients <= 1e-5 }).toEqual({ measured, within: true });
  });
});

test("8 micro-batches of a masked autoencoder are its batch too", async () => {
  const task = new MaskedAutoencoder(device, { encoder, seed: 4 });
  const whole = await oneStep(task, {});
  expect(whole.gradients.has("encoder.pos_embed")).toBe(false);
  const { losses, gradients } = differences(await oneStep(task, { accumulate: 8 }), whole);
  const measured = `losses ${losses.toExponential(2)}, gradients ${gradients.toExponential(2)}`;
  expect({ measured, within: losses <= 1e-5 && gradients <= 1e-5 }).toEqual({ measured, within: true });
});

test("so are those of BEiT, with a relative position bias, and with blocks that are recomputed", async () => {
  const task = new Beit(device, {
    encoder: { ...encoder, classToken: true, relativePositionBias: "shared" },
    tokenizer: new RandomProjectionTokenizer(device, { vocabularySize: 64, patchSize: 4 }),
  });
  const whole = await oneStep(task, {});
  const parts = await oneStep(task, { accumulate: 8 });
  const { losses, gradients } = differences(parts, whole);
  const measured = `losses ${losses.toExponential(2)}, gradients ${gradients.toExponential(2)}`;
  expect({ measured, within: losses <= 1e-5 && gradients <= 1e-5 }).toEqual({ measured, within: true });
  expect(await oneStep(task, { accumulate: 8, recompute: true })).toEqual(parts);
});

test("so are 128 of one picture, and blocks that are recomputed", async () => {
  const task = makeTask();
  const whole = await oneStep(task, {});
  const single = differences(await oneStep(task, { accumulate: 128 }), whole);
  expect(Math.max(single.losses, single.gradients)).toBeLessThan(1e-5);
  const parts = await oneStep(task, { accumulate: 4 });
  expect(await oneStep(task, { accumulate: 4, recompute: true })).toEqual(parts);
});

test("with frozen layers, also where blocks are recomputed", async () => {
  const task = makeTask();
  const freeze = ["encoder.patch_embed.*", "encoder.pos_embed", "encoder.blocks.0.*"];
  const whole = await oneStep(task, { freeze });
  expect(whole.gradients.has("encoder.blocks.0.norm1.weight")).toBe(false);
  expect(whole.gradients.has("encoder.blocks.1.norm1.weight")).toBe(true);
  const parts = await oneStep(task, { freeze, accumulate: 8, recompute: true });
  const { losses, gradients } = differences(parts, whole);
  expect(Math.max(losses, gradients)).toBeLessThan(1e-5);
  // What is left has the gradients that it has in the whole model.
  expect(whole.gradients.get("decoder.mask_token")).toEqual(
    (await oneStep(task, {})).gradients.get("decoder.mask_token"),
  );
});

test("negatives of the micro-batch alone, or draws of its own, are another step", async () => {
  const task = makeTask();
  const whole = await oneStep(task, {});
  const alone = await oneStep(task, { accumulate: 8 }, { crossSampleLoss: null });
  expect(alone.losses.inpaint).toBeCloseTo(whole.losses.inpaint!, 5);
  expect(differences(alone, whole).losses).toBeGreaterThan(0.1);
  expect(differences(alone, whole).gradients).toBeGreaterThan(0.01);
  const across = task.crossSampleLoss!;
  const drawn = await oneStep(
    task,
    { accumulate: 8 },
    {
      crossSampleLoss: {
        ...across,
        embed: (batch, { samples: _, ...context }) => across.embed(batch, context),
      },
    },
  );
  expect(differences(drawn, whole).gradients).toBeGreaterThan(0.01);
});

test("needs less memory than the whole batch", async () => {
  const peak = async (accumulate: number) => {
    const own = createDevice({ threads: 2 });
    const task = new SplitMask(own, {
      encoder,
      tokenizer: new RandomProjectionTokenizer(own, { vocabularySize: 64, patchSize: 4 }),
    });
    const view = (size: number) =>
      normal(own, [pictures, 3, size, size], { key: { seed: 2, purpose: "view" } });
    await train<ImageBatch>({
      device: own,
      task,
      batches: {
        batchSize: pictures,
        batchesPerEpoch: 1,
        batch: async () => ({
          views: [view(32), view(16)],
          labels: new Int32Array(0),
          indices: new Int32Array(0),
        }),
        slice: sliceImageBatch,
      },
      length: { steps: 2 },
      schedule: { base: 1e-3 },
      accumulate,
    });
    const { peakLiveBytes } = own.memory();
    own.close();
    return peakLiveBytes;
  };
  const [whole, parts] = [await peak(1), await peak(8)];
  expect(parts).toBeLessThan(whole / 2);
});
