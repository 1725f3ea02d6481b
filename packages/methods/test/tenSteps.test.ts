import { ModelFixture } from "@splitmask/autograd/testing";
import { createDevice } from "@splitmask/kernels";
import { expectGradients } from "./expectGradients.js";
import { fixedRate, fixedSteps, setUpFixedRun, trainFixedRun } from "./fixedRun.js";

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
  await expectGradients(task.model, gradients, "gradient.", 1e-4);
});

test("ten steps of AdamW with clipping and a cosine schedule give PyTorch's losses to 1e-3", async () => {
  const run = await setUpFixedRun(device);
  const record = (key: string) => Array.from(run.fixture.get(key).data as Float32Array);
  const rate = fixedRate(fixedSteps);
  const worst: Record<string, number> = { total: 0, inpaint: 0, match: 0, norm: 0, rate: 0 };
  let step = 0;
  for await (const figures of trainFixedRun(device, run, fixedSteps)) {
    const measured = { rate: rate(step), ...figures };
    for (const [name, value] of Object.entries(measured)) {
      const expected = record(name)[step]!;
      worst[name] = Math.max(worst[name]!, Math.abs(value - expected) / Math.abs(expected));
    }
    step++;
  }
  expect(step).toBe(fixedSteps);
  const measured = `largest relative errors of ten steps: ${Object.entries(worst)
    .map(([name, error]) => `${name} ${error.toExponential(2)}`)
    .join(", ")}`;
  expect({ measured, within: Object.values(worst).every((error) => error <= 1e-3) }).toEqual({
    measured,
    within: true,
  });
});
