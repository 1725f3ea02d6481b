import type { ImageBatch } from "@splitmask/augmentation";
import { concatenate, normal, softmax, type Tensor } from "@splitmask/autograd";
import { largestError, ModelFixture } from "@splitmask/autograd/testing";
import { createDevice, type Device } from "@splitmask/kernels";
import { Decisions, Dino, type DinoConfig, dinoMethod } from "@splitmask/methods";
import { AdamW, clipGradientNorms, cosineSchedule, parameterGroups } from "@splitmask/optim";
import type { TrainOptions } from "@splitmask/trainer";
import { expectGradients } from "./expectGradients.js";
import { fixedSteps, viewsBatch } from "./fixedRun.js";
import { expectReferenceLosses, expectSameRuns, trainedState } from "./jointRun.js";

const device = createDevice({ threads: 2 });
afterAll(() => device.close());

const encoder = { imageSize: 32, patchSize: 8, width: 12, depth: 2, heads: 2, dropPath: 0 };
const sizes = { hiddenWidth: 32, bottleneckWidth: 16, prototypes: 40 };

const makeTask = (config: Partial<DinoConfig> = {}, on: Device = device) =>
  new Dino(on, { encoder, ...sizes, seed: 5, ...config });

/** Two global views and two local ones. */
function makeBatch(pictures = 6, on: Device = device, step = 0): ImageBatch {
  const views = [32, 32, 16, 16].map((size, view) =>
    normal(on, [pictures, 3, size, size], { key: { seed: 1, purpose: `view ${view}`, step } }),
  );
  return { views, labels: new Int32Array(pictures), indices: new Int32Array(pictures) };
}

const numbers = async (x: Tensor) => Array.from(await x.data());

/** The task, weights and batches of tools/reference/dino.py. */
async function setUpReference() {
  const fixture = await ModelFixture.read(new URL("fixtures/dino.safetensors", import.meta.url));
  const task = makeTask({
    ...{ temperatureWarmup: 0.3, teacherMomentum: 0.9, centerMomentum: 0.8, freezeLastLayer: 1 },
  });
  task.model.loadStateDict(fixture.under("parameter."));
  const pools = ["pictures", "pictures", "crops", "crops"];
  const batch = (step: number) => viewsBatch(device, fixture, step, pools);
  return { fixture, task, batch };
}

describe("against PyTorch, written from the paper", () => {
  test.each([
    ["trained", { step: 10, progress: 1 }],
    ["frozen", { step: 0, progress: 0 }],
  ])("loss, the center of the batch and every named gradient, prototypes %s", async (label, moment) => {
    const { fixture, task, batch } = await setUpReference();
    const { total, parts, statistics } = task.loss(batch(0), { training: true, seed: 0, ...moment });
    total.backward();
    expect(await fixture.error(total, `${label}.loss`)).toBeLessThan(1e-5);
    expect(await parts.distillation!.item()).toBe(await total.item());
    expect(await fixture.error(statistics!.center!, `${label}.center`)).toBeLessThan(1e-5);
    const { weight } = task.model.student.head.last_layer;
    expect(weight.grad === null).toBe(label === "frozen");
    // Left out, as what is frozen.
    if (label === "frozen") weight.requiresGrad = false;
    await expectGradients(task.model, fixture, `${label}.gradient.`, 1e-5);
  });

  test("ten steps give the losses, the teacher and the center", async () => {
    const { fixture, task, batch } = await setUpReference();
    const { betas, weightDecay, weightDecayEnd } = dinoMethod.recipe;
    const optimizer = new AdamW(parameterGroups(task.model, { weightDecay }), {
      betas: betas ?? [0.9, 0.999],
    });
    const decay = cosineSchedule({ base: weightDecay, minimum: weightDecayEnd!, totalSteps: fixedSteps });
    const rate = cosineSchedule({ base: 2e-3, warmupSteps: 2, totalSteps: fixedSteps, start: 1e-3 });
    const contextOf = (step: number) => ({ training: true, seed: 0, step, progress: step / fixedSteps });
    const learn = (step: number) => {
      clipGradientNorms(
        optimizer.parameters.filter(({ grad }) => grad !== null),
        0.05,
      );
      optimizer.step({ learningRate: rate(step), weightDecay: decay(step) });
    };
    await expectReferenceLosses(device, { task, fixture, batch, contextOf, optimizer, learn }, 1e-4);
    const { model } = task;
    expect(await fixture.error(model.center, "after.center")).toBeLessThan(1e-4);
    for (const [name, parameter] of model.namedParameters()) {
      if (name.startsWith("student.") || name === "center") continue;
      expect([name, (await fixture.error(parameter, `after.${name}`)) <= 1e-3]).toEqual([name, true]);
    }
  });
});

