import type { ImageBatch } from "@splitmask/augmentation";
import { normal, type Tensor } from "@splitmask/autograd";
import { largestError, ModelFixture } from "@splitmask/autograd/testing";
import { createDevice, type Device } from "@splitmask/kernels";
import { Decisions, MocoV3, type MocoV3Config, mocoV3Method } from "@splitmask/methods";
import { cosineSchedule, parameterGroups, SGD } from "@splitmask/optim";
import type { TrainOptions } from "@splitmask/trainer";
import { expectGradients } from "./expectGradients.js";
import { fixedSteps, viewsBatch } from "./fixedRun.js";
import { expectReferenceLosses, expectSameRuns, type TrainedNumbers, trainedState } from "./jointRun.js";

const device = createDevice({ threads: 2 });
afterAll(() => device.close());

const encoder = { imageSize: 32, patchSize: 8, width: 12, depth: 2, heads: 2, dropPath: 0 };
const context = { training: true, seed: 0, step: 0 };

const makeTask = (config: Partial<MocoV3Config> = {}, on: Device = device) =>
  new MocoV3(on, { encoder, hiddenWidth: 20, outWidth: 14, seed: 5, ...config });

function makeBatch(pictures = 6, on: Device = device, step = 0): ImageBatch {
  const views = [1, 2].map((seed) =>
    normal(on, [pictures, 3, 32, 32], { key: { seed, purpose: "view", step } }),
  );
  return { views, labels: new Int32Array(pictures), indices: new Int32Array(pictures) };
}

/** The numbers of all parameters. */
const readAll = (named: ReadonlyMap<string, Tensor>) =>
  Promise.all([...named].map(async ([name, value]) => [name, (await value.data()) as Float32Array] as const));

/** Running variances as they should be, and running means, in standard deviations. */
function expectSameNorms(found: TrainedNumbers, expected: TrainedNumbers, tolerance: number): void {
  const variances = [...expected.keys()].filter((name) => name.endsWith("running_var"));
  expect(variances).toHaveLength(8);
  for (const name of variances) {
    const [variance, mean] = [expected.get(name)!, name.replace("running_var", "running_mean")];
    const largest = Math.sqrt(Math.max(...variance));
    const off = expected
      .get(mean)!
      .map((value, index) => Math.abs(found.get(mean)![index]! - value) / largest);
    expect([name, largestError(found.get(name)!, variance) <= tolerance]).toEqual([name, true]);
    expect([mean, Math.max(...off) <= tolerance]).toEqual([mean, true]);
  }
}

const numbers = async (x: Tensor) => Array.from(await x.data());

/** The task, weights and batches of tools/reference/moco_v3.py. */
async function setUpReference() {
  const fixture = await ModelFixture.read(new URL("fixtures/mocov3.safetensors", import.meta.url));
  const task = makeTask({ teacherMomentum: 0.9 });
  task.model.loadStateDict(fixture.under("parameter."));
  const batch = (step: number) => viewsBatch(device, fixture, step, ["pictures", "pictures"]);
  return { fixture, task, batch };
}

describe("against PyTorch, written from the paper", () => {
  test("loss and every named gradient", async () => {
    const { fixture, task, batch } = await setUpReference();
    const { total, parts } = task.loss(batch(0), context);
    total.backward();
    expect(await fixture.error(total, "loss")).toBeLessThan(1e-5);
    expect(await parts.contrast!.item()).toBe(await total.item());
    // The norms behind the first layer take a shift of its inputs away.
    await expectGradients(task.model, fixture, "gradient.", 1e-4, ["encoder.norm.bias"]);
    // The positions are those of the paper's formula.
    const own = await numbers(makeTask().model.encoder.pos_embed!);
    expect(largestError(own, fixture.get("parameter.encoder.pos_embed").data as Float32Array)).toBeLessThan(
      1e-6,
    );
  });

  test("ten steps give the losses, the momentum encoder and the running statistics", async () => {
    const { fixture, task, batch } = await setUpReference();
    const optimizer = new SGD(parameterGroups(task.model, { weightDecay: 0 }), { momentum: 0.9 });
    const rate = cosineSchedule({ base: 2e-2, warmupSteps: 2, totalSteps: fixedSteps, start: 1e-2 });
    const contextOf = (step: number) => ({ ...context, step, progress: step / fixedSteps });
    const learn = (step: number) => {
      optimizer.step({ learningRate: rate(step) });
    };
    await expectReferenceLosses(device, { task, fixture, batch, contextOf, optimizer, learn }, 1e-3);
    const state = new Map(await readAll(task.model.namedParameters()));
    const expectedState = new Map(
      [...fixture.under("after.")].map(([name, { data }]) => [name, data as Float32Array] as const),
    );
    expectSameNorms(state, expectedState, 1e-3);
    for (const [name, values] of expectedState) {
      if (name.includes("running")) continue;
      expect([name, largestError(state.get(name)!, values) <= 1e-3]).toEqual([name, true]);
    }
  });
});

test("the momentum encoder begins as the encoder, and no gradient reaches it or the patch projection", async () => {
  const named = makeTask().model.namedParameters();
  const fixed = /^(teacher\.|encoder\.patch_embed|encoder\.pos_embed)|running_/;
  for (const [name, parameter] of named) {
    expect([name, parameter.requiresGrad]).toEqual([name, !fixed.test(name)]);
    if (name.startsWith("teacher."))
      expect(await numbers(parameter)).toEqual(await numbers(named.get(name.slice("teacher.".length))!));
  }
  const { patch_embed: patches } = makeTask({ freezePatches: false }).model.encoder;
  expect(patches.parameters().every(({ requiresGrad }) => requiresGrad)).toBe(true);
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

test("in micro-batches norms and loss still see the whole batch", async () => {
  // A bias before a norm has no gradient but rounding, of which AdamW makes whole steps: they are kept small.
  const changes = { schedule: { base: 1e-6 } };
  const [whole, parts] = [await trained(changes), await trained({ ...changes, accumulate: 3 })];
  expectSameNorms(parts, whole, 1e-5);
});

test("health counts the pictures that are found among all, with running statistics", async () => {
  const task = makeTask();
  const [first] = makeBatch().views;
  const { foundShare } = task.health({ ...makeBatch(), views: [first!, first!] }, context);
  expect(await foundShare!.item()).toBeGreaterThanOrEqual(0);
  expect(await foundShare!.item()).toBeLessThanOrEqual(1);
  expect(task.health(makeBatch(), context).effectiveRank!.shape).toEqual([]);
});

test("what does not fit is told", () => {
  const task = makeTask();
  const { views, ...rest } = makeBatch();
  expect(() => task.loss({ ...rest, views: [...views, views[0]!] }, context)).toThrow(
    "MocoV3: a batch has 3 views; expected two of 6×3×32×32.",
  );
  expect(() => makeTask({ temperature: 0 })).toThrow(
    "MocoV3: temperature is 0; expected a positive number, e.g. 0.2.",
  );
  expect(() => makeTask({ teacherMomentum: -1 })).toThrow(
    "MocoV3: teacherMomentum is -1; expected a number from 0 to 1.",
  );
  const facts = { count: 100, classes: 0, imageSize: 32, patch: 8, patches: 16, batch: 1 };
  expect(() => mocoV3Method.decide({}, facts, new Decisions())).toThrow(
    "batch: 1, but pictures of one batch are compared with each other: use 2 or more.",
  );
});
