import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { View } from "@splitmask/augmentation";
import { normal, type Tensor } from "@splitmask/autograd";
import { createDevice } from "@splitmask/kernels";
import {
  type CommonSettings,
  type TokenizerSettings,
  tokenizerPreparation,
  tokenizerView,
} from "@splitmask/methods";

const device = createDevice({ threads: 1 });
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "splitmask-preparation-"));
});
afterAll(async () => {
  device.close();
  await rm(folder, { recursive: true, force: true });
});

const settings: CommonSettings & TokenizerSettings = {
  ...{ width: 16, depth: 1, heads: 1, imageSize: 64, patch: 16, layerScale: null, dropPath: 0 },
  ...{ cropScale: 0.2, flip: 0.5 },
  ...{ batch: 4, precision: "float32", seed: 5, mean: [0, 0, 0], std: [1, 1, 1] },
  ...{ tokenizer: "random-patches", vocabulary: 8, tokenizerPatch: 8, tokenizerPatches: 40 },
};

test("the tokenizer's view has one patch for each of the encoder's", () => {
  expect(tokenizerView(settings)).toEqual({ size: 32, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] });
  expect(tokenizerView({ imageSize: 20, patch: 4, tokenizerPatch: 4 }).size).toBe(20);
});

test("is fitted to training crops in its view, tells how words are used, and comes back from its file", async () => {
  const asked: [View, number][] = [];
  const told: string[] = [];
  async function* crops(view: View, pictures: number): AsyncGenerator<Tensor> {
    asked.push([view, pictures]);
    for (let seed = 0; seed * 4 < Math.min(pictures, 64); seed++)
      yield normal(device, [4, 3, view.size, view.size], { key: { seed, purpose: "crops" } });
  }
  const tokenizer = await tokenizerPreparation.make({
    ...{ device, settings, pictureCount: 20, crops },
    progress: () => undefined,
    tell: (text) => {
      told.push(text);
    },
  });
  expect([tokenizer.name, tokenizer.codebook!.shape, tokenizer.patchSize]).toEqual([
    "random-patches",
    [8, 192],
    8,
  ]);
  const view = tokenizerView(settings);
  // One patch of each of 40 crops; then 16 patches of each of 4096.
  expect(asked).toEqual([
    [view, 40],
    [view, 4096],
  ]);
  expect(told).toEqual([
    expect.stringMatching(
      new RegExp(
        /^8 words, entropy \d\.\d\d of 3\.00 bits \(as many as \d words used evenly\), /.source +
          /\d words without any of 1024 patches$/.source,
      ),
    ),
  ]);

  const path = join(folder, tokenizerPreparation.file);
  await tokenizerPreparation.save(tokenizer, path);
  const read = await tokenizerPreparation.load(device, path, settings);
  expect(await read.codebook!.data()).toEqual(await tokenizer.codebook!.data());
  const standIn = await tokenizerPreparation.standIn(device, settings);
  expect([standIn.codebook!.shape, standIn.patchSize]).toEqual([[8, 192], 8]);
});
