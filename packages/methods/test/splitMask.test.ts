import {
  add,
  affine,
  crossEntropy,
  gatherIntegers,
  gatherTokens,
  mean,
  reshape,
  scope,
  slice,
  type Tensor,
  tensor,
} from "@splitmask/autograd";
import { createDevice, type Device } from "@splitmask/kernels";
import { matchLoss } from "@splitmask/losses";
import { SplitMask, type SplitMaskConfig } from "@splitmask/methods";
import { AdamW, parameterGroups } from "@splitmask/optim";
import { RandomProjectionTokenizer } from "@splitmask/tokenizer";
import { VisionTransformer } from "@splitmask/vit";
import { expectSameBits, makeBatch } from "./tinyRun.js";

const device = createDevice({ threads: 2 });
afterAll(() => device.close());

const training = { training: true, seed: 3, step: 0 };

function makeTask(config: Partial<SplitMaskConfig> = {}, on: Device = device): SplitMask {
  return new SplitMask(on, {
    encoder: { imageSize: 32, patchSize: 8, width: 16, depth: 2, heads: 2 },
    tokenizer: new RandomProjectionTokenizer(on, { vocabularySize: 24, patchSize: 4 }),
    ...config,
  });
}

test("two runs with one seed give the same bits, on one thread and on two", () =>
  expectSameBits((on) => makeTask({}, on)));

test("an untrained model starts near ln V and ln N, and the total is the weighted sum", async () => {
  const task = makeTask({ inpaintWeight: 2, matchWeight: 0.5, temperature: 10 });
  const { total, parts } = task.loss(makeBatch(device), training);
  const [inpaint, match] = [await parts.inpaint!.item(), await parts.match!.item()];
  expect(inpaint).toBeCloseTo(Math.log(24), 1);
  expect(match).toBeCloseTo(Math.log(6), 1);
  expect(await total.item()).toBeCloseTo(2 * inpaint + 0.5 * match, 5);
});

test("a NaN in the tokenizer's view is no word: loss, gradients and figures are NaN", async () => {
  const task = makeTask();
  const batch = makeBatch(device);
  const pixels = Float32Array.from(await batch.views[1]!.data());
  pixels[0] = Number.NaN;
  const damaged = { ...batch, views: [batch.views[0]!, tensor(device, pixels, [6, 3, 16, 16])] };
  const { total, parts } = task.loss(damaged, training);
  total.backward();
  expect(await total.item()).toBeNaN();
  expect(await parts.match!.item()).not.toBeNaN();
  expect((await task.model.decoder.head.weight.grad!.data()).some(Number.isNaN)).toBe(true);
  const branches = task.predictWords(damaged, { ...training, training: false });
  const targets = await Promise.all(branches.map(async (branch) => [...(await branch.targets.data())]));
  expect(targets.flat().filter((word) => word === -1)).toHaveLength(1);
  const figures = task.health(damaged, { ...training, training: false });
  const wrong = targets[0]!.includes(-1);
  expect(Number.isNaN(await figures.targetEntropy!.item())).toBe(wrong);
  expect(await figures.tokenEntropy!.item()).not.toBeNaN();
});

test("learns: the loss of one batch falls, and most hidden words are found", async () => {
  const task = makeTask({
    encoder: { imageSize: 32, patchSize: 8, width: 32, depth: 2, heads: 2, dropPath: 0 },
  });
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
  const [first, second] = task.predictWords(batch, { ...context, training: false });
  const words = Array.from(await task.config.tokenizer.tokenize(batch.views[1]!).data());
  for (const [branch, other] of [
    [first, second],
    [second, first],
  ] as const) {
    expect(branch.visible.shape).toEqual([4, 8]);
    // At one half, a branch's hidden patches are what the other sees.
    expect(Array.from(await branch.hidden.data())).toEqual(Array.from(await other.visible.data()));
    const [hidden, targets, predicted] = [
      await branch.hidden.data(),
      await branch.targets.data(),
      await branch.predicted.data(),
    ];
    expect(Array.from(targets)).toEqual(
      Array.from(hidden, (place, i) => words[Math.floor(i / 8) * 16 + place]),
    );
    const right = Array.from(predicted).filter((word, i) => word === targets[i]).length;
    expect(right).toBeGreaterThan(24);
  }
});

const encoder = { imageSize: 32, patchSize: 8, width: 16, depth: 2, heads: 2 };

