import { scope } from "@splitmask/autograd";
import { ModelFixture } from "@splitmask/autograd/testing";
import { createDevice } from "@splitmask/kernels";
import { AdamW, clipGradientNorm, cosineSchedule, parameterGroups } from "@splitmask/optim";
import { fixedSteps, setUpFixedRun } from "./fixedRun.js";

const device = createDevice({ threads: 2 });
afterAll(() => device.close());

test("the tokenizer gives the words of the fixture", async () => {
  const { task, fixture, batch } = await setUpFixedRun(device);
  const words = fixture.get("words").data as Int32Array;
  for (let step = 0; step < fixedSteps; step++) {
    const given = await task.config.tokenizer.tokenize(batch(step).views[1]!).data();
    expect(Array.from(given)).toEqual(Array.from(words.slice(step * 128, (step + 1) * 128)));
  }
});

test("every named gradient of the first step is PyTorch's to 1e-4 (max|Δ| / max|reference| per tensor)", async () => {
  const { task, batch } = await setUpFixedRun(device);
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
  const { task, fixture, batch } = await setUpFixedRun(device);
  const record = (key: string) => Array.from(fixture.get(key).data as Float32Array);
  const optimizer = new AdamW(parameterGroups(task.model, { weightDecay: 0.05 }));
  const rate = cosineSchedule({
    base: 2e-3,
    minimum: 1e-5,
    warmupSteps: 2,
    totalSteps: fixedSteps,
    start: 1e-3,
  });
  const worst: Record<string, number> = { total: 0, inpaint: 0, match: 0, norm: 0, rate: 0 };
  for (let step = 0; step < fixedSteps; step++) {
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
