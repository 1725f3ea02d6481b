import { type FinetuneConfig, type FinetuneFacts, resolveFinetune } from "@splitmask/cli";

const facts: FinetuneFacts = { count: 9469, classes: 10, imageSize: 64, patch: 8, fromScratch: false };
const reasons = (given: FinetuneConfig, changed: Partial<FinetuneFacts> = {}) =>
  Object.fromEntries(
    resolveFinetune(given, { ...facts, ...changed }).choices.map(({ name, value, reason }) => [
      name,
      `${value}: ${reason}`,
    ]),
  );

test("a recipe that is given is followed to the letter", () => {
  const { config } = resolveFinetune({ recipe: "paper-small" }, facts);
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
  expect(resolveFinetune({ recipe: "paper-large" }, facts).config).toMatchObject({
    ...{ learningRate: 1.4e-4, layerDecay: 1, warmup: 45, repeats: 3, magnitude: 7 },
  });
  expect(resolveFinetune({ recipe: "deit" }, facts).config).toMatchObject({
    ...{ learningRate: 1e-3, minimumLearningRate: 1e-5, ema: 0.99996, erasing: 0.25, headDeviation: 0.02 },
  });
  expect(resolveFinetune({ recipe: "beit" }, facts).config).toMatchObject({
    ...{ steps: 900, warmup: 180, layerDecay: 0.65, erasing: 0.25, headDeviation: 2e-5 },
  });
});

test("learning rates are for the recipe's batch, and scale with the batch that is given", () => {
  const { config } = resolveFinetune({ recipe: "paper-small", batch: 256, epochs: 30 }, facts);
  expect(config).toMatchObject({ learningRate: 1e-3, minimumLearningRate: 2.5e-7, accumulate: 1 });
  // Warm-up keeps its share: 60 of 300 epochs.
  expect(config).toMatchObject({ steps: 30 * 36, warmup: 6 * 36 });
  expect(reasons({ recipe: "paper-small", batch: 256 })["learning rate"]).toBe(
    "1.0e-3: recipe paper-small: 0.004 for 1,024 pictures a step, times 256 / 1,024",
  );
});

test("without a recipe the column of the paper that fits the number of pictures, shorter and in smaller steps", () => {
  expect(reasons({})).toMatchObject({
    recipe:
      "paper-small: 9,469 pictures: what the paper does for its small sets, Cars, Clipart, Painting and Sketch, but for batch and length",
    batch: "128: the recipe's is 1,024; smaller steps learn more from as many pictures",
    steps:
      "3066: 42 epochs of 73 steps; the recipe's 300 are for a GPU; a longer run (--epochs, --time) learns more",
  });
  expect(resolveFinetune({}, { ...facts, count: 100_000 }).config).toMatchObject({
    ...{ recipe: "paper-large", layerDecay: 1, repeats: 3, steps: 4 * 781 },
  });
  // Few labels: small batches, the recipe's whole length.
  expect(resolveFinetune({}, { ...facts, count: 100 }).config).toMatchObject({ batch: 16, steps: 300 * 6 });
  expect(reasons({}, { count: 100 }).batch).toBe(
    "16: 100 pictures: the largest power of two that makes 4 steps an epoch or more",
  );
});

test("every field of a recipe can be given instead", () => {
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
  const { warmupEpochs: _, ...decided } = given;
  const { config } = resolveFinetune({ ...given, recipe: "deit", evaluateEvery: 0.5 }, facts);
  expect(config).toMatchObject({ ...decided, warmup: 2 * 147, evaluateEvery: 74 });
  expect(resolveFinetune({ recipe: "deit", ema: 0 }, facts).config.ema).toBeNull();
});

test("the colour jitter of the recipe is for training without RandAugment", () => {
  expect(resolveFinetune({ magnitude: 0 }, facts).config.jitter).toBe(0.4);
  expect(reasons({})["colour jitter"]).toBe(
    "0: the recipe's 0.4 is for training without RandAugment, as timm has it",
  );
});

test("a time limit leaves steps and warm-up open", () => {
  const { config } = resolveFinetune({ time: "30m" }, facts);
  expect(config).toMatchObject({ steps: null, seconds: 1800, warmup: null, warmupShare: 0.2 });
  expect(reasons({ time: "30m" })["warm-up"]).toBe("20 % of the steps: recipe: 60 of 300 epochs");
});
