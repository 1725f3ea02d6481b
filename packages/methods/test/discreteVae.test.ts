import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { normal, reshape, scope, type Tensor, tensor, uniform } from "@splitmask/autograd";
import { largestError } from "@splitmask/autograd/testing";
import { createDevice, type Device } from "@splitmask/kernels";
import { DiscreteVae, type DiscreteVaeConfig, sampleGumbelNoise } from "@splitmask/methods";
import { AdamW, cosineSchedule, parameterGroups } from "@splitmask/optim";
import { checkTokenizer, exampleDictionary, loadTokenizer } from "@splitmask/tokenizer";
import { expectGradients } from "./expectGradients.js";
import { fixedSteps, pictureBatch, readFixture } from "./fixedRun.js";

const device = createDevice({ threads: 2 });
afterAll(() => device.close());

const sizes = { vocabularySize: 12, width: 4, blocks: 1, embeddingWidth: 6 };
const training = { training: true, seed: 3, step: 0 };

const makeTask = (config: DiscreteVaeConfig = {}, on: Device = device) =>
  new DiscreteVae(on, { ...sizes, seed: 5, ...config });

function makeBatch(batch = 4, on: Device = device) {
  const key = { seed: 1, purpose: "images" };
  const images = uniform(on, [batch, 3, 16, 16], { low: -1, high: 1, key });
  return { views: [images], labels: new Int32Array(batch), indices: new Int32Array(batch) };
}

const labels = { "logit-laplace": "laplace", squares: "squares" } as const;

/** The task, weights, noise and batches of tools/reference/discrete_vae.py. */
async function setUpReference(reconstruction: keyof typeof labels) {
  const fixture = await readFixture("discrete-vae");
  const { data, shape } = fixture.get("noises");
  const [, batch, places, words] = shape as readonly number[];
  const size = batch! * places! * words!;
  const task = makeTask({
    ...{ reconstruction, temperatureShare: 0.5, divergenceShare: 0.25 },
    noiseSampler: (on, { step }) => {
      const noise = (data as Float32Array<ArrayBuffer>).slice(step * size, (step + 1) * size);
      return tensor(on, noise, [batch! * places!, words!]);
    },
  });
  task.model.loadStateDict(fixture.under(`${labels[reconstruction]}.parameter.`));
  return {
    fixture,
    task,
    label: labels[reconstruction],
    batch: (step: number) => pictureBatch(device, fixture, step),
  };
}

describe("against PyTorch, written from the paper", () => {
  test.each(["logit-laplace", "squares"] as const)(
    "losses, every named gradient, words and pictures made of them: %s",
    async (reconstruction) => {
      const { batch, fixture, label, task } = await setUpReference(reconstruction);
      const { total, parts } = task.loss(batch(0), { ...training, progress: 0.1 });
      total.backward();
      for (const [name, value] of Object.entries({ total, ...parts }))
        expect([name, (await fixture.error(value, `${label}.${name}`)) < 1e-5]).toEqual([name, true]);
      await expectGradients(task.model, fixture, `${label}.gradient.`, 1e-4);
      const { pictures, words } = task.reconstruct(batch(0), {});
      expect(Array.from(await words.data())).toEqual(Array.from(fixture.get(`${label}.words`).data, Number));
      expect(await fixture.error(pictures, `${label}.painted`)).toBeLessThan(1e-5);
    },
  );

  test("ten steps of AdamW, the temperature falling, give the losses to 1e-5", async () => {
    const { batch, fixture, task } = await setUpReference("logit-laplace");
    const optimizer = new AdamW(parameterGroups(task.model, { weightDecay: 1e-4 }), { betas: [0.9, 0.999] });
    const rate = cosineSchedule({
      base: 2e-3,
      minimum: 0,
      warmupSteps: 2,
      totalSteps: fixedSteps,
      start: 1e-3,
    });
    const records: Record<string, Tensor>[] = [];
    for (let step = 0; step < fixedSteps; step++) {
      records.push(
        scope(device, () => {
          optimizer.zeroGrad();
          const { parts, total } = task.loss(batch(step), { ...training, step, progress: step / fixedSteps });
          total.backward();
          optimizer.step({ learningRate: rate(step) });
          return { total, ...parts };
        }),
      );
    }
    for (const name of ["total", "reconstruction", "divergence"]) {
      const losses = await Promise.all(records.map((record) => record[name]!.item()));
      // A likelihood may be near 0: errors are of the largest loss.
      const error = largestError(losses, fixture.get(`steps.${name}`).data as Float32Array);
      expect([name, error <= 1e-5]).toEqual([name, true]);
    }
  });
});