test("the teacher begins as the student, and no gradient reaches it", async () => {
  const { model } = makeTask();
  const named = model.namedParameters();
  for (const [name, parameter] of named) {
    expect([name, parameter.requiresGrad]).toEqual([name, name.startsWith("student.")]);
    const student = named.get(`student.${name}`);
    if (student !== undefined) expect(await numbers(parameter)).toEqual(await numbers(student));
  }
});

test("with a class token the head sees that; prototypes thaw after a tenth of the run at the latest", async () => {
  const task = makeTask({ encoder: { ...encoder, classToken: true }, freezeLastLayer: 1000 });
  const { encoder: student, head } = task.model.student;
  const gradientAt = (progress: number) => {
    task.model.zeroGrad();
    task.loss(makeBatch(), { training: true, seed: 3, step: 5, progress }).total.backward();
    return head.last_layer.weight.grad;
  };
  expect(gradientAt(0.09)).toBeNull();
  expect(gradientAt(0.1)).not.toBeNull();
  expect((await numbers(student.cls_token!.grad!)).some((value) => value !== 0)).toBe(true);
});

/** Trains for four steps; every parameter afterwards. */
const trained = (changes: Partial<TrainOptions<ImageBatch>> = {}, threads = 2) =>
  trainedState(
    (on) => makeTask({ encoder: { ...encoder, dropPath: 0.2 }, freezeLastLayer: 1 }, on),
    (step, on) => makeBatch(6, on, step),
    changes,
    threads,
  );

test("a run gives the same bits on one thread and on two, and where it is interrupted and resumed", async () => {
  const whole = await expectSameRuns(trained);
  for (const name of ["center", "head.last_layer.weight", "student.head.last_layer.weight"])
    expect(whole.get(name)!.every(Number.isFinite)).toBe(true);
});

test("micro-batches move weights, teacher and center as the whole batch does", async () => {
  const [whole, parts] = [
    await trained({ schedule: { base: 0 } }),
    await trained({ accumulate: 3, schedule: { base: 0 } }),
  ];
  expect(largestError(parts.get("center")!, whole.get("center")!)).toBeLessThan(1e-5);
  expect(whole.get("center")!.some((value) => value !== 0)).toBe(true);
});

test("health: entropies in bits, of what is said of a picture and of all", async () => {
  const task = makeTask();
  const context = { training: false, seed: 0, step: 0 };
  const { prototypeEntropy, teacherEntropy } = task.health(makeBatch(), context);
  const views = makeBatch().views;
  const { logits } = task.model.teach(concatenate([views[0]!, views[1]!], 0), 0.07, context);
  const rows = Array.from({ length: 12 }, (_, row) => row);
  const all = await numbers(softmax(logits));
  const entropy = (row: number[]) => -row.reduce((sum, p) => sum + p * Math.log2(p), 0);
  const probabilities = rows.map((row) => all.slice(40 * row, 40 * (row + 1)));
  const mean = probabilities[0]!.map((_, k) => probabilities.reduce((sum, row) => sum + row[k]! / 12, 0));
  expect(await prototypeEntropy!.item()).toBeCloseTo(entropy(mean), 4);
  expect(await teacherEntropy!.item()).toBeCloseTo(
    probabilities.map(entropy).reduce((sum, each) => sum + each / 12, 0),
    4,
  );
});

test("what does not fit is told", () => {
  const context = { training: true, seed: 0, step: 0 };
  const task = makeTask();
  const batch = makeBatch();
  const [first, second, local] = batch.views as [Tensor, Tensor, Tensor];
  const lossOf =
    (...views: Tensor[]) =>
    () =>
      task.loss({ ...batch, views }, context);
  expect(lossOf(first)).toThrow(
    "Dino: a batch has 1 views; expected two of 6×3×32×32, and any number of smaller ones.",
  );
  expect(lossOf(first, local)).toThrow(
    "Dino: views[1] is 6×3×16×16; expected 6×3×32×32, the encoder's picture size.",
  );
  expect(lossOf(first, second, local, first)).toThrow(
    "Dino: views[3] is 6×3×32×32; expected 6×3×16×16, in whole patches of 8.",
  );
  expect(() => makeTask({ studentTemperature: 0 })).toThrow(
    "Dino: studentTemperature is 0; expected a positive number, e.g. 0.04.",
  );
  expect(() => makeTask({ teacherMomentum: 2 })).toThrow(
    "Dino: teacherMomentum is 2; expected a number from 0 to 1.",
  );
  const facts = { count: 100, classes: 0, imageSize: 32, patch: 8, patches: 16, batch: 4 };
  expect(() => dinoMethod.decide({ localSize: 20 }, facts, new Decisions())).toThrow(
    "localSize: 20 is no multiple of the patch, 8; use e.g. 24.",
  );
});
