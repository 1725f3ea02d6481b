import { gatherTokens, normal, scope, type Tensor, tensor } from "@splitmask/autograd";
import { largestError, ModelFixture } from "@splitmask/autograd/testing";
import { createDevice, type Device } from "@splitmask/kernels";
import {
  ClassifierModel,
  type CommonSettings,
  descriptorSpread,
  type LookPanel,
  type MaeSettings,
  MaskedAutoencoder,
  type MaskedAutoencoderConfig,
  maeMethod,
  resolveMaskedAutoencoderDecoder,
} from "@splitmask/methods";
import { patchify } from "@splitmask/nn";
import { AdamW, cosineSchedule, parameterGroups } from "@splitmask/optim";
import { VisionTransformer, vit } from "@splitmask/vit";
import { expectGradients } from "./expectGradients.js";
import { fixedSteps, ofStep, pictureBatch } from "./fixedRun.js";

const device = createDevice({ threads: 2 });
afterAll(() => device.close());

const encoder = { imageSize: 32, patchSize: 8, width: 24, depth: 2, heads: 3 };
const training = { training: true, seed: 3, step: 0 };
const looking = { ...training, training: false };

const makeTask = (config: Partial<MaskedAutoencoderConfig> = {}, on: Device = device) =>
  new MaskedAutoencoder(on, { encoder, decoder: { width: 16, depth: 1, heads: 2 }, seed: 5, ...config });

function makeBatch(batch = 6, on: Device = device, seed = 1) {
  const images = normal(on, [batch, 3, 32, 32], { key: { seed, purpose: "images" } });
  return { views: [images], labels: new Int32Array(batch), indices: new Int32Array(batch) };
}

const numbers = async (x: Tensor) => Array.from(await x.data());

/** The task, weights, masks and batches of tools/reference/mae.py. */
async function setUpReference(config: Partial<MaskedAutoencoderConfig> = {}) {
  const fixture = await ModelFixture.read(new URL("fixtures/mae.safetensors", import.meta.url));
  const task = makeTask({
    splitSampler: (on, { step }) => [
      {
        branches: 1,
        visible: ofStep(on, fixture.get("visible"), step),
        hidden: ofStep(on, fixture.get("hidden"), step),
      },
    ],
    ...config,
  });
  const state = await task.model.hostStateDict();
  for (const [name, value] of fixture.under("parameter.")) {
    if (name !== "encoder.cls_token" || task.model.encoder.cls_token !== null) state.set(name, value);
  }
  task.model.loadStateDict(state);
  return { fixture, task, batch: (step: number) => pictureBatch(device, fixture, step) };
}

describe("against PyTorch, written from the paper", () => {
  test("the positions are those of MAE's formula in NumPy", async () => {
    const { fixture, task } = await setUpReference();
    const { decoder_pos_embed, encoder: patches } = task.model;
    expect(await fixture.error(patches.patchPositions(), "positions.encoder")).toBeLessThan(1e-6);
    expect(await fixture.error(decoder_pos_embed, "positions.decoder")).toBeLessThan(1e-6);
    // The class token's are 0.
    const { task: withToken } = await setUpReference({ encoder: { ...encoder, classToken: true } });
    const table = await numbers(withToken.model.encoder.pos_embed!);
    expect(table.slice(0, 24)).toEqual(new Array(24).fill(0));
    expect(table.slice(24)).toEqual(await numbers(patches.patchPositions()));
  });

  test.each([
    ["default", {}],
    ["classToken", { encoder: { ...encoder, classToken: true }, normalizePixels: false }],
  ] as [string, Partial<MaskedAutoencoderConfig>][])(
    "loss, painted pictures and every named gradient, %s",
    async (label, config) => {
      const { fixture, task, batch } = await setUpReference(config);
      const { total, parts } = task.loss(batch(0), training);
      total.backward();
      expect(await fixture.error(total, `${label}.loss`)).toBeLessThan(1e-4);
      expect(await parts.reconstruction!.item()).toBe(await total.item());
      await expectGradients(task.model, fixture, `${label}.gradient.`, 1e-4);
      const painted = await numbers(task.reconstruct(batch(0), looking).pictures);
      const expected = fixture.get(`${label}.painted`).data as Float32Array;
      expect(largestError(painted.slice(0, expected.length), expected)).toBeLessThan(1e-4);
    },
  );

  test("ten steps of AdamW with the paper's betas give the losses to 1e-3", async () => {
    const { fixture, task, batch } = await setUpReference();
    const { betas, weightDecay } = maeMethod.recipe;
    const optimizer = new AdamW(parameterGroups(task.model, { weightDecay }), { betas: betas! });
    const rate = cosineSchedule({
      base: 2e-3,
      minimum: 0,
      warmupSteps: 2,
      totalSteps: fixedSteps,
      start: 1e-3,
    });
    const losses: Tensor[] = [];
    for (let step = 0; step < fixedSteps; step++) {
      losses.push(
        scope(device, () => {
          optimizer.zeroGrad();
          const { total } = task.loss(batch(step), { ...training, step });
          total.backward();
          optimizer.step({ learningRate: rate(step) });
          return total;
        }),
      );
    }
    const expected = fixture.get("losses").data as Float32Array;
    for (const [step, loss] of losses.entries())
      expect([step, Math.abs((await loss.item()) / expected[step]! - 1) <= 1e-3]).toEqual([step, true]);
  });
});

