import { scope, slice, type Tensor, tensor, zeros } from "@splitmask/autograd";
import { largestError } from "@splitmask/autograd/testing";
import { createDevice, type Device } from "@splitmask/kernels";
import {
  Beit,
  type BeitConfig,
  type BeitMaskOptions,
  beitMethod,
  ClassifierModel,
  resolveBeitMaskOptions,
  sampleBlockMasks,
} from "@splitmask/methods";
import { AdamW, parameterGroups } from "@splitmask/optim";
import { RandomProjectionTokenizer, tokenStatistics } from "@splitmask/tokenizer";
import { VisionTransformer, type VisionTransformerConfig } from "@splitmask/vit";
import { expectGradients } from "./expectGradients.js";
import {
  batchesOf,
  compareSteps,
  compareWords,
  type FixedRun,
  fixedSteps,
  ofStep,
  readFixture,
  tokenizerOf,
} from "./fixedRun.js";
import { expectSameBits, makeBatch } from "./tinyRun.js";

const device = createDevice({ threads: 2 });
afterAll(() => device.close());

const training = { training: true, seed: 3, step: 0 };
const encoder: VisionTransformerConfig = { imageSize: 32, patchSize: 8, width: 16, depth: 2, heads: 2 };
/** What BEiT's code has and its paper does not say. */
const asCode = {
  classToken: true,
  layerScale: 0.1,
  positions: "none",
  relativePositionBias: "shared",
} as const;

function makeTask(config: Partial<BeitConfig> = {}, on: Device = device): Beit {
  return new Beit(on, {
    encoder,
    tokenizer: new RandomProjectionTokenizer(on, { vocabularySize: 24, patchSize: 4 }),
    ...config,
  });
}

async function rows(x: Tensor): Promise<number[][]> {
  const values = Array.from(await x.data());
  const columns = x.shape[1]!;
  return Array.from({ length: x.shape[0]! }, (_, row) => values.slice(row * columns, (row + 1) * columns));
}

describe.each([
  ["plain", { positions: "learned" }],
  ["code", asCode],
] as const)("tools/reference/beit.py, %s", (name, options) => {
  async function setUp(): Promise<FixedRun<"inpaint"> & { readonly task: Beit }> {
    const fixture = await readFixture(`beit-${name}`);
    const task = new Beit(device, {
      encoder: { imageSize: 32, patchSize: 8, width: 24, depth: 2, heads: 3, dropPath: 0, ...options },
      tokenizer: tokenizerOf(device, fixture),
      maskSampler: (_device, { step }) => ({
        visible: ofStep(device, fixture.get("visible"), step % fixedSteps),
        hidden: ofStep(device, fixture.get("hidden"), step % fixedSteps),
      }),
    });
    task.model.loadStateDict(fixture.under("parameter."));
    return { task, fixture, parts: ["inpaint"], batch: batchesOf(device, fixture) };
  }

  test("the first loss is PyTorch's to 1e-5, and every gradient to 1e-4, also with recomputed blocks", async () => {
    const run = await setUp();
    await compareWords(run);
    const { total } = run.task.loss(run.batch(0), training);
    expect(largestError([await total.item()], [Number(run.fixture.get("total").data[0])])).toBeLessThan(1e-5);
    for (const recompute of [false, true]) {
      run.task.model.zeroGrad();
      run.task.loss(run.batch(0), { ...training, recompute }).total.backward();
      await expectGradients(run.task.model, run.fixture, "gradient.", 1e-4);
    }
  });

  test("ten steps of AdamW with clipping and a cosine schedule give PyTorch's losses to 1e-3", async () => {
    const found = await compareSteps(device, await setUp(), 1e-3);
    expect(found).toEqual({ ...found, within: true });
  });
});

