import { affine, concatenate, type HostTensor, scope, type Tensor, tensor } from "@splitmask/autograd";
import { ModelFixture } from "@splitmask/autograd/testing";
import { createDevice, type Device } from "@splitmask/kernels";
import { SplitMask, type Splits } from "@splitmask/methods";
import { AdamW, clipGradientNorm, cosineSchedule, parameterGroups } from "@splitmask/optim";
import { CodebookTokenizer } from "@splitmask/tokenizer";

const device = createDevice({ threads: 2 });
afterAll(() => device.close());

const steps = 10;

/** int32 [step] of a fixture array steps×…. */
function ofStep(on: Device, host: HostTensor, step: number): Tensor {
  const [, ...shape] = host.shape;
  const size = shape.reduce((product, extent) => product * extent, 1);
  const data = (host.data as Int32Array).slice(step * size, (step + 1) * size);
  return tensor(on, data as Int32Array<ArrayBuffer>, shape);
}

/** The task, weights, batches and splits of tools/reference/splitmask.py. */
async function setUp() {
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
    splitSampler: (_device, { step }) => fixedSplits(step),
  });
  task.model.loadStateDict(weights.under("parameter."));
  const pictures = fixture.get("pictures");
  const draws = fixture.get("draws").data as Int32Array;
  const batch = (step: number) => {
    const size = 3 * 32 * 32;
    const values = new Float32Array(8 * size);
    for (let row = 0; row < 8; row++) {
      const picture = draws[step * 8 + row]!;
      values.set((pictures.data as Uint8Array).subarray(picture * size, (picture + 1) * size), row * size);
    }
    const images = affine(tensor(device, values, [8, 3, 32, 32]), 1 / 127.5, -1);
    return { views: [images, images], labels: new Int32Array(8).fill(-1), indices: new Int32Array(8) };
  };
  return { task, fixture, batch };
}

test("the tokenizer gives the words of the fixture", async () => {
  const { task, fixture, batch } = await setUp();
  const words = fixture.get("words").data as Int32Array;
  for (let step = 0; step < steps; step++) {
    const given = await task.config.tokenizer.tokenize(batch(step).views[1]!).data();
    expect(Array.from(given)).toEqual(Array.from(words.slice(step * 128, (step + 1) * 128)));
  }
});

test("every named gradient of the first step is PyTorch's to 1e-4 (max|Δ| / max|reference| per tensor)", async () => {
  const { task, batch } = await setUp();
  const gradients = await ModelFixture.read(
    new URL("fixtures/splitmask-gradients.safetensors", import.meta.url),
  );
  task.loss(batch(0), { training: true, seed: 0, step: 0 }).total.backward();
  const parameters = task.model.namedParameters();
  expect([...parameters.keys()].map((name) => `gradient.${name}`).sort()).toEqual(
    [...gradients.tensors.keys()].sort(),
  );
  const errors: [string, number][] = [];
  for (const [name, parameter] of parameters) {
    errors.push([name, await gradients.error(parameter.grad, `gradient.${name}`)]);
  }
  errors.sort((a, b) => b[1] - a[1]);
  const measured = `largest relative errors: ${errors
    .slice(0, 3)
    .map(([name, error]) => `${name} ${error.toExponential(2)}`)
    .join(", ")}`;
  expect({ measured, within: errors.every(([, error]) => error <= 1e-4) }).toEqual({
    measured,
    within: true,
  });
});

test("ten steps of AdamW with clipping and a cosine schedule give PyTorch's losses to 1e-3", async () => {
  const { task, fixture, batch } = await setUp();
  const record = (key: string) => Array.from(fixture.get(key).data as Float32Array);
  const optimizer = new AdamW(parameterGroups(task.model, { weightDecay: 0.05 }));
  const rate = cosineSchedule({ base: 2e-3, minimum: 1e-5, warmupSteps: 2, totalSteps: steps, start: 1e-3 });
  const worst: Record<string, number> = { total: 0, inpaint: 0, match: 0, norm: 0, rate: 0 };
  for (let step = 0; step < steps; step++) {
    const figures = scope(device, () => {
      const { total, parts } = task.loss(batch(step), { training: true, seed: 0, step });
      optimizer.zeroGrad();
      total.backward();
      const { norm, scale } = clipGradientNorm(task.model.parameters(), 1);
      optimizer.step({ learningRate: rate(step), gradientScale: scale });
      return { total, inpaint: parts.inpaint!, match: parts.match!, norm };
    });
    const measured = { rate: rate(step) } as Record<string, number>;
    for (const [name, figure] of Object.entries(figures)) measured[name] = await figure.item();
    for (const [name, value] of Object.entries(measured)) {
      const expected = record(name)[step]!;
      worst[name] = Math.max(worst[name]!, Math.abs(value - expected) / Math.abs(expected));
    }
  }
  const measured = `largest relative errors of ten steps: ${Object.entries(worst)
    .map(([name, error]) => `${name} ${error.toExponential(2)}`)
    .join(", ")}`;
  expect({ measured, within: Object.values(worst).every((error) => error <= 1e-3) }).toEqual({
    measured,
    within: true,
  });
});