test("two runs with one seed give the same bits, on one thread and on two", async () => {
  const results: number[][][] = [];
  for (const threads of [1, 1, 2]) {
    const own = createDevice({ threads });
    const task = makeTask({ encoder: { ...encoder, dropPath: 0.2 } }, own);
    const optimizer = new AdamW(parameterGroups(task.model, {}), { learningRate: 3e-3 });
    for (let step = 0; step < 3; step++) {
      scope(own, () => {
        optimizer.zeroGrad();
        task.loss(makeBatch(6, own, step), { ...training, step }).total.backward();
        optimizer.step();
      });
    }
    results.push(await Promise.all(task.model.parameters().map(numbers)));
    own.close();
  }
  expect(results[0]!.flat().every(Number.isFinite)).toBe(true);
  expect(results[1]).toEqual(results[0]);
  expect(results[2]).toEqual(results[0]);
});

test("learns: the loss of a few pictures falls, and what is painted comes near to them", async () => {
  const { task, batch } = await setUpReference();
  const optimizer = new AdamW(parameterGroups(task.model, {}), { learningRate: 5e-3 });
  const [images] = batch(0).views as [Tensor];
  const distance = async () => {
    const { pictures } = task.reconstruct(batch(0), { ...looking, step: 0 });
    const [painted, real] = [await numbers(pictures), await numbers(images)];
    return real.reduce((total, value, index) => total + (painted[index]! - value) ** 2, 0);
  };
  const before = await distance();
  const { explainedVariance: first } = task.health(batch(0), { ...looking, step: 0 });
  for (let step = 0; step < 150; step++) {
    scope(device, () => {
      optimizer.zeroGrad();
      task.loss(batch(0), { ...training, step: 0 }).total.backward();
      optimizer.step();
    });
  }
  const { explainedVariance: last } = task.health(batch(0), { ...looking, step: 0 });
  expect(await first!.item()).toBeLessThan(0);
  expect(await last!.item()).toBeGreaterThan(0.4);
  expect(await distance()).toBeLessThan(before / 2);
});

/** [rows, count] of a task's places at a step. */
async function placesOf(task: MaskedAutoencoder, batch: ReturnType<typeof makeBatch>, context = looking) {
  const { visible, hidden } = task.reconstruct(batch, context);
  const rows = async (x: Tensor) => {
    const values = await numbers(x);
    return Array.from({ length: x.shape[0]! }, (_, row) =>
      values.slice(row * x.shape[1]!, (row + 1) * x.shape[1]!),
    );
  };
  return { visible: await rows(visible), hidden: await rows(hidden) };
}

test.each([
  [undefined, 4],
  [0.5, 8],
  [0.1, 1],
])("of 16 patches a share of %s sees %i, drawn anew for each picture and step", async (visible, count) => {
  const task = makeTask(visible === undefined ? {} : { visible });
  const places = await placesOf(task, makeBatch());
  for (const [row, seen] of places.visible.entries()) {
    expect(seen).toHaveLength(count);
    expect([...seen, ...places.hidden[row]!].sort((a, b) => a - b)).toEqual(
      Array.from({ length: 16 }, (_, i) => i),
    );
  }
  expect(new Set(places.visible.map(String)).size).toBeGreaterThan(1);
  expect(await placesOf(task, makeBatch())).toEqual(places);
  expect(await placesOf(task, makeBatch(), { ...looking, step: 1 })).not.toEqual(places);
});

test("hidden pixels reach neither the encoder nor the prediction, and visible ones are left as they are", async () => {
  const task = makeTask({ normalizePixels: false });
  const [first, second] = [makeBatch(2), makeBatch(2, device, 2)];
  const one = task.reconstruct(first, looking);
  // The second batch, but with the patches of the first where they are visible.
  const visible = await placesOf(task, first);
  const mixed = await numbers(second.views[0]!);
  const real = await numbers(first.views[0]!);
  const isVisible = (index: number) => {
    const [picture, y, x] = [Math.floor(index / 3072), Math.floor(index / 32) % 32, index % 32];
    return visible.visible[picture]!.includes(Math.floor(y / 8) * 4 + Math.floor(x / 8));
  };
  for (const index of mixed.keys()) if (isVisible(index)) mixed[index] = real[index]!;
  second.views[0] = tensor(device, Float32Array.from(mixed), [2, 3, 32, 32]);
  const painted = await numbers(one.pictures);
  expect(await numbers(task.reconstruct(second, looking).pictures)).toEqual(painted);
  expect(painted.filter((_, index) => isVisible(index))).toEqual(real.filter((_, index) => isVisible(index)));
  expect(one.pictures.node).toBeNull();
});