test("one seed gives the same bits, on one thread and on two, and in micro-batches the same noise", async () => {
  const results: number[][] = [];
  for (const threads of [1, 2]) {
    const on = createDevice({ threads });
    const task = makeTask({}, on);
    const { total } = task.loss(makeBatch(4, on), { ...training, progress: 0.5 });
    total.backward();
    const { grad } = task.model.encoder.input.weight;
    results.push([await total.item(), ...(await grad!.data())]);
    on.close();
  }
  expect(results[1]).toEqual(results[0]);
  const noise = { batch: 4, places: 2, vocabularySize: 3, seed: 1, step: 7, firstSample: 0 };
  const whole = await sampleGumbelNoise(device, noise).data();
  const last = await sampleGumbelNoise(device, { ...noise, batch: 2, firstSample: 2 }).data();
  expect(Array.from(whole.slice(12))).toEqual(Array.from(last));
});

test("the noise is Gumbel's", async () => {
  const noise = { batch: 4, places: 64, vocabularySize: 64, seed: 1, step: 7, firstSample: 0 };
  const values = Array.from(await sampleGumbelNoise(device, noise).data(), Number);
  const average = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - average) ** 2, 0) / values.length;
  expect(average).toBeCloseTo(0.5772, 1);
  expect(variance).toBeCloseTo(Math.PI ** 2 / 6, 1);
});

test("the divergence counts with its weight once that has risen, and is 0 of equally probable words", async () => {
  const task = makeTask({ divergenceWeight: 1.92 });
  const { parts, total } = task.loss(makeBatch(), { ...training, progress: 1 });
  const [reconstruction, divergence] = [await parts.reconstruction!.item(), await parts.divergence!.item()];
  expect(await total.item()).toBeCloseTo(reconstruction + 0.01 * divergence, 5);
  const first = task.loss(makeBatch(), training);
  expect(await first.total.item()).toBe(await first.parts.reconstruction!.item());
  const { bias, weight } = task.model.encoder.output;
  const none = [weight, bias!].map(({ size, shape }) => tensor(device, new Float32Array(size), shape));
  task.model.encoder.output.loadStateDict(
    new Map(none.map((zero, index) => [["weight", "bias"][index]!, zero])),
  );
  expect(await task.loss(makeBatch(), training).parts.divergence!.item()).toBeCloseTo(0, 5);
});

test("its tokenizer comes back from its file, is what a run expects, and its words can be drawn", async () => {
  const folder = await mkdtemp(join(tmpdir(), "splitmask-discrete-vae-"));
  const { tokenizer } = makeTask();
  const path = join(folder, "tokenizer.safetensors");
  await tokenizer.save(path);
  const read = await loadTokenizer(device, path);
  await rm(folder, { recursive: true });
  expect([read.name, read.patchSize, read.vocabularySize]).toEqual(["discrete-vae", 8, 12]);
  await checkTokenizer(device, read, { patchSize: 8, vocabularySize: 12 });
  const [images] = makeBatch().views;
  expect(await read.tokenize(images!).data()).toEqual(await tokenizer.tokenize(images!).data());
  // Words that no patch carries have the patch nearest to gray.
  expect(exampleDictionary(read, [images!]).shape).toEqual([12, 192]);
});

test("a picture with a NaN has no words near it, and others keep theirs", async () => {
  const { tokenizer } = makeTask();
  const [images] = makeBatch().views;
  const pixels = await images!.data();
  const words = Array.from(await tokenizer.tokenize(images!).data());
  pixels[0] = Number.NaN;
  const broken = Array.from(
    await tokenizer.tokenize(reshape(tensor(device, Float32Array.from(pixels)), images!.shape)).data(),
  );
  expect(broken[0]).toBe(-1);
  expect(broken.slice(4)).toEqual(words.slice(4));
});

test("says what is wrong with its options and inputs", () => {
  expect(() => makeTask({ width: 6 })).toThrow("DiscreteVae: width is 6; expected a multiple of 4");
  expect(() => makeTask({ blocks: 0 })).toThrow("DiscreteVae: blocks is 0; expected a whole number from 1.");
  expect(() => makeTask({ temperature: [1, 0] })).toThrow(
    "DiscreteVae: temperature is 1 to 0; expected numbers > 0.",
  );
  expect(() => makeTask({ temperatureShare: 2 })).toThrow(
    "temperatureShare 2; expected a weight ≥ 0 and shares",
  );
  const odd = {
    ...makeBatch(),
    views: [normal(device, [1, 3, 12, 16], { key: { seed: 1, purpose: "odd" } })],
  };
  expect(() => makeTask().loss(odd, training)).toThrow(
    "DiscreteVae: views[0] is 1×3×12×16; expected B×3×H×W",
  );
});