describe("block-wise masks", () => {
  const draw = async (
    grid: readonly [number, number],
    options: BeitMaskOptions,
    batch: number,
    step = 0,
    first = 0,
  ) => {
    const mask = resolveBeitMaskOptions(options, grid);
    const sets = sampleBlockMasks(device, { batch, mask, seed: 5, step, firstSample: first });
    return { mask, visible: await rows(sets.visible), hidden: await rows(sets.hidden) };
  };

  test.each([
    ["75 of 196", [14, 14], {}, 75],
    ["24 of 64", [8, 8], {}, 24],
    ["of a grid that is no square", [4, 6], {}, 9],
    ["of an odd number", [3, 3], {}, 3],
    ["half", [4, 4], { ratio: 0.5 }, 8],
    ["one", [2, 2], { ratio: 0.2 }, 1],
  ] as [string, [number, number], BeitMaskOptions, number][])(
    "%s: every picture has exactly as many, and the others are seen",
    async (_, grid, options, count) => {
      const { mask, visible, hidden } = await draw(grid, options, 20);
      expect(mask.hiddenCount).toBe(count);
      const all = Array.from({ length: grid[0] * grid[1] }, (_, place) => place);
      for (const [picture, masked] of hidden.entries()) {
        expect(masked.length).toBe(count);
        for (const row of [masked, visible[picture]!]) expect(row).toEqual([...row].sort((a, b) => a - b));
        expect([...masked, ...visible[picture]!].sort((a, b) => a - b)).toEqual(all);
      }
    },
  );

  test("are drawn from seed, step and place in the batch alone", async () => {
    const whole = await draw([8, 8], {}, 6);
    expect(await draw([8, 8], {}, 6)).toEqual(whole);
    expect((await draw([8, 8], {}, 2, 0, 3)).hidden).toEqual(whole.hidden.slice(3, 5));
    expect((await draw([8, 8], {}, 6, 1)).hidden).not.toEqual(whole.hidden);
    expect(whole.hidden[0]).not.toEqual(whole.hidden[1]);
  });

  test("hold together, in blocks of the sizes asked for", async () => {
    const share = async (options: BeitMaskOptions) => {
      const { hidden } = await draw([14, 14], options, 100);
      const together = hidden.map(
        (row) => row.filter((place) => place % 14 < 13 && row.includes(place + 1)).length,
      );
      return together.reduce((a, b) => a + b) / (100 * 75);
    };
    const blocks = await share({});
    // Of single patches (75·74)/(196·195)·(182/75) = 0.353 would have their right neighbor masked too.
    const single = await share({ minimumBlock: 1, maximumBlock: 1 });
    expect(blocks).toBeGreaterThan(0.75);
    expect(Math.abs(single - 0.353)).toBeLessThan(0.06);
  });

  test.each([
    [
      { ratio: 0.6 },
      "Beit: mask.ratio is 0.6; expected a number in (0, 0.5], the share of the patches that is masked.",
    ],
    [{ ratio: 0.05 }, "Beit: 0.05 of 9 patches would be masked, which is less than one."],
    [
      { minimumBlock: 5, maximumBlock: 4 },
      "Beit: mask: blocks of 5 to 4 patches were asked for; expected whole numbers",
    ],
    [{ minimumAspect: 0 }, "Beit: mask.minimumAspect is 0; expected a number in (0, 1]."],
  ] as [BeitMaskOptions, string][])("say which option to change: %o", (options, text) => {
    expect(() => resolveBeitMaskOptions(options, [3, 3])).toThrow(text);
  });
});

test("two runs with one seed give the same bits, on one thread and on two", () =>
  expectSameBits((on) => makeTask({ encoder: { ...encoder, ...asCode } }, on)));

test("an untrained model starts near ln V, with BEiT's first weights and drop path", async () => {
  const task = makeTask();
  const { total, parts } = task.loss(makeBatch(device), training);
  expect(await total.item()).toBeCloseTo(Math.log(24), 1);
  expect(await parts.inpaint!.item()).toBe(await total.item());
  expect(task.model.encoder.config.dropPath).toBe(beitMethod.recipe.dropPath);
  for (const name of ["encoder.patch_embed.proj.weight", "mask_token", "lm_head.weight"]) {
    const values = Array.from(await task.model.namedParameters().get(name)!.data());
    const largest = Math.max(...values.map(Math.abs));
    expect(largest).toBeLessThanOrEqual(0.02 * (1 + 1e-6));
    expect(largest).toBeGreaterThan(0.01);
  }
  const made = new VisionTransformer(device, encoder);
  expect(makeTask({ encoder: made }).model.encoder).toBe(made);
});

test.each([
  ["the paper's", { classToken: true }],
  ["the code's", asCode],
] as const)(
  "learns: the loss of one batch falls, and most hidden words are found, with %s encoder",
  async (_, options) => {
    const task = makeTask({ encoder: { ...encoder, width: 32, dropPath: 0, ...options } });
    const optimizer = new AdamW(parameterGroups(task.model, {}), { learningRate: 5e-3 });
    const batch = makeBatch(device, 4);
    const context = { training: true, seed: 1, step: 0 };
    const losses: Tensor[] = [];
    for (let step = 0; step < 60; step++) {
      losses.push(
        scope(device, () => {
          optimizer.zeroGrad();
          const { total } = task.loss(batch, context);
          total.backward();
          optimizer.step();
          return total;
        }),
      );
    }
    expect(await losses.at(-1)!.item()).toBeLessThan(0.5 * (await losses[0]!.item()));
    const { visible, hidden, predicted, targets } = task.predictWords(batch, { ...context, training: false });
    expect([visible.shape, hidden.shape]).toEqual([
      [4, 10],
      [4, 6],
    ]);
    const words = await rows(task.config.tokenizer.tokenize(batch.views[1]!));
    const places = await rows(hidden);
    const expected = places.map((row, picture) => row.map((place) => words[picture]![place]));
    expect(await rows(targets)).toEqual(expected);
    const right = (await rows(predicted)).flat().filter((word, i) => word === expected.flat()[i]).length;
    expect(right).toBeGreaterThan(18);
  },
);

