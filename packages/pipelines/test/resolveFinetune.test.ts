import type { ClassificationSettings, FinetuneConfig, RunDescription } from "@splitmask/pipelines";
import { estimateRun, stepTime } from "../src/estimate/runEstimate.js";
import { classificationWork } from "../src/estimate/runWork.js";
import { type FinetuneFacts, resolveFinetune as resolveFor } from "../src/settings/resolveFinetune.js";
import { classificationRun } from "../src/training/finetune.js";
import { classificationStep, costsOf as costsOfSteps } from "../src/training/runStep.js";
import { machineOf, ratesOf } from "./machines.js";

const encoder = { width: 128, depth: 6, heads: 4, patch: 8, layerScale: null, imageSize: 64 };
const facts: FinetuneFacts = { count: 9469, encoder, fromScratch: false };
const machine = machineOf(2, 24);

/** What steps of an encoder of this shape take. */
function costsOf({ depth, heads, imageSize, patch, width }: typeof encoder, rates = machine.rates) {
  const config = { width, depth, heads, imageSize, patchSize: patch, finalNorm: false };
  return costsOfSteps(classificationStep(config, 10), { rates });
}
const costOf = costsOf(encoder);

const resolveFinetune = (given: FinetuneConfig, known = facts) => resolveFor(given, known, costOf);
const decided = async (given: FinetuneConfig, known = facts) => (await resolveFinetune(given, known)).config;
const reasons = async (given: FinetuneConfig, changed: Partial<FinetuneFacts> = {}) =>
  Object.fromEntries(
    (await resolveFinetune(given, { ...facts, ...changed })).choices.map(({ name, value, reason }) => [
      name,
      `${value}: ${reason}`,
    ]),
  );

test("epochs between evaluations become steps also when a run goes on", async () => {
  const { config } = await resolveFinetune({ steps: 5, batch: 100 });
  const given = { evaluateEvery: 0.5, threads: 2, steps: 5 };
  const request = { run: "run", train: "train", test: "test", config: given };
  const description = { config, pictureCount: 9469 } as RunDescription<ClassificationSettings>;
  expect(classificationRun(request).changed(description)).toEqual({ evaluateEvery: 47, threads: 2 });
});

test("a recipe that is given is followed to the letter", async () => {
  const config = await decided({ recipe: "paper-small" });
  expect(config).toMatchObject({
    ...{ batch: 1024, accumulate: 4, steps: 300 * 9, warmup: 60 * 9, learningRate: 4e-3, layerDecay: 0.65 },
    ...{
      minimumLearningRate: 1e-6,
      weightDecay: 0.05,
      labelSmoothing: 0.1,
      dropPath: 0.1,
      clip: 0,
      repeats: 1,
    },
    ...{ magnitude: 9, magnitudeStd: 0.5, mixup: 0.8, cutmix: 1, jitter: 0, erasing: 0, cropRatio: 0.875 },
    ...{ ema: null, cropScale: 0.08, flip: 0.5 },
  });
  expect(await decided({ recipe: "paper-large" })).toMatchObject({
    ...{ learningRate: 1.4e-4, layerDecay: 1, warmup: 45, repeats: 3, magnitude: 7 },
  });
  expect(await decided({ recipe: "deit" })).toMatchObject({
    ...{ learningRate: 1e-3, minimumLearningRate: 1e-5, ema: 0.99996, erasing: 0.25, headDeviation: 0.02 },
  });
  expect(await decided({ recipe: "beit" })).toMatchObject({
    ...{ steps: 900, warmup: 180, layerDecay: 0.65, erasing: 0.25, headDeviation: 2e-5 },
  });
});

test("learning rates are for the recipe's batch, and scale with the batch that is given", async () => {
  const config = await decided({ recipe: "paper-small", batch: 256, epochs: 30 });
  expect(config).toMatchObject({ learningRate: 1e-3, minimumLearningRate: 2.5e-7, accumulate: 1 });
  // Warm-up keeps its share: 60 of 300 epochs.
  expect(config).toMatchObject({ steps: 30 * 36, warmup: 6 * 36 });
  expect((await reasons({ recipe: "paper-small", batch: 256 }))["learning rate"]).toBe(
    "1.0e-3: recipe paper-small: 0.004 for 1,024 pictures a step, times 256 / 1,024",
  );
});

