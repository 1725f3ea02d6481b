import { gatherTokens, normal, type Tensor } from "@splitmask/autograd";
import { createDevice } from "@splitmask/kernels";
import {
  type CommonSettings,
  type LookPanel,
  MaskedAutoencoder,
  maeMethod,
  type SplitMaskSettings,
  splitMaskMethod,
} from "@splitmask/methods";
import { patchify } from "@splitmask/nn";
import { setUpFixedRun } from "./fixedRun.js";

const device = createDevice({ threads: 2 });
afterAll(() => device.close());

const common = {
  ...{ width: 24, depth: 1, heads: 3, imageSize: 32, patch: 8, layerScale: null, dropPath: 0 },
  precision: "float32",
  ...{ cropScale: 0.2, flip: 0.5, batch: 6, seed: 3, mean: [0.5, 0.25, 0.75], std: [0.2, 0.3, 0.1] },
} as const;
const read = async (x: Tensor) => Array.from(await x.data(), Number);
const shapes = (panels: readonly LookPanel[]) =>
  panels.map(({ caption, patches, places }) => [caption, patches.shape, places?.shape ?? null]);

test("SplitMask shows words, each half, its prediction of the other, and the share of exact words", async () => {
  const { task, batch } = await setUpFixedRun(device);
  const given = batch(0);
  const settings: SplitMaskSettings & CommonSettings = {
    ...common,
    tokenizer: "k-means",
    vocabulary: task.config.tokenizer.vocabularySize,
    tokenizerPatch: 8,
    tokenizerPatches: 1,
    mask: "block",
    negatives: "other",
    ...{ decoderDepth: 2, temperature: 0.2, inpaintWeight: 1, matchWeight: 1 },
  };
  const looks = splitMaskMethod.look!(task, { batch: given, gallery: [given], settings });
  const [inWords, seen, predicted, ...second] = looks.panels as [
    LookPanel,
    LookPanel,
    LookPanel,
    ...LookPanel[],
  ];
  expect(shapes(looks.panels)).toEqual([
    ["in words", [8, 16, 192], null],
    ["A sees", [8, 8, 192], [8, 8]],
    ["A predicts", [8, 16, 192], [8, 16]],
    ["B sees", [8, 8, 192], [8, 8]],
    ["B predicts", [8, 16, 192], [8, 16]],
  ]);
  expect(looks.words).toEqual({ tokenizer: task.config.tokenizer, pictures: [given.views[1]] });

  const [a, b] = task.predictWords(given, { training: false, seed: settings.seed, step: 0 });
  const pixels = patchify(given.views[1]!, 8);
  expect(await read(seen.patches)).toEqual(await read(gatherTokens(pixels, a.visible)));
  expect(await read(second[0]!.places!)).toEqual(await read(b.visible));
  // Where the predicted word is the patch's own, both are drawn with the same example.
  const [places, drawn, target] = await Promise.all(
    [predicted.places!, predicted.patches, inWords.patches].map(read),
  );
  const [guessed, wanted] = await Promise.all([a.predicted, a.targets].map(read));
  const shares = Array.from({ length: 8 }, (_, picture) => {
    const exact = Array.from({ length: 8 }, (_, place) => picture * 8 + place).filter(
      (hidden) => guessed![hidden] === wanted![hidden],
    );
    for (const hidden of exact) {
      const row = picture * 16 + 8 + (hidden - picture * 8);
      const place = picture * 16 + places![row]!;
      expect(drawn!.slice(row * 192, (row + 1) * 192)).toEqual(target!.slice(place * 192, (place + 1) * 192));
    }
    return exact.length / 8;
  });
  expect(Math.max(...shares)).toBeGreaterThan(0);
  expect(await read(predicted.share!.values)).toEqual(shares);
});

test("MAE shows what is seen and what is painted, in the scale that is drawn", async () => {
  const { look } = maeMethod;
  const encoder = { imageSize: 32, patchSize: 8, width: 24, depth: 1, heads: 3 };
  const task = new MaskedAutoencoder(device, {
    encoder,
    decoder: { width: 12, depth: 1, heads: 1 },
    seed: 5,
  });
  const images = normal(device, [2, 3, 32, 32], { key: { seed: 1, purpose: "images" } });
  const batch = { views: [images], labels: new Int32Array(2), indices: new Int32Array(2) };
  const settings = { ...common, visible: 0.25, normalizePixels: true, decoderWidth: 12, decoderDepth: 1 };
  const { panels, words } = look!(task, { batch, gallery: [], settings });
  expect(words).toBeNull();
  expect(shapes(panels)).toEqual([
    ["the encoder sees", [2, 4, 192], [2, 4]],
    ["painted", [2, 16, 192], null],
  ]);
  const [seen, painted] = panels as [LookPanel, LookPanel];
  const [places, drawn] = await Promise.all([seen.places!, seen.patches].map(read));
  const [given, all] = await Promise.all([patchify(images, 8), painted.patches].map(read));
  for (const row of places!.keys()) {
    const place = Math.floor(row / 4) * 16 + places![row]!;
    for (const pixel of [0, 63, 64, 130, 191]) {
      const channel = Math.floor(pixel / 64);
      const value = given![place * 192 + pixel]! * common.std[channel]! + common.mean[channel]!;
      expect(drawn![row * 192 + pixel]).toBeCloseTo(2 * value - 1, 5);
      expect(all![place * 192 + pixel]).toBeCloseTo(2 * value - 1, 5);
    }
  }
});