test("what is hidden has no influence but by its word", async () => {
  const task = makeTask();
  const batch = makeBatch(device, 1);
  const { hidden, predicted } = task.predictWords(batch, { ...training, training: false });
  const place = (await hidden.data())[0]!;
  const values = Float32Array.from(await batch.views[0]!.data());
  values[Math.floor(place / 4) * 8 * 32 + (place % 4) * 8] = 100;
  const views = [tensor(device, values, [1, 3, 32, 32]), batch.views[1]!];
  const changed = task.predictWords({ ...batch, views }, { ...training, training: false });
  expect(await changed.predicted.data()).toEqual(await predicted.data());
  const loss = (given: typeof batch) => task.loss(given, training).total.item();
  expect(await loss({ ...batch, views })).toBe(await loss(batch));
});

test("health: entropies of what predictWords gives, spread of the mean outputs, no trace in the model", async () => {
  const task = makeTask({ encoder: { ...encoder, classToken: true } });
  const batch = makeBatch(device);
  const context = { training: false, seed: 3, step: 7 };
  const before = await task.model.hostStateDict();
  const figures = task.health(batch, context);
  const { predicted, targets } = task.predictWords(batch, context);
  const entropy = async (words: Tensor) => (await tokenStatistics(words, 24)).entropyBits;
  expect(await figures.tokenEntropy!.item()).toBeCloseTo(await entropy(predicted), 5);
  expect(await figures.targetEntropy!.item()).toBeCloseTo(await entropy(targets), 5);
  expect(await figures.effectiveRank!.item()).toBeGreaterThanOrEqual(1);
  const variance = await figures.descriptorVariance!.item();
  expect(variance > 0 && variance < 1).toBe(true);
  expect(await task.model.hostStateDict()).toEqual(before);
  expect(Object.values(figures).every(({ node }) => node === null)).toBe(true);
  expect(task.alarms.map(({ figure }) => figure)).toEqual([
    "descriptorVariance",
    "effectiveRank",
    "tokenEntropyShare",
  ]);
  // A head that always says the same word.
  const weight = zeros(device, [24, 16]);
  task.model.loadStateDict(new Map(task.model.stateDict()).set("lm_head.weight", weight));
  const { below } = task.alarms[2]!;
  expect(await task.health(batch, context).tokenEntropyShare!.item()).toBeLessThan(below!);
});

test("the encoder goes on as it was exported: alone, and below a classifier that is fine-tuned", async () => {
  const task = makeTask({ encoder: { ...encoder, ...asCode } });
  const images = slice(makeBatch(device).views[0]!, 0, 0, 2);
  const table = "rel_pos_bias.relative_position_bias_table";
  const drawn = makeBatch(device).views[1]!;
  const values = (await drawn.data()).slice(0, 52 * 2) as Float32Array<ArrayBuffer>;
  const exported = task.model.encoder;
  exported.loadStateDict(new Map(exported.stateDict()).set(table, tensor(device, values, [52, 2])));
  // As a file beside a run holds it.
  const config = JSON.parse(JSON.stringify(exported.config)) as VisionTransformerConfig;
  const read = new VisionTransformer(device, config);
  read.loadStateDict(await exported.hostStateDict());
  const expected = await exported.encode(images).data();
  expect(await read.encode(images).data()).toEqual(expected);

  const below = new VisionTransformer(device, { ...config, finalNorm: false });
  const { unexpected } = below.loadStateDict(await exported.hostStateDict(), { strict: false });
  expect(unexpected).toEqual(["norm.weight", "norm.bias"]);
  const classifier = new ClassifierModel(device, below, { classes: 3 });
  expect(classifier.namedParameters().has(`encoder.${table}`)).toBe(true);
  expect((await classifier.classify(images).data()).every(Number.isFinite)).toBe(true);
});

test("says what is wrong with a batch", () => {
  const task = makeTask();
  const { views, labels, indices } = makeBatch(device, 2);
  expect(() => task.loss({ views: [views[0]!], labels, indices }, training)).toThrow(
    "Beit: the batch has 1 view(s); expected two: " +
      "views[0] for the encoder (32×32 pixels) and views[1] for the tokenizer, in [−1, 1].",
  );
  expect(() => task.loss({ views: [views[0]!, views[0]!], labels, indices }, training)).toThrow(
    "Beit: views[1] is 2×3×32×32 and gives 2×64 words for 2 pictures of 4×4 patches; " +
      "expected a view of 16×16 pixels, so that every patch has one word.",
  );
});
