import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { normal, scope, type Tensor, tensor } from "@splitmask/autograd";
import { ModelFixture } from "@splitmask/autograd/testing";
import { createDevice } from "@splitmask/kernels";
import {
  CodebookTokenizer,
  loadTokenizer,
  RandomProjectionTokenizer,
  tokenEntropy,
  tokenStatistics,
} from "@splitmask/tokenizer";

const device = createDevice({ threads: 1 });
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "splitmask-tokenizer-"));
});
afterAll(async () => {
  device.close();
  await rm(folder, { recursive: true });
});

async function fixtureTokenizers() {
  const fixture = await ModelFixture.read(new URL("fixtures/tokenizer.safetensors", import.meta.url));
  const make = (pixelRange: "symmetric" | "unit", center: "none" | "patch" | "mean") =>
    new CodebookTokenizer(device, {
      name: "fixture",
      patchSize: 4,
      codebook: fixture.upload(device, "input.codebook"),
      transform: {
        pixelRange,
        center,
        mean: center === "mean" ? fixture.upload(device, "input.mean") : null,
      },
    });
  const tokenizers = {
    none: make("symmetric", "none"),
    unitRange: make("unit", "none"),
    patch: make("symmetric", "patch"),
    mean: make("symmetric", "mean"),
  };
  return { fixture, tokenizers };
}

test.each(["none", "unitRange", "patch", "mean"] as const)("gives PyTorch's words (%s)", async (label) => {
  const { fixture, tokenizers } = await fixtureTokenizers();
  const words = tokenizers[label].tokenize(fixture.upload(device, "input.images"));
  expect(words.shape).toEqual([3, 24]);
  expect(await words.data()).toEqual(fixture.get(`output.words.${label}`).data);
});

test("in bfloat16, the words are those of rounded patches among rounded words", async () => {
  const given = new RandomProjectionTokenizer(device, { vocabularySize: 600, patchSize: 4 });
  const images = normal(device, [2, 3, 32, 32], { key: { seed: 1, purpose: "images" } });
  /** The nearest bfloat16: the upper half of a float32's bits, ties to even. */
  const rounded = async (x: Tensor): Promise<Tensor> => {
    const values = Float32Array.from(await x.data());
    const bits = new Uint32Array(values.buffer);
    for (const [i, own] of bits.entries()) bits[i] = (own + 0x7fff + ((own >> 16) & 1)) & 0xffff0000;
    return tensor(device, values, [...x.shape]);
  };
  const { name, patchSize, transform } = given;
  const codebook = await rounded(given.codebook);
  const roundedWords = new CodebookTokenizer(device, { name, patchSize, codebook, transform });
  const words = await given.tokenize(images, { precision: "bfloat16" }).data();
  expect(words).toEqual(await roundedWords.tokenize(await rounded(images)).data());
  const exact = await given.tokenize(images).data();
  const others = words.filter((word, i) => word !== exact[i]).length;
  expect(others).toBeGreaterThan(0);
  expect(others).toBeLessThan(words.length / 10);
});

test("a patch with a pixel that is NaN or infinite has no word, and no other patch loses its own", async () => {
  const { fixture, tokenizers } = await fixtureTokenizers();
  const host = fixture.get("input.images");
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    const values = Float32Array.from(host.data as Float32Array);
    values[values.length - 1] = value;
    const images = tensor(device, values, [...host.shape]);
    for (const [label, tokenizer] of Object.entries(tokenizers)) {
      const words = tokenizer.tokenize(images);
      const expected = Int32Array.from(fixture.get(`output.words.${label}`).data as Int32Array);
      expected[expected.length - 1] = -1;
      expect(await words.data()).toEqual(expected);
      await expect(tokenStatistics(words, 50)).rejects.toThrow("tokenStatistics: −1 is among the tokens");
      expect(await tokenEntropy(words, 50).item()).toBeNaN();
    }
  }
});

test("holds its codebook by a handle of its own", async () => {
  const { fixture } = await fixtureTokenizers();
  const host = fixture.get("input.codebook");
  const images = fixture.upload(device, "input.images");
  const transform = { pixelRange: "symmetric", center: "none", mean: null } as const;
  const make = (codebook: Tensor) =>
    new CodebookTokenizer(device, { name: "given", patchSize: 4, codebook, transform });
  const given = tensor(device, host, undefined, { dtype: "float32" });
  const outside = scope(device, () => make(given).tokenize(images));
  expect((await given.data()).length).toBe(given.size);
  // The tokenizer outlives the scope in which its codebook was made; the codebook's own handle does not.
  const made = scope(device, () => {
    const inner = tensor(device, host, undefined, { dtype: "float32" });
    return [make(inner), () => inner] as const;
  });
  expect(await made[0].tokenize(images).data()).toEqual(await outside.data());
  expect(() => made[1]().buffer).toThrow("was released when its scope ended");
});

test("gives the same words after save and load", async () => {
  const { fixture, tokenizers } = await fixtureTokenizers();
  const images = fixture.upload(device, "input.images");
  for (const [label, tokenizer] of Object.entries(tokenizers)) {
    const path = join(folder, `${label}.safetensors`);
    await tokenizer.save(path);
    const loaded = await CodebookTokenizer.load(device, path);
    expect([loaded.name, loaded.patchSize, loaded.vocabularySize]).toEqual(["fixture", 4, 50]);
    expect(await loaded.tokenize(images).data()).toEqual(await tokenizer.tokenize(images).data());
  }
});

