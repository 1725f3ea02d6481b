import { RandomStream, type Tensor, tensor } from "@splitmask/autograd";
import { ModelFixture } from "@splitmask/autograd/testing";
import { createDevice } from "@splitmask/kernels";
import {
  type KMeansProgress,
  KMeansTokenizer,
  RandomPatchesTokenizer,
  samplePatches,
  tokenStatistics,
} from "@splitmask/tokenizer";

const device = createDevice({ threads: 1 });
afterAll(() => device.close());

/** Patches of 2×2 pixels around `centers` well separated directions. */
function clusteredPatches(count: number, centers: number, seed = 1): Tensor {
  const stream = new RandomStream({ seed, purpose: "test" });
  const directions = Array.from({ length: centers }, () =>
    Array.from({ length: 12 }, () => stream.uniform(-1, 1)),
  );
  const rows = Array.from({ length: count }, () => {
    const direction = directions[stream.integer(centers)]!;
    const contrast = stream.uniform(0.3, 1);
    return direction.map((value) => contrast * value + stream.uniform(-0.02, 0.02));
  });
  return tensor(device, rows);
}

describe("samplePatches", () => {
  // Picture p is p/10 everywhere in red; its patch n is n/100 in green.
  function* pictures(): Generator<Tensor> {
    for (let first = 0; first < 6; first += 3) {
      const values = new Float32Array(3 * 3 * 16);
      for (let picture = 0; picture < 3; picture++) {
        for (let pixel = 0; pixel < 16; pixel++) {
          const patch = Math.floor(pixel / 8) * 2 + (Math.floor(pixel / 2) % 2);
          values[picture * 48 + pixel] = (first + picture) / 10;
          values[picture * 48 + 16 + pixel] = patch / 100;
        }
      }
      yield tensor(device, values, [3, 3, 4, 4]);
    }
  }
  const read = async (patches: Tensor) => {
    const values = await patches.data();
    return Array.from({ length: patches.shape[0]! }, (_, row) => ({
      picture: Math.round(values[row * 12]! * 10),
      patch: Math.round(values[row * 12 + 4]! * 100),
    }));
  };

  test("takes as many different patches of each picture as asked for, up to the count", async () => {
    const one = await read(await samplePatches(pictures(), { patchSize: 2, count: 100 }));
    expect(one.map(({ picture }) => picture)).toEqual([0, 1, 2, 3, 4, 5]);
    const three = await read(
      await samplePatches(pictures(), { patchSize: 2, count: 14, perPicture: 3, seed: 4 }),
    );
    expect(three.length).toBe(14);
    expect(new Set(three.map(({ picture, patch }) => `${picture}.${patch}`)).size).toBe(14);
    const all = await read(await samplePatches(pictures(), { patchSize: 2, count: 100, perPicture: 9 }));
    expect(all.length).toBe(24);
  });

  test("depends on the seed and on nothing else", async () => {
    const draw = async (seed: number) =>
      read(await samplePatches(pictures(), { patchSize: 2, count: 12, perPicture: 2, seed }));
    expect(await draw(1)).toEqual(await draw(1));
    expect(await draw(1)).not.toEqual(await draw(2));
  });

  test("says when there is nothing to sample", async () => {
    await expect(samplePatches([], { count: 5 })).rejects.toThrow("samplePatches: there are no pictures.");
    await expect(samplePatches(pictures(), { count: 0 })).rejects.toThrow("count is 0 and perPicture is 1");
    await expect(
      samplePatches(pictures(), { patchSize: 2, count: 9, signal: AbortSignal.abort() }),
    ).rejects.toThrow("abort");
  });
});

describe("patches that are given", () => {
  test.each([
    { spherical: false },
    { spherical: false, pixelRange: "unit" as const },
    { spherical: false, center: "mean" as const },
    { spherical: false, batchSize: 20 },
    { spherical: true },
    { spherical: true, seedingSample: 10 },
  ])("stay what they are, and are not disposed: %j", async (options) => {
    const patches = clusteredPatches(40, 4);
    const initial = clusteredPatches(4, 4, 2);
    const before = [await patches.data(), await initial.data()];
    for (const given of [{}, { initial }]) {
      const tokenizer = await KMeansTokenizer.fit(patches, {
        vocabularySize: 4,
        iterations: 3,
        ...options,
        ...given,
      });
      expect(tokenizer.vocabularySize).toBe(4);
      RandomPatchesTokenizer.fit(patches, { vocabularySize: 4 });
    }
    expect([await patches.data(), await initial.data()]).toEqual(before);
  });

  test("with a pixel that is NaN or infinite are an error that names the patch", async () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const rows = await clusteredPatches(40, 4).data();
      rows[12 * 7 + 5] = value;
      const text = "7 holds a pixel that is NaN or infinite; expected numbers in [−1, 1].";
      await expect(
        KMeansTokenizer.fit(tensor(device, rows as Float32Array<ArrayBuffer>, [40, 12]), {
          vocabularySize: 4,
        }),
      ).rejects.toThrow(`KMeansTokenizer.fit: patch ${text}`);
      const pictures = new Float32Array(9 * 12);
      pictures[12 * 7 + 5] = value;
      await expect(
        samplePatches([tensor(device, pictures, [9, 3, 2, 2])], { patchSize: 2, count: 9 }),
      ).rejects.toThrow(`samplePatches: sampled patch ${text}`);
    }
  });
});