describe("every open point of the paper is an option", () => {
  test.each([
    ["class token", { encoder: { ...encoder, classToken: true } }],
    ["LayerScale", { encoder: { ...encoder, layerScale: 0.1 } }],
    ["sine-cosine positions", { encoder: { ...encoder, positions: "sincos" } }],
    [
      "relative position bias without positions",
      {
        encoder: { ...encoder, classToken: true, positions: "none", relativePositionBias: "shared" },
        decoder: { positions: "own" },
      },
    ],
    ["no final norms", { encoder: { ...encoder, finalNorm: false }, decoder: { finalNorm: false } }],
    ["positions added to seen tokens again", { decoder: { addPositionsToVisible: true } }],
    ["separate decoder positions", { decoder: { positions: "own" } }],
    ["another decoder", { decoder: { depth: 1, heads: 4, mlpRatio: 2, layerScale: 0.5, dropPath: 0.1 } }],
    ["projection head", { projection: { hidden: 20, output: 8 } }],
    ["plain products", { normalizeDescriptors: false }],
    ["2N − 2 negatives", { negatives: "both" }],
    ["uniform splits", { split: { mode: "uniform" } }],
    ["two quarters", { split: { mode: "uniform", visible: 0.25 } }],
    ["a quarter and the rest", { split: { mode: "uniform", visible: 0.25, second: "complement" } }],
    ["drop path", { encoder: { ...encoder, dropPath: 0.5 } }],
    ["label smoothing", { smoothing: 0.1 }],
    ["temperature", { temperature: 0.5 }],
  ] as [string, Partial<SplitMaskConfig>][])(
    "%s: changes the loss, and every parameter gets a gradient",
    async (_, config) => {
      const task = makeTask(config);
      const { total } = task.loss(makeBatch(device), training);
      total.backward();
      const loss = await total.item();
      expect(Number.isFinite(loss)).toBe(true);
      expect(loss).not.toBe(await makeTask().loss(makeBatch(device), training).total.item());
      for (const [name, parameter] of task.model.namedParameters()) {
        if (!parameter.requiresGrad) continue; // fixed positions
        expect([name, parameter.grad?.shape]).toEqual([name, parameter.shape]);
        expect((await parameter.grad!.data()).every(Number.isFinite)).toBe(true);
      }
    },
  );

  test("without its weight the match loss is left out, and one picture is enough", async () => {
    const { total, parts } = makeTask({ matchWeight: 0 }).loss(makeBatch(device, 1), training);
    expect(Object.keys(parts)).toEqual(["inpaint"]);
    expect(await total.item()).toBe(await parts.inpaint!.item());
  });

  test("the inpainting average is over patches or over branches", async () => {
    const split = { mode: "uniform", visible: 0.25, second: "complement" } as const;
    const loss = async (config: Partial<SplitMaskConfig>) =>
      makeTask({ split, matchWeight: 0, ...config })
        .loss(makeBatch(device), { ...training, training: false })
        .total.item();
    const [patches, branches] = [await loss({}), await loss({ inpaintAverage: "branches" })];
    // 12 patches are predicted from 4, and 4 from 12: patches = (12·a + 4·b)/16, branches = (a + b)/2.
    const a = (8 * patches - 4 * branches) / 4;
    const b = 2 * branches - a;
    const task = makeTask({ split, matchWeight: 0 });
    const only = (branch: number) =>
      new SplitMask(device, {
        encoder: task.model.encoder,
        tokenizer: task.config.tokenizer,
        split,
        matchWeight: 0,
        splitSampler: (on, request) => [task.config.splitSampler(on, request)[branch]!],
      })
        .loss(makeBatch(device), { ...training, training: false })
        .total.item();
    expect(await only(0)).toBeCloseTo(a, 4);
    expect(await only(1)).toBeCloseTo(b, 4);
  });
});

