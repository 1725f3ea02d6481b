import type { ImageBatch } from "@splitmask/augmentation";
import { normal, reshape, scope, slice } from "@splitmask/autograd";
import { largestError, ModelFixture } from "@splitmask/autograd/testing";
import { createDevice, type Device } from "@splitmask/kernels";
import { Decisions, LeJepa, type LeJepaConfig, leJepaMethod, sampleSlices } from "@splitmask/methods";
import { AdamW, cosineSchedule, parameterGroups } from "@splitmask/optim";
import type { TrainOptions } from "@splitmask/trainer";
import { expectGradients } from "./expectGradients.js";
import { fixedSteps, viewsBatch } from "./fixedRun.js";
import { expectReferenceLosses, expectSameRuns, trainedState } from "./jointRun.js";

const device = createDevice({ threads: 2 });
afterAll(() => device.close());

const encoder = { imageSize: 32, patchSize: 8, width: 12, depth: 2, heads: 2, dropPath: 0 };
const context = { training: true, seed: 0, step: 0 };

const makeTask = (config: Partial<LeJepaConfig> = {}, on: Device = device) =>
  new LeJepa(on, { encoder, hiddenWidth: 20, outWidth: 10, slices: 24, seed: 5, ...config });

/** Two global views and two local ones. */
function makeBatch(pictures = 6, on: Device = device, step = 0): ImageBatch {
  const views = [32, 32, 16, 16].map((size, view) =>
    normal(on, [pictures, 3, size, size], { key: { seed: 1, purpose: `view ${view}`, step } }),
  );
  return { views, labels: new Int32Array(pictures), indices: new Int32Array(pictures) };
}

/** The task, weights, directions and batches of tools/reference/lejepa.py. */
async function setUpReference() {
  const fixture = await ModelFixture.read(new URL("fixtures/lejepa.safetensors", import.meta.url));
  const directions = scope(device, () => fixture.upload(device, "directions"));
  const task = makeTask({
    sliceSampler: (_, { slices, step, width }) =>
      reshape(slice(directions, 0, step, step + 1), [slices, width]),
  });
  task.model.loadStateDict(fixture.under("parameter."));
  const pools = ["pictures", "pictures", "crops", "crops"];
  return { fixture, task, batch: (step: number) => viewsBatch(device, fixture, step, pools) };
}

describe("against PyTorch, written from the paper", () => {
  test("loss, its parts and every named gradient", async () => {
    const { fixture, task, batch } = await setUpReference();
    const { total, parts } = task.loss(batch(0), context);
    total.backward();
    expect(await fixture.error(total, "loss")).toBeLessThan(1e-5);
    for (const [name, part] of Object.entries(parts))
      expect([name, (await fixture.error(part, name)) < 1e-5]).toEqual([name, true]);
    // The norms behind the first layer take a shift of its inputs away.
    await expectGradients(task.model, fixture, "gradient.", 1e-4, ["encoder.norm.bias"]);
  });

  test("ten steps give the losses and the running statistics", async () => {
    const { fixture, task, batch } = await setUpReference();
    const { weightDecay } = leJepaMethod.recipe;
    const optimizer = new AdamW(parameterGroups(task.model, { weightDecay }), { betas: [0.9, 0.999] });
    const rate = cosineSchedule({ base: 5e-4, warmupSteps: 2, totalSteps: fixedSteps, start: 2.5e-4 });
    const contextOf = (step: number) => ({ ...context, step });
    const learn = (step: number) => {
      optimizer.step({ learningRate: rate(step) });
    };
    await expectReferenceLosses(device, { task, fixture, batch, contextOf, optimizer, learn }, 1e-3);
    const parameters = task.model.namedParameters();
    const after = [...fixture.under("after.").keys()];
    expect(after).toHaveLength(4);
    for (const name of after)
      expect([name, (await fixture.error(parameters.get(name)!, `after.${name}`)) <= 1e-3]).toEqual([
        name,
        true,
      ]);
  });
});

const trained = (changes: Partial<TrainOptions<ImageBatch>> = {}, threads = 2) =>
  trainedState(
    (on) => makeTask({ encoder: { ...encoder, dropPath: 0.2 } }, on),
    (step, on) => makeBatch(6, on, step),
    changes,
    threads,
  );

test("a run gives the same bits on one thread and on two, and where it is interrupted and resumed", async () => {
  const whole = await expectSameRuns(trained);
  for (const values of whole.values()) expect(values.every(Number.isFinite)).toBe(true);
});

test("in micro-batches norms and SIGReg still see the whole batch", async () => {
  const losses: number[][] = [[], []];
  for (const [index, accumulate] of [1, 3].entries()) {
    await trained({
      accumulate,
      onEvent: (event) => event.type === "step" && losses[index]!.push(event.losses.total!),
    });
  }
  expect(losses[0]).toHaveLength(4);
  expect(largestError(losses[1]!, losses[0]!)).toBeLessThan(1e-4);
});

test("directions are of unit length and others in each step", async () => {
  const draw = async (step: number) => {
    const drawn = sampleSlices(device, { slices: 3, width: 5, seed: 1, step });
    return Array.from({ length: 3 }, async (_, row) =>
      Array.from(await slice(drawn, 0, row, row + 1).data(), Number),
    );
  };
  const [first, again, next] = await Promise.all(
    [0, 0, 1].map(async (step) => Promise.all(await draw(step))),
  );
  for (const row of first!) expect(Math.hypot(...row)).toBeCloseTo(1, 5);
  expect(again).toEqual(first);
  expect(next).not.toEqual(first);
});

test("what does not fit is told", () => {
  expect(() => makeTask({ sigregWeight: 2 })).toThrow(
    "LeJepa: sigregWeight is 2; expected a number from 0 to 1, e.g. 0.05.",
  );
  expect(() => makeTask({ slices: 0 })).toThrow("LeJepa: slices is 0; expected a whole number from 1.");
  const facts = { count: 100, classes: 0, imageSize: 32, patch: 8, patches: 16, batch: 1 };
  expect(() => leJepaMethod.decide({}, facts, new Decisions())).toThrow(
    "batch: 1, but the embeddings of a batch are compared with a distribution: use 2 or more.",
  );
});