describe("random patches", () => {
  test("are different patches of the data at unit length, drawn by the seed", async () => {
    const patches = clusteredPatches(40, 40);
    const tokenizer = RandomPatchesTokenizer.fit(patches, { vocabularySize: 40, seed: 3 });
    expect([tokenizer.name, tokenizer.patchSize, tokenizer.vocabularySize]).toEqual([
      "random-patches",
      2,
      40,
    ]);
    // All were drawn, so each patch is most alike to itself.
    const values = (await patches.data()) as Float32Array<ArrayBuffer>;
    const pictures = tensor(device, values, [40, 3, 2, 2]);
    const words = await tokenizer.tokenize(pictures).data();
    expect(new Set(words).size).toBe(40);
    const again = RandomPatchesTokenizer.fit(patches, { vocabularySize: 40, seed: 3 });
    expect(await again.codebook.data()).toEqual(await tokenizer.codebook.data());
  });

  test("a flat patch that centering empties becomes a random direction", async () => {
    const rows = Array.from({ length: 5 }, () => Array(12).fill(0.25));
    const tokenizer = RandomPatchesTokenizer.fit(tensor(device, rows), {
      vocabularySize: 5,
      center: "patch",
    });
    const values = await tokenizer.codebook.data();
    for (let row = 0; row < 5; row++)
      expect(Math.hypot(...values.slice(row * 12, row * 12 + 12))).toBeCloseTo(1, 5);
  });

  test("says when there are too few patches", () => {
    expect(() => RandomPatchesTokenizer.fit(clusteredPatches(3, 2))).toThrow(
      "RandomPatchesTokenizer.fit: there are 3 patches for a vocabulary of 8192; every word needs at least " +
        "one. Sample more patches (more per picture), or pass a smaller vocabularySize.",
    );
    expect(() => RandomPatchesTokenizer.fit(tensor(device, new Float32Array(20), [2, 10]))).toThrow(
      "patches are 2×10; expected M×(3·P²)",
    );
  });
});