test("counts words, their entropy and the dead ones as PyTorch does", async () => {
  const { fixture, tokenizers } = await fixtureTokenizers();
  const words = tokenizers.none.tokenize(fixture.upload(device, "input.images"));
  const [entropy, perplexity, dead, used] = fixture.get("output.statistics").data as Float32Array;
  const statistics = await tokenStatistics(words, 50);
  expect(statistics.entropyBits).toBeCloseTo(entropy!, 4);
  expect(statistics.perplexity).toBeCloseTo(perplexity!, 2);
  expect([statistics.deadWords, statistics.usedWords]).toEqual([dead, used]);
});

test("entropy is log₂ of the words for equal use and 0 for one word", async () => {
  const even = tensor(
    device,
    Int32Array.from({ length: 64 }, (_, i) => i % 16),
  );
  expect(await tokenStatistics(even, 20)).toEqual({
    entropyBits: expect.closeTo(4, 5),
    perplexity: expect.closeTo(16, 3),
    deadWords: 4,
    usedWords: 16,
  });
  expect(await tokenStatistics(tensor(device, new Int32Array(9)), 3)).toEqual({
    entropyBits: 0,
    perplexity: 1,
    deadWords: 2,
    usedWords: 1,
  });
});

describe("random projection", () => {
  test("has 8192 words of 8×8 patches at unit length by default, drawn by the seed", async () => {
    const tokenizer = new RandomProjectionTokenizer(device);
    expect([tokenizer.name, tokenizer.vocabularySize, tokenizer.patchSize]).toEqual([
      "random-projection",
      8192,
      8,
    ]);
    expect(tokenizer.codebook.shape).toEqual([8192, 192]);
    const rows = await tokenizer.codebook.data();
    for (const row of [0, 17, 8191]) {
      expect(Math.hypot(...rows.slice(row * 192, row * 192 + 192))).toBeCloseTo(1, 5);
    }
    const first = (seed: number) =>
      new RandomProjectionTokenizer(device, { vocabularySize: 4, patchSize: 2, seed }).codebook;
    expect(await first(1).data()).toEqual(await first(1).data());
    expect(await first(2).data()).not.toEqual(await first(1).data());
  });

  test("elements are uniform: their mean square before normalization makes rows of random sign, mean 0", async () => {
    const rows = await new RandomProjectionTokenizer(device, { vocabularySize: 1000 }).codebook.data();
    let [sum, fourth, square] = [0, 0, 0];
    for (const value of rows) {
      sum += value;
      square += value ** 2;
      fourth += value ** 4;
    }
    const n = rows.length;
    expect(sum / n).toBeCloseTo(0, 3);
    // A uniform distribution on a symmetric interval has kurtosis 9/5.
    expect(fourth / n / (square / n) ** 2).toBeCloseTo(1.8, 1);
  });

  test("a brighter or more contrasted patch keeps its word where the options say so", async () => {
    const stream = Array.from({ length: 192 }, (_, i) => Math.sin(i * 1.7) * 0.4);
    const images = (scale: number, shift: number) =>
      tensor(
        device,
        stream.map((value) => value * scale + shift),
        [1, 3, 8, 8],
      );
    const plain = new RandomProjectionTokenizer(device, { vocabularySize: 512 });
    const centered = new RandomProjectionTokenizer(device, { vocabularySize: 512, center: "patch" });
    expect(await plain.tokenize(images(2, 0)).item()).toBe(await plain.tokenize(images(1, 0)).item());
    expect(await centered.tokenize(images(2, 0.3)).item()).toBe(await centered.tokenize(images(1, 0)).item());
  });

  test("says what is wrong with its options and inputs", async () => {
    expect(() => new RandomProjectionTokenizer(device, { vocabularySize: 0 })).toThrow(
      "RandomProjectionTokenizer: vocabularySize is 0 and patchSize is 8; expected whole numbers from 1.",
    );
    expect(() => new RandomProjectionTokenizer(device, { center: "mean" })).toThrow(
      'tokenizer: center is "mean", but there are no patches to take the mean of.',
    );
    const tokenizer = new RandomProjectionTokenizer(device, { vocabularySize: 4 });
    expect(() => tokenizer.tokenize(tensor(device, new Float32Array(3 * 8 * 12), [1, 3, 8, 12]))).toThrow(
      "patchify: pixels is 1×3×8×12 and patchSize is 8; expected B×C×H×W with H and W multiples of the patch size.",
    );
    expect(() => tokenizer.tokenize(tensor(device, new Float32Array(64), [1, 1, 8, 8]))).toThrow(
      "tokenize: pixels are 1×1×8×8; expected B×3×H×W, because the words are patches of 3 channels.",
    );
    const path = join(folder, "text.safetensors");
    await writeFile(path, "not a tokenizer");
    await expect(loadTokenizer(device, path)).rejects.toThrow(path);
    await expect(tokenStatistics(tensor(device, new Int32Array(0)), 3)).rejects.toThrow(
      "there are no tokens",
    );
  });
});