test("the decoder is the paper's behind ViT-B and larger, and two thirds of a smaller encoder", () => {
  const shapeOf = (width: number, depth: number) =>
    resolveMaskedAutoencoderDecoder({}, { width, depth, heads: 1 });
  const paper = { width: 512, depth: 8, heads: 16 };
  expect(resolveMaskedAutoencoderDecoder({}, vit("base"))).toEqual(paper);
  expect(shapeOf(1024, 24)).toEqual(paper);
  expect(shapeOf(1280, 32)).toEqual(paper);
  expect(resolveMaskedAutoencoderDecoder({}, vit("small"))).toEqual({ width: 256, depth: 8, heads: 8 });
  expect(resolveMaskedAutoencoderDecoder({}, vit("tiny"))).toEqual({ width: 128, depth: 8, heads: 4 });
  expect(shapeOf(96, 4)).toEqual({ width: 64, depth: 3, heads: 2 });
  expect(shapeOf(24, 1)).toEqual({ width: 32, depth: 1, heads: 1 });
  expect(resolveMaskedAutoencoderDecoder({ width: 16, depth: 1 }, vit("base"))).toEqual({
    width: 16,
    depth: 1,
    heads: 1,
  });
  expect(makeTask({ decoder: {} }).model.decoder.config).toMatchObject({ width: 32, depth: 1, heads: 1 });
});

test("the first weights are MAE's: Xavier-uniform matrices, tokens from N(0, 0.02²)", async () => {
  const task = makeTask({ encoder: { ...encoder, width: 96, classToken: true }, decoder: {} });
  const drawn = new Map(
    await Promise.all(
      [...task.model.namedParameters()].map(
        async ([name, x]) => [name, { x, values: await numbers(x) }] as const,
      ),
    ),
  );
  const deviation = (values: number[]) =>
    Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0) / values.length);
  let matrices = 0;
  for (const [name, { x, values }] of drawn) {
    if (!/(proj|qkv|fc1|fc2|head|decoder_embed)\.weight$/.test(name)) continue;
    const [out = 0] = x.shape;
    const bound = Math.sqrt(6 / (out + x.size / out));
    expect([name, Math.max(...values.map(Math.abs)) <= bound]).toEqual([name, true]);
    expect([name, Math.abs(deviation(values) / (bound / Math.sqrt(3)) - 1) < 0.05]).toEqual([name, true]);
    matrices++;
  }
  expect(matrices).toBe(1 + 2 * 4 + 1 + 4 + 1);
  const tokens = ["encoder.cls_token", "decoder.mask_token"].flatMap((name) => drawn.get(name)!.values);
  expect(deviation(tokens)).toBeGreaterThan(0.014);
  expect(deviation(tokens)).toBeLessThan(0.026);
});

test("what a report shows: the patches that were seen as they are drawn, and the painted picture", async () => {
  const task = makeTask();
  const batch = makeBatch(2);
  const [mean, std] = [[0.4, 0.5, 0.6] as const, [0.2, 0.3, 0.4] as const];
  const settings = { ...({} as MaeSettings & CommonSettings), mean, std, seed: 3 };
  const { panels } = await maeMethod.look!(task, { batch, gallery: [], settings });
  const [sees, painted] = panels as [LookPanel, LookPanel];
  const { explained, pictures, visible } = task.reconstruct(batch, looking);
  // (x·std + mean) is in 0…1, and 2·that − 1 is drawn.
  const draw = (values: readonly number[]) =>
    values.map((value, index) => {
      const channel = Math.floor(index / 32 ** 2) % 3;
      return 2 * (value * std[channel]! + mean[channel]!) - 1;
    });
  const drawn = async (x: Tensor) => patchify(tensor(device, draw(await numbers(x)), [2, 3, 32, 32]), 8);
  const seen = await numbers(gatherTokens(await drawn(batch.views[0]!), visible));
  expect(largestError(await numbers(sees.patches), seen)).toBeLessThan(1e-6);
  expect(await numbers(sees.places!)).toEqual(await numbers(visible));
  expect(largestError(await numbers(painted.patches), await numbers(await drawn(pictures)))).toBeLessThan(
    1e-6,
  );
  const shares = (await numbers(explained)).map((share) => Math.max(0, share));
  expect(await numbers(painted.share!.values)).toEqual(shares);
});