describe("k-means", () => {
  test.each(["euclidean", "spherical"] as const)(
    "makes Lloyd's iterations as PyTorch does (%s)",
    async (label) => {
      const fixture = await ModelFixture.read(new URL("fixtures/tokenizer.safetensors", import.meta.url));
      // The fixture's points have 6 values; patches of 2×2 pixels have 12, so the rest is zero.
      const widen = async (key: string) => {
        const narrow = fixture.upload(device, key);
        const values = (await narrow.data()) as Float32Array<ArrayBuffer>;
        const rows = Array.from({ length: narrow.shape[0]! }, (_, row) => [
          ...values.slice(row * 6, row * 6 + 6),
          0,
          0,
          0,
          0,
          0,
          0,
        ]);
        return tensor(device, rows);
      };
      const progress: KMeansProgress[] = [];
      const tokenizer = await KMeansTokenizer.fit(await widen("input.points"), {
        vocabularySize: 8,
        initial: await widen("input.initial"),
        spherical: label === "spherical",
        iterations: 3,
        tolerance: 0,
        onProgress: (step) => progress.push(step),
      });
      const rows = await tokenizer.codebook.data();
      const narrow = tensor(
        device,
        Float32Array.from({ length: 48 }, (_, i) => rows[Math.floor(i / 6) * 12 + (i % 6)]!),
      );
      expect(await fixture.error(narrow, `output.lloyd.${label}`)).toBeLessThan(1e-5);
      expect(progress.map(({ phase, done, total, emptyWords }) => [phase, done, total, emptyWords])).toEqual([
        ["clustering", 1, 3, 0],
        ["clustering", 2, 3, 0],
        ["clustering", 3, 3, 0],
      ]);
      expect(progress[1]!.distance).toBeLessThan(progress[0]!.distance);
      expect(progress[2]!.distance).toBeLessThanOrEqual(progress[1]!.distance);
    },
  );

  test.each([
    ["Lloyd, spherical", {}],
    ["Lloyd, Euclidean, centered", { spherical: false, center: "mean" }],
    ["mini-batch", { batchSize: 200, iterations: 30 }],
  ] as const)("finds the clusters that are there (%s)", async (_, options) => {
    const patches = clusteredPatches(1500, 12);
    const tokenizer = await KMeansTokenizer.fit(patches, { vocabularySize: 24, seed: 5, ...options });
    const values = (await patches.data()) as Float32Array<ArrayBuffer>;
    const words = tokenizer.tokenize(tensor(device, values, [1500, 3, 2, 2]));
    // Each patch lies close to the direction of its word.
    const [codebook, chosen] = [await tokenizer.codebook.data(), await words.data()];
    const mean =
      tokenizer.transform.mean === null ? new Float32Array(12) : await tokenizer.transform.mean.data();
    let worst = 1;
    for (let row = 0; row < 1500; row++) {
      const patch = Array.from(values.slice(row * 12, row * 12 + 12), (value, i) => value - mean[i]!);
      const word = codebook.slice(chosen[row]! * 12, chosen[row]! * 12 + 12);
      worst = Math.min(
        worst,
        patch.reduce((sum, value, i) => sum + value * word[i]!, 0) / Math.hypot(...patch),
      );
    }
    expect(worst).toBeGreaterThan(0.9);
    expect((await tokenStatistics(words, 24)).usedWords).toBeGreaterThanOrEqual(12);
  });

  test("gives the same bits for one thread and two, and for the same seed", async () => {
    const fit = async (threads: number, seed: number) => {
      const own = createDevice({ threads });
      const patches = tensor(
        own,
        (await clusteredPatches(900, 30).data()) as Float32Array<ArrayBuffer>,
        [900, 12],
      );
      const tokenizer = await KMeansTokenizer.fit(patches, { vocabularySize: 40, seed, iterations: 4 });
      const rows = await tokenizer.codebook.data();
      own.close();
      return rows;
    };
    const rows = await fit(1, 7);
    expect(await fit(1, 7)).toEqual(rows);
    expect(await fit(2, 7)).toEqual(rows);
    expect(await fit(1, 8)).not.toEqual(rows);
  });

  test("puts words without patches elsewhere, and leaves no row empty", async () => {
    // Ten different patches, twelve words: two words have to stay without patches, and are put on patches again and
    // again.
    const rows = Array.from({ length: 60 }, (_, i) =>
      Array.from({ length: 12 }, (_, j) => Math.sin((i % 10) * 3 + j)),
    );
    const empties: number[] = [];
    const tokenizer = await KMeansTokenizer.fit(tensor(device, rows), {
      vocabularySize: 12,
      iterations: 3,
      onProgress: ({ phase, emptyWords }) => phase === "clustering" && empties.push(emptyWords),
    });
    expect(empties).toEqual([2, 2, 2]);
    const values = await tokenizer.codebook.data();
    for (let row = 0; row < 12; row++)
      expect(Math.hypot(...values.slice(row * 12, row * 12 + 12))).toBeCloseTo(1, 5);
    const words = await tokenizer.tokenize(tensor(device, rows.flat(), [60, 3, 2, 2])).data();
    expect(new Set(words).size).toBe(10);
  });

  test("reports seeding and clustering, and stops when told to", async () => {
    const controller = new AbortController();
    const phases: string[] = [];
    const fit = KMeansTokenizer.fit(clusteredPatches(600, 5), {
      vocabularySize: 300,
      seedingSample: 400,
      signal: controller.signal,
      onProgress: ({ phase, done }) => {
        phases.push(`${phase} ${done}`);
        if (phase === "clustering") controller.abort(new Error("enough"));
      },
    });
    await expect(fit).rejects.toThrow("enough");
    expect(phases).toEqual(["seeding 256", "seeding 300", "clustering 1"]);
  });

  test("says what is wrong with its options", async () => {
    await expect(KMeansTokenizer.fit(clusteredPatches(9, 2), { vocabularySize: 10 })).rejects.toThrow(
      "KMeansTokenizer.fit: there are 9 patches for a vocabulary of 10; every word needs at least one.",
    );
    const patches = clusteredPatches(9, 2);
    await expect(KMeansTokenizer.fit(patches, { vocabularySize: 2, iterations: 0 })).rejects.toThrow(
      "KMeansTokenizer.fit: iterations is 0; expected a whole number from 1.",
    );
    await expect(KMeansTokenizer.fit(patches, { vocabularySize: 2, initial: patches })).rejects.toThrow(
      "KMeansTokenizer.fit: initial is 9×12; expected 2×12, one centroid a word.",
    );
  });
});