/** The paper's text, one branch after the other, with all logits and no fused operation; 2 branches of a draw. */
function branchAfterBranch(task: SplitMask, batch: ReturnType<typeof makeBatch>) {
  const { encoder, decoder } = task.model;
  const [images, view] = batch.views as [Tensor, Tensor];
  const pictures = images.shape[0]!;
  const words = task.config.tokenizer.tokenize(view);
  const request = { batch: pictures, split: task.split, seed: training.seed, step: training.step };
  const branches = task.config.splitSampler(device, request).flatMap((group) =>
    Array.from({ length: group.branches }, (_, branch) => {
      const own = (all: Tensor) => slice(all, 0, branch * pictures, (branch + 1) * pictures);
      return { visible: own(group.visible), hidden: own(group.hidden) };
    }),
  );
  const results = branches.map(({ visible, hidden }) => {
    const seen = encoder.encodeTokens(images, visible);
    const all = decoder.forward({ tokens: seen, visible, hidden, positions: encoder.patchPositions() });
    const tokens = slice(all, 1, encoder.prefixTokens);
    const logits = decoder.head.forward(gatherTokens(tokens, hidden));
    const [, places, vocabulary] = logits.shape as [number, number, number];
    const targets = reshape(gatherIntegers(words, hidden), [pictures * places]);
    const losses = crossEntropy(reshape(logits, [pictures * places, vocabulary]), targets, {
      reduction: "sum",
    });
    return { losses, count: pictures * places, descriptor: mean(tokens, { axes: [1] }) };
  });
  const [first, second] = results as [(typeof results)[0], (typeof results)[0]];
  const inpaint = affine(add(first.losses, second.losses), 1 / (first.count + second.count), 0);
  const { negatives, temperature, normalizeDescriptors: normalize } = task.config;
  return {
    inpaint,
    match: matchLoss(first.descriptor, second.descriptor, { negatives, temperature, normalize }),
  };
}

test.each([
  ["default", {}],
  [
    "class token, own decoder positions",
    { encoder: { ...encoder, classToken: true }, decoder: { positions: "own" } },
  ],
  ["two quarters, 2N − 2 negatives", { split: { mode: "uniform", visible: 0.25 }, negatives: "both" }],
  [
    "a quarter and the rest, plain products",
    { split: { mode: "uniform", visible: 0.25, second: "complement" }, normalizeDescriptors: false },
  ],
] as [string, Partial<SplitMaskConfig>][])(
  "both branches in one batch are each by itself (%s)",
  async (_, config) => {
    const task = makeTask(config);
    const batch = makeBatch(device);
    const { parts } = task.loss(batch, { ...training, training: false });
    const expected = branchAfterBranch(task, batch);
    expect(await parts.inpaint!.item()).toBeCloseTo(await expected.inpaint.item(), 5);
    expect(await parts.match!.item()).toBeCloseTo(await expected.match.item(), 5);
  },
);

test("drop path is BEiT's 0.1 by default, and an encoder made before is taken as it is", () => {
  expect(makeTask().model.encoder.config.dropPath).toBe(0.1);
  const made = new VisionTransformer(device, encoder);
  const task = makeTask({ encoder: made });
  expect(task.model.encoder).toBe(made);
  expect(task.model.decoder.config).toMatchObject({
    width: 16,
    heads: 2,
    depth: 2,
    patches: 16,
    outFeatures: 24,
  });
  expect([...task.model.namedParameters().keys()]).toEqual(
    expect.arrayContaining([
      "encoder.patch_embed.proj.weight",
      "encoder.pos_embed",
      "decoder.mask_token",
      "decoder.head.bias",
    ]),
  );
});

test("says what is wrong with config and batch", () => {
  expect(() => makeTask({ inpaintWeight: 0, matchWeight: 0 })).toThrow(
    "SplitMask: inpaintWeight is 0 and matchWeight is 0; expected numbers ≥ 0, one of them positive.",
  );
  expect(() => makeTask({ negatives: "all" as "both" })).toThrow(
    'SplitMask: negatives is "all"; expected "other" or "both".',
  );
  const task = makeTask();
  const { views, labels, indices } = makeBatch(device, 2);
  expect(() => task.loss({ views: [views[0]!], labels, indices }, training)).toThrow(
    "SplitMask: the batch has 1 view(s); expected two: " +
      "views[0] for the encoder (32×32 pixels) and views[1] for the tokenizer, in [−1, 1].",
  );
  expect(() => task.loss({ views: [views[0]!, views[0]!], labels, indices }, training)).toThrow(
    "SplitMask: views[1] is 2×3×32×32 and gives 2×64 words for 2 pictures of 4×4 patches; " +
      "expected a view of 16×16 pixels, so that every patch has one word.",
  );
  expect(() => task.loss({ views: [views[1]!, views[1]!], labels, indices }, training)).toThrow(
    "SplitMask: views[0] is 2×3×16×16; expected B×3×32×32, the encoder's picture size.",
  );
});