test("the encoder stands by itself: its weights load for use, for fine-tuning and for training on", async () => {
  const { model } = makeTask();
  const state = await model.encoder.hostStateDict();
  expect(state.get("pos_embed")!.shape).toEqual([1, 16, 24]);
  const [images] = makeBatch(2).views as [Tensor];
  const expected = await numbers(model.encoder.encode(images));
  for (const positions of ["sincos", "learned"] as const) {
    const loaded = new VisionTransformer(device, { ...model.encoder.config, positions });
    loaded.loadStateDict(state);
    expect(await numbers(loaded.encode(images))).toEqual(expected);
    expect(loaded.pos_embed?.requiresGrad).toBe(positions === "learned");
  }
  const backbone = new VisionTransformer(device, { ...model.encoder.config, finalNorm: false });
  backbone.loadStateDict(new Map([...state].filter(([name]) => !name.startsWith("norm."))));
  const classifier = new ClassifierModel(device, backbone, { classes: 3 });
  expect(classifier.classify(images).shape).toEqual([2, 3]);
  // A model made before is taken as it is.
  expect(makeTask({ encoder: model.encoder }).model.encoder).toBe(model.encoder);
});

describe("health", () => {
  test("figures of the whole pictures and of what is painted, and no trace in the model", async () => {
    const task = makeTask({ normalizePixels: false });
    const batch = makeBatch();
    const before = await task.model.hostStateDict();
    const figures = task.health(batch, looking);
    expect(Object.keys(figures)).toEqual(["descriptorVariance", "effectiveRank", "explainedVariance"]);
    expect(task.alarms.every(({ figure }) => figure in figures)).toBe(true);
    expect(Object.values(figures).every(({ node }) => node === null)).toBe(true);
    expect(await task.model.hostStateDict()).toEqual(before);

    const { hidden, pictures } = task.reconstruct(batch, looking);
    const [painted, real] = [
      await numbers(gatherTokens(patchify(pictures, 8), hidden)),
      await numbers(gatherTokens(patchify(batch.views[0]!, 8), hidden)),
    ];
    const means = Array.from({ length: 192 }, (_, place) => {
      const column = real.filter((_, index) => index % 192 === place);
      return column.reduce((sum, value) => sum + value, 0) / column.length;
    });
    const squares = (other: (index: number) => number) =>
      real.reduce((sum, value, index) => sum + (value - other(index)) ** 2, 0);
    const explained = 1 - squares((index) => painted[index]!) / squares((index) => means[index % 192]!);
    expect(await figures.explainedVariance!.item()).toBeCloseTo(explained, 4);
    const { effectiveRank, variance } = descriptorSpread(task.model.encoder.encode(batch.views[0]!));
    expect(await figures.effectiveRank!.item()).toBe(await effectiveRank.item());
    expect(await figures.descriptorVariance!.item()).toBe(await variance.item());
  });

  test("a collapse sets off the alarms", async () => {
    const task = makeTask();
    const fill = (parameter: Tensor, value: number) =>
      device.upload(parameter, new Float32Array(parameter.size).fill(value));
    fill(task.model.encoder.norm!.weight, 0);
    fill(task.model.encoder.norm!.bias!, 1);
    fill(task.model.decoder.head.weight, 0);
    const figures = task.health(makeBatch(), looking);
    for (const { figure, below } of task.alarms) {
      const value = await figures[figure]!.item();
      expect([figure, value < below!]).toEqual([figure, true]);
    }
  });
});

test("says what is wrong with config and batch", () => {
  expect(() => makeTask({ visible: 0.6 })).toThrow(
    "MaskedAutoencoder: visible is 0.6; " +
      "expected a number in (0, 0.5], the share of the patches that the encoder sees, e.g. 0.25.",
  );
  expect(() => makeTask({ visible: 0.01 })).toThrow(
    "MaskedAutoencoder: 0.01 of 4×4 patches is less than one. " +
      "Use larger pictures, smaller patches or a larger visible share.",
  );
  expect(() => makeTask({ decoder: { width: 18, heads: 2 } })).toThrow(
    "MaskedAutoencoder: the decoder is 18 wide with 2 heads; " +
      "expected a multiple of 4, for its sine-cosine positions, and of the heads.",
  );
  const task = makeTask();
  expect(() => task.loss({ ...makeBatch(2), views: [] }, training)).toThrow(
    "MaskedAutoencoder: views[0] is missing; expected B×3×32×32, the encoder's picture size.",
  );
  const large = normal(device, [2, 3, 64, 64], { key: { seed: 1, purpose: "large" } });
  expect(() => task.loss({ ...makeBatch(2), views: [large] }, training)).toThrow(
    "MaskedAutoencoder: views[0] is 2×3×64×64; expected B×3×32×32, the encoder's picture size.",
  );
});