test("without a recipe the paper's column for that number of pictures, shorter and in smaller steps", async () => {
  expect(await reasons({})).toMatchObject({
    recipe:
      "paper-small: 9,469 pictures: what the paper does for its small sets, Cars, Clipart, " +
      "Painting and Sketch, but for batch and length",
    batch:
      "128: the recipe's is 1,024; with smaller batches, more is learned from the same number of pictures",
    steps:
      "3066: 42 epochs of 73 steps; the recipe's 300 are for a GPU; a longer run (--epochs, --time) learns more",
  });
  expect(await decided({}, { ...facts, count: 100_000 })).toMatchObject({
    ...{ recipe: "paper-large", layerDecay: 1, repeats: 3, steps: 4 * 781 },
  });
  // The root for batches that are chosen smaller: 4e-3 · √(128 / 1,024).
  expect((await decided({})).learningRate).toBe(1.414e-3);
  expect((await reasons({}))["learning rate"]).toBe(
    "1.4e-3: recipe paper-small: 0.004 for 1,024 pictures a step, times √(128 / 1,024), which suits AdamW",
  );
  // Few labels: small batches, the recipe's whole length.
  expect(await decided({}, { ...facts, count: 100 })).toMatchObject({ batch: 16, steps: 300 * 6 });
  expect((await reasons({}, { count: 100 })).batch).toBe(
    "16: 100 pictures: the largest power of two with at least 4 steps per epoch",
  );
});

test("every field of a recipe can be given instead", async () => {
  const given = {
    ...{
      batch: 64,
      learningRate: 2e-4,
      minimumLearningRate: 1e-7,
      warmupEpochs: 2,
      layerDecay: 0.8,
      weightDecay: 0.1,
    },
    ...{
      weightDecayEnd: 0.2,
      freeze: ["encoder.patch_embed.*"],
      clip: 1,
      clipMode: "tensor",
      ema: 0.99,
      dropPath: 0.2,
    },
    ...{
      labelSmoothing: 0,
      mixup: 0.2,
      cutmix: 0,
      cropScale: 0.3,
      flip: 0,
      magnitude: 5,
      magnitudeStd: 0,
      jitter: 0.1,
    },
    ...{
      erasing: 0.5,
      repeats: 2,
      headDeviation: 0.01,
      cropRatio: 1,
      seed: 4,
      onNan: "skip",
      precision: "bfloat16",
    },
  } as const satisfies FinetuneConfig;
  const { warmupEpochs: _, ...same } = given;
  const config = await decided({ ...given, recipe: "deit", evaluateEvery: 0.5 });
  expect(config).toMatchObject({ ...same, warmup: 2 * 147, evaluateEvery: 74 });
  expect((await decided({ recipe: "deit", ema: 0 })).ema).toBeNull();
});

test("the color jitter of the recipe is for training without RandAugment", async () => {
  expect((await decided({ magnitude: 0 })).jitter).toBe(0.4);
  expect((await reasons({}))["color jitter"]).toBe(
    "0: the recipe's 0.4 is for training without RandAugment, as timm has it",
  );
});

test("a weight decay at the end needs one before, as in pre-training", async () => {
  await expect(decided({ weightDecay: 0, weightDecayEnd: 0.1 })).rejects.toThrow(
    "weightDecayEnd: without a weightDecay nothing is decayed: give both.",
  );
});

test("a time limit leaves steps and warm-up open", async () => {
  const config = await decided({ time: "30m" });
  expect(config).toMatchObject({ steps: null, seconds: 1800, warmup: null, warmupShare: 0.2 });
  expect((await reasons({ time: "30m" }))["warm-up"]).toBe("20 % of the steps: recipe: 60 of 300 epochs");
});

test("a checkpoint every quarter of an hour at least", async () => {
  expect((await decided({ steps: 5000 })).checkpointEvery).toBe(500);
  const slow = costsOf(encoder, ratesOf(3e9));
  const { config } = await resolveFor({ steps: 5000 }, facts, slow);
  const seconds = stepTime(await slow(config));
  expect(config.checkpointEvery).toBe(Math.round(900 / seconds));
  expect((await reasons({ checkpointEvery: 7 })).checkpoints).toBe("every 7 steps: given");
  // 30 minutes, by the estimate.
  const { checkpointEvery } = await decided({ time: "30m" });
  expect(checkpointEvery).toBeGreaterThan(100);
  expect(checkpointEvery).toBeLessThan(1000);
});

