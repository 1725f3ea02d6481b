import { normal, type Tensor, tensor } from "@splitmask/autograd";
import { createDevice } from "@splitmask/kernels";
import {
  CodebookTokenizer,
  countWords,
  exampleDictionary,
  type FittedTokenizerName,
  patchesPerPicture,
  RandomPatchesTokenizer,
  RandomProjectionTokenizer,
  samplePatches,
  tokenizerKinds,
} from "@splitmask/tokenizer";

const device = createDevice({ threads: 1 });
afterAll(() => device.close());

const batch = (number: number) =>
  normal(device, [4, 3, 6, 6], { key: { seed: number, purpose: "fitTokenizer" } });
const read = { batches: 0 };
async function* crops(): AsyncGenerator<Tensor> {
  for (; read.batches < 8; ) yield batch(read.batches++);
}

const sizes = { vocabularySize: 6, patchSize: 2, patches: 50, perPicture: 5, seed: 3 };

function fit(kind: FittedTokenizerName, told: [string, number][] = []) {
  read.batches = 0;
  return tokenizerKinds[kind].fit(device, {
    ...sizes,
    crops: crops(),
    onProgress: (doing, share) => told.push([doing, share]),
  });
}

test.each(["random-projection", "random-patches", "k-means"] as const satisfies FittedTokenizerName[])(
  "%s: of the kind and the sizes that were asked for",
  async (kind) => {
    const { name, codebook, patchSize } = await fit(kind);
    expect([name, codebook!.shape, patchSize]).toEqual([kind, [6, 12], 2]);
  },
);

test("reads as many crops as give the patches, and none for a random projection", async () => {
  const told: [string, number][] = [];
  const tokenizer = await fit("random-patches", told);
  // Five patches of each of four pictures a batch.
  expect(read.batches).toBe(3);
  expect(told).toEqual([
    ["collecting patches", 0.4],
    ["collecting patches", 0.8],
  ]);
  const patches = await samplePatches([0, 1, 2].map(batch), {
    ...{ patchSize: 2, count: 50, perPicture: 5, seed: 3 },
  });
  const same = RandomPatchesTokenizer.fit(patches, { vocabularySize: 6, seed: 3 });
  expect(await tokenizer.codebook!.data()).toEqual(await same.codebook.data());
  await fit("random-projection");
  expect(read.batches).toBe(0);
});

test("tells how far k-means is", async () => {
  const told: [string, number][] = [];
  await fit("k-means", told);
  expect([...new Set(told.map(([doing]) => doing))]).toEqual([
    "collecting patches",
    "choosing first centroids",
    "moving centroids",
  ]);
  for (const [, share] of told) expect(share > 0 && share <= 1).toBe(true);
});

test("few pictures give more patches each, at most all", () => {
  expect(patchesPerPicture(196, 50_000, 40_000)).toBe(1);
  expect(patchesPerPicture(196, 50_000, 100_001)).toBe(3);
  // As if there were 1024: several crops of each.
  expect(patchesPerPicture(196, 10, 10_240)).toBe(10);
  expect(patchesPerPicture(4, 10, 10_240)).toBe(4);
});

test("counts words over batches", async () => {
  const tokenizer = new RandomProjectionTokenizer(device, { vocabularySize: 2, patchSize: 1 });
  const [first, second] = [tokenizer.codebook, tokenizer.codebook].map((rows) => rows.data());
  const [a, b] = [Array.from((await first!).slice(0, 3)), Array.from((await second!).slice(3))];
  // A picture of one pixel each, that is a word.
  async function* pixels(): AsyncGenerator<Tensor> {
    yield tensor(device, [a, a].flat().map(Number), [2, 3, 1, 1]);
    yield tensor(device, [b, a].flat().map(Number), [2, 3, 1, 1]);
  }
  const counted = await countWords(tokenizer, pixels());
  expect(counted).toMatchObject({ patches: 4, deadWords: 0, usedWords: 2 });
  expect(counted.entropyBits).toBeCloseTo(-0.75 * Math.log2(0.75) + 0.25 * 2, 5);
});

test("a word's example is the patch nearest to the mean of its patches, else the one that it fits best", async () => {
  const words = new CodebookTokenizer(device, {
    ...{ name: "axes", patchSize: 1, transform: { pixelRange: "symmetric", center: "none", mean: null } },
    codebook: tensor(device, [1, 0, 0, 0, 1, 0], [2, 3]),
  });
  // All carry the first word: their mean is (0.65, 0.175, 0).
  const patches = [
    [0.4, 0, 0],
    [0.5, 0, 0],
    [0.8, 0.7, 0],
    [0.9, 0, 0],
  ];
  const pictures = [patches.slice(0, 3), patches.slice(3)].map((rows) =>
    tensor(device, rows.flat(), [rows.length, 3, 1, 1]),
  );
  const examples = await exampleDictionary(words, pictures).data();
  expect(examples).toEqual(Float32Array.from([...patches[1]!, ...patches[2]!]));
});
