import { tensor } from "@splitmask/autograd";
import type { ModelFixture } from "@splitmask/autograd/testing";
import { createDevice } from "@splitmask/kernels";
import { fineTuningRecipes, Supervised, supervisedMethod } from "@splitmask/methods";
import { expectGradients } from "./expectGradients.js";
import { compareSteps, pictureBatch, readFixture } from "./fixedRun.js";

const device = createDevice({ threads: 2 });
afterAll(() => device.close());

const classes = 5;
const encoder = { imageSize: 32, patchSize: 8, width: 24, depth: 2, heads: 3, dropPath: 0 };
const context = { training: true, seed: 0, step: 0 };

/** The pictures of a step with their targets. */
function batchOf(fixture: ModelFixture, step: number) {
  const batch = pictureBatch(device, fixture, step);
  const targets = fixture.get("targets").data as Float32Array;
  const draws = (fixture.get("draws").data as Int32Array).subarray(6 * step, 6 * (step + 1));
  const rows = Array.from(draws, (picture) => [
    ...targets.subarray(classes * picture, classes * (picture + 1)),
  ]);
  return { ...batch, targets: tensor(device, rows) };
}

describe("against timm's VisionTransformer with its norm before pooling", () => {
  test.each([
    ["the class token", true, ""],
    ["the mean of the patches", false, "mean."],
  ])("loss and every named gradient of %s", async (_, classToken, prefix) => {
    const fixture = await readFixture("supervised");
    const task = new Supervised(device, { encoder: { ...encoder, classToken }, classes });
    task.model.loadStateDict(fixture.under(`${prefix}parameter.`));
    const { parts, total } = task.loss(batchOf(fixture, 0), context);
    total.backward();
    expect(parts).toEqual({});
    if (!classToken) expect(await fixture.error(total, "mean.loss")).toBeLessThan(1e-5);
    await expectGradients(task.model, fixture, `${prefix}gradient.`, 1e-4);
  });

  test("ten steps of AdamW with clipping and a cosine schedule give PyTorch's losses to 1e-3", async () => {
    const fixture = await readFixture("supervised");
    const task = new Supervised(device, { encoder: { ...encoder, classToken: true }, classes });
    task.model.loadStateDict(fixture.under("parameter."));
    const run = { task, fixture, parts: [], batch: (step: number) => batchOf(fixture, step) };
    const found = await compareSteps(device, run, 1e-3);
    expect(found).toEqual({ ...found, within: true });
  });
});

test("its recipe is DeiT's, which fine-tuning has too", () => {
  const { recipe } = supervisedMethod;
  expect(recipe).toMatchObject({ weightDecay: 0.05, dropPath: 0.1, cropScale: 0.08, clip: 0 });
  expect(recipe.learningRate).toEqual({ value: 1e-3, batch: 1024, width: 768 });
  expect(recipe.peakToMinimum).toBeCloseTo(100, 9);
  expect(recipe.warmupShare).toBeCloseTo(5 / 300, 9);
  expect(fineTuningRecipes.deit).toMatchObject({ mixup: 0.8, cutmix: 1, erasing: 0.25, labelSmoothing: 0.1 });
});