// What training with AdamW held at the peak, 25 November 2026: settings, MiB. Such steps are stated by width, depth,
// heads, image size, patch, batch, micro-batches, recompute.
test.each<[number, number, number, number, number, number, number, boolean, number]>([
  [128, 6, 4, 64, 8, 128, 1, false, 307],
  [192, 12, 3, 112, 16, 64, 1, false, 425],
  [192, 12, 3, 64, 8, 64, 1, true, 198],
  [128, 6, 4, 64, 8, 128, 4, false, 108],
  [384, 12, 6, 64, 8, 32, 1, false, 794],
  [96, 4, 3, 48, 8, 256, 1, false, 186],
])(
  "memory of a step: width %d, depth %d, %d heads, %d pixels, patch %d, batch %d in %d, recompute %s",
  async (width, depth, heads, imageSize, patch, batch, accumulate, recompute, mebibytes) => {
    const shape = { ...encoder, width, depth, heads, imageSize, patch };
    const { config } = await resolveFor(
      { imageSize, batch, accumulate, recompute, mixup: 0, cutmix: 0, steps: 5 },
      { ...facts, encoder: shape },
      costsOf(shape),
    );
    const { memoryBytes } = await costsOf(shape)(config);
    expect(Math.abs(memoryBytes / 2 ** 20 / mebibytes - 1)).toBeLessThan(0.03);
  },
);

describe("the estimate of a run", () => {
  const pictures = { count: 9469, shortSide: 160, decodeSeconds: 0.004 };
  const estimated = async (given: FinetuneConfig) => {
    const config = await decided(given);
    const work = classificationWork(config, await costOf(config), 3925);
    const { estimate, evaluationSeconds, fixed } = estimateRun(config, work, pictures, machine, false);
    return { ...estimate, evaluationSeconds, fixed };
  };

  test("decoding once, the steps, each look at the test pictures", async () => {
    const { fixed, seconds, secondsPerStep, steps } = await estimated({ epochs: 6, batch: 128 });
    expect(steps).toBe(6 * 73);
    // Of 128 pictures with 64 patches each: three products of 24·D² + 4·D·N operations, half a product of attention
    // more.
    const forward = 128 * 64 * 6 * (24 * 128 ** 2 + 4 * 128 * 64);
    expect(secondsPerStep / ((1.04 * 3 * forward) / 1.2e11)).toBeCloseTo(1.03, 1);
    expect(fixed.decoding).toBeCloseTo((9469 * 0.004) / 2, 6);
    expect(fixed.report).toBeGreaterThan((3925 * 0.004) / 2);
    expect(seconds).toBeCloseTo(fixed.decoding + fixed.report + steps * secondsPerStep, 6);
    const often = await estimated({ epochs: 6, batch: 128, evaluateEvery: 1 });
    expect(often.seconds - seconds).toBeCloseTo(5 * often.evaluationSeconds, 6);
    expect(often.evaluationSeconds).toBeGreaterThan((3925 * 0.004) / 2);
    // Of few steps only the pictures that they see.
    const few = await estimated({ steps: 3, batch: 128, repeats: 2 });
    expect(few.fixed.decoding).toBeCloseTo((3 * 64 * 0.004) / 2, 6);
  });

  test("recompute, micro-batches and the moving average cost what they do", async () => {
    const usual = await estimated({ batch: 128 });
    const slow = await estimated({ batch: 128, recompute: true });
    expect(slow.secondsPerStep / usual.secondsPerStep).toBeCloseTo(4 / 3, 1);
    expect(slow.memory.step).toBeLessThan(usual.memory.step / 2);
    expect((await estimated({ batch: 128, accumulate: 4 })).memory.step).toBeLessThan(usual.memory.step / 2);
    expect((await estimated({ batch: 128, ema: 0.999 })).disk.run).toBeGreaterThan(usual.disk.run);
  });

  test("a time is filled", async () => {
    for (const given of [{ time: "10m" }, { time: "10m", evaluateEvery: 1 }]) {
      const { seconds, secondsPerStep, steps } = await estimated(given);
      expect(seconds).toBeLessThanOrEqual(600 + secondsPerStep);
      expect(seconds).toBeGreaterThan(580);
      expect(steps).toBeGreaterThan(100);
    }
  });
});
